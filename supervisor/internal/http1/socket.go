package http1

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/loop"
)

// errAgain says that a socket has nothing to read.
const errAgain = syscall.EAGAIN

// errTimeout ends a wait that the server's sweep found to be too long.
var errTimeout = errors.New("the wait is over")

// socket is a connected stream socket that is watched by a loop. It is used
// below package net because that costs system calls and wake-ups that nobody
// needs, and because the engine must know whether a write would have waited.
//
// The loop's goroutine reads and writes without waiting. A goroutine that has
// to wait, for a body or for a slow client, waits for what the loop signals;
// there is one such for each direction at most.
type socket struct {
	fd     int
	source *loop.Source

	readable, writable chan struct{} // capacity 1; a signal may be spurious
	cut                atomic.Bool   // waits are to end now
	writeDeadline      atomic.Int64  // server time; 0 is never

	closing sync.Mutex // held to close, and to use fd from outside the owner
	closed  bool
}

// signal wakes whoever waits for the event.
func (s *socket) signal(event loop.Event) {
	if event.Readable() {
		poke(s.readable)
	}
	if event.Writable() {
		poke(s.writable)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// interrupt ends waits in both directions, now and from now on.
func (s *socket) interrupt() {
	s.cut.Store(true)
	poke(s.readable)
	poke(s.writable)
}

// tryRead reads what is there. errAgain says that there is nothing, io.EOF that
// there will be nothing.
func (s *socket) tryRead(p []byte) (int, error) {
	for {
		n, err := syscall.Read(s.fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// read is tryRead that waits for the first byte, until late says that it has
// waited long enough; late is asked whenever readable is signalled.
func (s *socket) read(p []byte, late func() error) (int, error) {
	for {
		n, err := s.tryRead(p)
		if err != errAgain {
			return n, err
		}
		if s.cut.Load() {
			return 0, os.ErrClosed
		}
		if err := late(); err != nil {
			return 0, err
		}
		<-s.readable
	}
}

// tryWrite writes what the socket takes without waiting and returns how much
// that was. The error is nil when it merely is full.
func (s *socket) tryWrite(p []byte) (int, error) {
	for {
		n, err := syscall.Write(s.fd, p)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, nil
		default:
			return max(n, 0), err
		}
	}
}

// output calls attempt until it has taken all of size bytes, waiting for room
// in between; it gives up when no byte was taken for timeout, 0 waiting for
// ever. now is the server's clock.
func (s *socket) output(size int, timeout time.Duration, now func() int64, attempt func() (int, error)) error {
	watched := false
	for size > 0 {
		n, err := attempt()
		if err != nil {
			return err
		}
		if size -= n; n > 0 || size == 0 {
			continue
		}
		if !watched {
			// Watching reports room that is there already, so none is missed.
			if err := s.source.Watch(loop.Both); err != nil {
				return err
			}
			watched = true
			continue
		}
		if err := s.waitWritable(timeout, now); err != nil {
			return err
		}
	}
	if watched {
		return s.source.Watch(loop.Reading)
	}
	return nil
}

func (s *socket) waitWritable(timeout time.Duration, now func() int64) error {
	limit := int64(0)
	if timeout > 0 {
		limit = now() + int64(timeout)
	}
	s.writeDeadline.Store(limit)
	defer s.writeDeadline.Store(0)
	if s.cut.Load() {
		return os.ErrClosed
	}
	<-s.writable
	switch {
	case s.cut.Load():
		return os.ErrClosed
	case limit != 0 && now() >= limit:
		return errTimeout
	}
	return nil
}

// resetOnClose makes the coming close a reset, so that a peer that reads until
// the end of the connection can see that this was none (SO_LINGER, socket(7)).
func (s *socket) resetOnClose() {
	_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// finishWriting tells the peer that nothing more comes; it can still send.
func (s *socket) finishWriting() { _ = unix.Shutdown(s.fd, unix.SHUT_WR) }

// close closes the socket; false if it was closed before.
func (s *socket) close() bool {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	s.source.Remove()
	_ = unix.Close(s.fd)
	return true
}

// release gives the descriptor to somebody else: closing this socket does not close it.
func (s *socket) release() {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.closed = true
}
