package front

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// copySize is the size of the buffers that large bodies pass through, bytes.
const copySize = 256 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// receive takes in a body that is chunked or larger than request-buffer-size:
// what fits that stays in memory, more goes to an unlinked file, and what
// exceeds request-spool-limit is left to be streamed.
func (s *session) receive(frame *group.Frame) {
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	spool := bodySpool{session: s, frame: frame, environ: len(frame.Bytes) - wire.HeaderSize}
	if err := spool.fill(buffer[:]); err != nil {
		spool.discard()
		s.refuseBody(err)
		return
	}
	spool.send()
}

// bodySpool is a request body while it arrives.
type bodySpool struct {
	session *session
	frame   *group.Frame
	environ int    // bytes
	memory  []byte // while it is small
	file    *os.File
	size    int64
	more    bool // the limit of the file is reached
}

// fill reads until the body or the room for it ends.
func (b *bodySpool) fill(buffer []byte) error {
	conf := b.session.conf
	for b.session.conn.HasBody() {
		window := buffer
		if left := conf.bodySpool - b.size; left < int64(len(window)) {
			if left <= 0 {
				b.more = true
				if len(b.memory) == 0 {
					return nil
				}
				return b.spill() // the limit is below request-buffer-size
			}
			window = window[:left]
		}
		n, err := b.session.conn.ReadBody(window)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := b.add(window[:n]); err != nil {
			return err
		}
	}
	return nil
}

func (b *bodySpool) add(p []byte) error {
	conf := b.session.conf
	b.size += int64(len(p))
	if b.session.tooLarge(b.size) {
		return errTooLarge
	}
	if b.file == nil && b.size <= conf.bodyMemory {
		b.memory = append(b.memory, p...)
		return nil
	}
	if err := b.spill(); err != nil {
		return err
	}
	if _, err := b.file.Write(p); err != nil {
		return fmt.Errorf("cannot spool a request body: %w", err)
	}
	return nil
}

// spill moves what is in memory to the file, which it makes at need.
func (b *bodySpool) spill() error {
	if b.file == nil {
		file, err := b.session.front.TemporaryFile()
		if err != nil {
			return err
		}
		b.file = file
	}
	if len(b.memory) == 0 {
		return nil
	}
	if _, err := b.file.Write(b.memory); err != nil {
		return fmt.Errorf("cannot spool a request body: %w", err)
	}
	b.memory = nil
	return nil
}

func (b *bodySpool) discard() {
	if b.file != nil {
		b.file.Close()
	}
	b.session.front.frames.put(b.frame)
}

// send passes the exchange on with what was received.
func (b *bodySpool) send() {
	s := b.session
	req := &s.conn.Request
	switch {
	case req.HasContentLength:
		s.appendLength(b.frame, req.ContentLength)
	case !b.more:
		// The chunks are undone and their length is known: applications that
		// read no body without a CONTENT_LENGTH work as well.
		s.appendLength(b.frame, b.size)
	}
	switch {
	case b.more:
		s.stream(b.frame, b.file, b.size)
	case b.file != nil:
		s.send(b.frame, group.NewBody(b.file, b.size, false))
	default:
		environ := len(b.frame.Bytes) - wire.HeaderSize
		b.frame.Bytes = append(b.frame.Bytes, b.memory...)
		s.sendWith(b.frame, environ, nil)
	}
}

// TemporaryFile makes a file without a name in the spool directory: nothing is
// left of it when the program ends, however it ends (open(2), O_TMPFILE).
func (f *Front) TemporaryFile() (*os.File, error) {
	directory := f.conf.Load().spoolDirectory
	if directory == "" {
		directory = os.TempDir()
	}
	fd, err := unix.Open(directory, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), directory+"/(spool)"), nil
	}
	// Not every file system has O_TMPFILE.
	file, nextErr := os.CreateTemp(directory, "wsgid-spool-")
	if nextErr != nil {
		return nil, fmt.Errorf("cannot make a spool file in %s: %w", directory, nextErr)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot unlink a spool file: %w", err)
	}
	return file, nil
}
