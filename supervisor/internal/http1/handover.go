package http1

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// A client on a keep-alive connection that waits for its next request need not
// notice that one server ends and another begins: the connection is given from
// one to the other. Nothing of a request has been read from it, so nothing but
// the descriptor has to go along.

// HandOver has every connection, as soon as it waits for a request, given to keep
// with the listener that it came from, instead of closed. keep must not hold on
// to fd, but may duplicate it or send it away; the server closes its own. An
// error of keep closes the connection. Like Drain, HandOver does not wait, and
// it must come after the end of accepting.
func (s *Server) HandOver(keep func(fd int, l *Listener) error) {
	s.keep = keep
	s.handingOver.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.conns.next; c != &s.conns; c = c.next {
		c.post(c.endIdle)
	}
}

// handOver gives the connection away. The loop's goroutine calls it.
func (c *Conn) handOver() {
	c.mu.Lock()
	c.closed = true
	source := c.socket.source
	c.mu.Unlock()
	if source != nil {
		source.RemoveShared()
	}
	if err := c.server.keep(c.socket.fd, c.Listener); err != nil {
		c.server.options().Logger.Debug("cannot hand over a connection; it is closed", "err", err)
	}
	c.finish()
}

// Adopt serves a connection that another server has handed over, as one that l
// has accepted. It owns fd from then on, also if it fails.
func (s *Server) Adopt(fd int, l *Listener) error {
	address, err := unix.Getpeername(fd)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		closeFD(fd)
		return fmt.Errorf("cannot adopt a connection: %w", err)
	}
	s.serveFor(fd, address, l, s.options().KeepAliveTimeout)
	return nil
}

// Accepted reports whether a connection came, as far as its own address tells,
// from this listener.
func (l *Listener) Accepted(fd int) bool {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	if _, isUnix := address.(*unix.SockaddrUnix); isUnix {
		return l.Unix
	}
	return l.Port == strconv.Itoa(int(addrPort(address).Port()))
}
