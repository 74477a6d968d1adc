package http1

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a connected stream socket in the runtime's poller. It is used
// below package net because that costs five system calls a connection that
// nobody needs (getsockname, TCP_NODELAY, three for keep-alive probes; the
// listener passes its options on), and because the engine must know whether a
// write would have waited.
//
// Reads belong to one goroutine, writes to one goroutine at a time.
type socket struct {
	file *os.File
	raw  syscall.RawConn

	in      []byte // where read puts bytes
	n       int
	err     error
	readFD  func(fd uintptr) bool
	cut     atomic.Bool // writes are to end now
	out     []byte      // what write and tryWrite have left to send
	outErr  error
	writeFD func(fd uintptr) bool
	tryFD   func(fd uintptr) bool
}

// open takes over fd, which must be non-blocking.
func (s *socket) open(fd int) error {
	s.file = os.NewFile(uintptr(fd), "connection")
	raw, err := s.file.SyscallConn()
	if err != nil {
		s.file.Close()
		return err
	}
	s.raw = raw
	if s.readFD == nil {
		s.readFD, s.writeFD, s.tryFD = s.readOnce, s.writeAll, s.writeOnce
	}
	return nil
}

// waitReadable calls attempt whenever the socket may have bytes, until it
// returns true. The error is that of the wait: os.ErrDeadlineExceeded or
// os.ErrClosed.
func (s *socket) waitReadable(attempt func(fd uintptr) bool) error {
	return s.raw.Read(attempt)
}

// read fills p as far as there are bytes, waiting for the first. It returns
// io.EOF when the peer has finished.
func (s *socket) read(p []byte) (int, error) {
	s.in = p
	if err := s.raw.Read(s.readFD); err != nil {
		return 0, err
	}
	return s.n, s.err
}

func (s *socket) readOnce(fd uintptr) bool {
	s.n, s.err = readFD(int(fd), s.in)
	return s.err != syscall.EAGAIN
}

// readFD is read(2) with the conventions of io.Reader: end of file is io.EOF.
func readFD(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
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

// tryWrite writes what the socket takes without waiting and returns how much
// that was. The error is nil when it merely is full.
func (s *socket) tryWrite(p []byte) (int, error) {
	s.out, s.outErr = p, nil
	if err := s.raw.Write(s.tryFD); err != nil {
		return 0, err
	}
	return len(p) - len(s.out), s.outErr
}

func (s *socket) writeOnce(fd uintptr) bool {
	for len(s.out) > 0 {
		n, err := syscall.Write(int(fd), s.out)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			s.outErr = err
			return true
		default:
			s.out = s.out[n:]
			return true
		}
	}
	return true
}

// write writes all of p, giving up when no byte was taken for timeout; 0 waits
// for ever.
func (s *socket) write(p []byte, timeout time.Duration) error {
	s.out, s.outErr = p, nil
	for len(s.out) > 0 {
		before := len(s.out)
		if err := s.setWriteTimeout(timeout); err != nil {
			return err
		}
		err := s.raw.Write(s.writeFD)
		if err == nil {
			err = s.outErr
		}
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || len(s.out) == before || s.cut.Load()) {
			return err
		}
	}
	return nil
}

func (s *socket) setWriteTimeout(timeout time.Duration) error {
	if timeout <= 0 {
		return s.file.SetWriteDeadline(time.Time{})
	}
	return s.file.SetWriteDeadline(time.Now().Add(timeout))
}

func (s *socket) writeAll(fd uintptr) bool {
	for len(s.out) > 0 {
		n, err := syscall.Write(int(fd), s.out)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			s.outErr = err
			return true
		default:
			s.out = s.out[n:]
		}
	}
	return true
}

// sendFile sends up to n bytes of the file from offset with sendfile(2) and
// returns how many it sent; 0 without an error is the end of the file. It
// gives up when no byte was taken for timeout.
func (s *socket) sendFile(file int, offset int64, n int, timeout time.Duration) (sent int, err error) {
	if err := s.setWriteTimeout(timeout); err != nil {
		return 0, err
	}
	waitErr := s.raw.Write(func(fd uintptr) bool {
		for {
			position := offset
			sent, err = unix.Sendfile(int(fd), file, &position, n)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	if waitErr != nil {
		return 0, waitErr
	}
	return max(sent, 0), err
}

// peerGone reports whether the peer has closed the connection or its sending
// side, without touching bytes that are still to be read (poll(2), POLLRDHUP).
func (s *socket) peerGone() bool {
	gone := false
	_ = s.raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(polled, 0)
		gone = err == nil && n > 0 && polled[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone
}

// resetOnClose makes the coming close a reset, so that a peer that reads until
// the end of the connection can see that this was none (SO_LINGER, socket(7)).
func (s *socket) resetOnClose() {
	_ = s.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

// finishWriting tells the peer that nothing more comes; it can still send.
func (s *socket) finishWriting() {
	_ = s.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
}
