// Package logfile appends lines to log files that other programs rotate.
//
// What it keeps true:
//
//   - Whoever has something to log never waits for the disk: lines are gathered in
//     memory, up to a bound, and written by a goroutine, whole lines at a time.
//   - After Reopen has returned, nothing is written to the file that was open
//     before, and every line is whole in one of the two.
//   - A disk that is full, or a directory that may not be written to, delays log
//     lines, and loses them when there are too many to keep, and does nothing else:
//     they are counted, and an error is logged once a minute.
package logfile

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// gatherTime is how long a line may wait to be written with others.
	gatherTime = 100 * time.Millisecond
	// writeAt is how many bytes are written without waiting longer.
	writeAt = 64 << 10
	// mostPending bounds what is kept while the disk does not take it, in bytes.
	mostPending = 8 << 20
	// retryTime is how long a write that failed is put off.
	retryTime = time.Second
	// complainEvery is how often an error that lasts is logged.
	complainEvery = time.Minute
)

// File is a log file. A nil File takes lines and forgets them.
type File struct {
	path string // "" for standard output
	mode os.FileMode
	log  *slog.Logger

	mu      sync.Mutex
	pending []byte
	due     bool // the writer has been told
	lost    uint64
	closed  bool

	wake    chan struct{} // capacity 1
	stop    chan struct{}
	stopped chan struct{}

	file       sync.Mutex     // held while the file is written or changed
	out        io.WriteCloser // nil while it cannot be opened
	over       bool           // out is closed for good
	rest       []byte         // whole lines that the disk has not taken
	torn       int            // bytes of rest that are in out already
	complained time.Time
	ailing     bool // an error was logged, and not its end
}

// Open opens path for appending and makes it, with the mode, if it is not there;
// "-" is standard output, "" no log at all: then File is nil. log takes what goes
// wrong later.
func Open(path string, mode os.FileMode, log *slog.Logger) (*File, error) {
	f := newFile(path, mode, log)
	if f == nil {
		return nil, nil
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	go f.run()
	return f, nil
}

// OpenPatiently is Open for a program that rather runs without the log than not
// at all: a file that cannot be opened is tried again and again, while lines wait
// for it as they do for a disk that is full.
func OpenPatiently(path string, mode os.FileMode, log *slog.Logger) *File {
	f := newFile(path, mode, log)
	if f == nil {
		return nil
	}
	if err := f.open(); err != nil {
		f.complain(err)
	}
	go f.run()
	return f
}

// newFile makes a File that is not open yet.
func newFile(path string, mode os.FileMode, log *slog.Logger) *File {
	if path == "" {
		return nil
	}
	f := &File{
		path: path, mode: mode, log: log,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if path == "-" {
		f.path, f.out = "", keepOpen{os.Stdout}
	}
	return f
}

// Append adds what format appends to what it gets: lines, each with its newline,
// that stay together.
func (f *File) Append(format func([]byte) []byte) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.pending)
	f.pending = format(f.pending)
	switch {
	case f.closed || before >= mostPending:
		f.lost += linesIn(f.pending[before:])
		f.pending = f.pending[:before]
	case !f.due:
		f.due = true
		time.AfterFunc(gatherTime, f.rouse)
	case len(f.pending) >= writeAt:
		f.rouse()
	}
}

func linesIn(text []byte) uint64 { return uint64(bytes.Count(text, []byte{'\n'})) }

func (f *File) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Lost is the number of lines that could not be kept until they were written.
func (f *File) Lost() uint64 {
	if f == nil {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

func (f *File) run() {
	defer close(f.stopped)
	for {
		select {
		case <-f.wake:
			f.file.Lock()
			f.write()
			f.file.Unlock()
		case <-f.stop:
			return
		}
	}
}

// write gives the disk what is pending. The caller holds file.
func (f *File) write() {
	f.mu.Lock()
	f.rest = append(f.rest, f.pending...)
	f.pending, f.due = f.pending[:0], false
	f.mu.Unlock()
	err := f.flush()
	if err == nil {
		f.recovered()
		return
	}
	f.complain(err)
	f.bound()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.due && !f.closed {
		f.due = true
		time.AfterFunc(retryTime, f.rouse)
	}
}

// flush writes what rest has, and keeps what the disk does not take, from the
// beginning of a line.
func (f *File) flush() error {
	if len(f.rest) == 0 {
		return nil
	}
	if f.out == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	n, err := f.out.Write(f.rest[f.torn:])
	n += f.torn
	whole := bytes.LastIndexByte(f.rest[:n], '\n') + 1
	f.torn = n - whole
	f.rest = append(f.rest[:0], f.rest[whole:]...)
	return err
}

// bound gives up lines that the disk has not taken for too long: all but one
// that is torn, whose end it has to get.
func (f *File) bound() {
	if len(f.rest) < mostPending {
		return
	}
	end := 0
	if f.torn > 0 {
		end = bytes.IndexByte(f.rest, '\n') + 1
	}
	lost := linesIn(f.rest[end:])
	f.rest = append([]byte(nil), f.rest[:end]...)
	f.mu.Lock()
	f.lost += lost
	f.mu.Unlock()
}

func (f *File) complain(err error) {
	if time.Since(f.complained) < complainEvery {
		return
	}
	f.complained, f.ailing = time.Now(), true
	f.log.Error("cannot write the log file; requests are served on", "file", f.path, "err", err, "lost", f.Lost())
}

// recovered says that what was complained about is over.
func (f *File) recovered() {
	if f.ailing {
		f.ailing = false
		f.log.Info("the log file is written again", "file", f.path, "lost", f.Lost())
	}
}
