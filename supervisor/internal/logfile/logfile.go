// Package logfile appends lines to log files that other programs rotate.
//
// What it keeps true:
//
//   - Whoever has something to log never waits for the disk: lines are gathered in
//     memory, up to a bound, and written by a goroutine, whole lines at a time.
//   - After Reopen has returned, nothing is written to the file that was open
//     before, and no line was lost, doubled or cut by the change.
//   - A disk that is full, or a directory that may not be written to, loses log
//     lines and nothing else: they are counted, and an error is logged once a
//     minute.
package logfile

import (
	"errors"
	"fmt"
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

	file       sync.Mutex // held while the file is written or changed
	out        io.WriteCloser
	rest       []byte // of a write that the disk took a part of
	complained time.Time
}

// Open opens path for appending and makes it, with the mode, if it is not there;
// "-" is standard output, "" no log at all: then File is nil.
func Open(path string, mode os.FileMode, log *slog.Logger) (*File, error) {
	if path == "" {
		return nil, nil
	}
	f := &File{
		mode: mode, log: log,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if path == "-" {
		f.out = keepOpen{os.Stdout}
	} else {
		f.path = path
		out, err := f.open()
		if err != nil {
			return nil, err
		}
		f.out = out
	}
	go f.run()
	return f, nil
}

// keepOpen is a file that is not this package's to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func (f *File) open() (*os.File, error) {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, f.mode)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log file: %w", err)
	}
	return out, nil
}

// Append adds one line. format appends it, with its newline, to what it gets.
func (f *File) Append(format func([]byte) []byte) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.pending) >= mostPending {
		f.lost++
		return
	}
	f.pending = format(f.pending)
	if !f.due {
		f.due = true
		time.AfterFunc(gatherTime, f.rouse)
	} else if len(f.pending) >= writeAt {
		f.rouse()
	}
}

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
	batch := append(f.rest, f.pending...)
	f.pending, f.due = f.pending[:0], false
	f.mu.Unlock()
	n, err := f.out.Write(batch)
	f.rest = append(f.rest[:0], batch[n:]...)
	if err == nil {
		f.complained = time.Time{}
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

// bound gives up lines that the disk has not taken for too long: all but the
// first, a part of which may be in the file already.
func (f *File) bound() {
	if len(f.rest) < mostPending {
		return
	}
	end := 0
	for end < len(f.rest) && f.rest[end] != '\n' {
		end++
	}
	lines := uint64(0)
	for _, c := range f.rest[min(end+1, len(f.rest)):] {
		if c == '\n' {
			lines++
		}
	}
	f.rest = append([]byte(nil), f.rest[:min(end+1, len(f.rest))]...)
	f.mu.Lock()
	f.lost += lines
	f.mu.Unlock()
}

func (f *File) complain(err error) {
	if time.Since(f.complained) < complainEvery {
		return
	}
	f.complained = time.Now()
	f.log.Error("cannot write the log file; requests are served on", "file", f.path, "err", err, "lost", f.Lost())
}

// Reopen writes what was logged until now to the file that is open, and opens
// the one that has its name now. When that cannot be done, the old one is used
// on and the error says why.
func (f *File) Reopen() error {
	if f == nil || f.path == "" {
		return nil
	}
	f.file.Lock()
	defer f.file.Unlock()
	out, err := f.open()
	if err != nil {
		return err
	}
	f.write()
	old := f.out
	f.out = out
	if len(f.rest) > 0 {
		// The old disk was full; what began there is finished there or not at all.
		f.write()
	}
	if err := old.Close(); err != nil {
		return fmt.Errorf("cannot close the old log file: %w", err)
	}
	return nil
}

// Close writes what is left and closes the file.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	close(f.stop)
	<-f.stopped
	f.file.Lock()
	defer f.file.Unlock()
	f.write()
	var err error
	if len(f.rest) > 0 {
		err = errors.New("the end of the log could not be written")
	}
	return errors.Join(err, f.out.Close())
}
