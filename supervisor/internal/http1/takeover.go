package http1

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// What is no HTTP/1.1 is served by others, who may come back with the requests in it:
// they make a socket pair and have the engine serve one end.

// TakeOver serves a connection from where the engine has stopped reading; read has what
// was read already. It owns fd and must not wait. The connection is one of the server's
// clients until TakenEnded is called.
type TakeOver func(fd int, read []byte)

// errTaken says that a connection is the engine's no more.
var errTaken = errors.New("taken over")

// takenOver reports whether somebody else serves the connection, which has brought no
// request yet, or has to see more of it first.
func (c *Conn) takenOver() (wait bool, err error) {
	if c.used || c.carried {
		return false, nil
	}
	offer := c.server.options().Offer
	if offer == nil {
		return false, nil
	}
	input := c.buf[c.start:c.end]
	take, wait := offer(c, input)
	switch {
	case wait:
		c.scanner.next = len(input) // looked at, see requestBuffered
		return true, nil
	case take == nil:
		return false, nil
	}
	c.mu.Lock()
	c.closed = true
	source := c.socket.source
	c.mu.Unlock()
	source.RemoveShared()
	read := bytes.Clone(input)
	c.start = c.end
	c.releaseBuffer()
	c.socket.release()
	c.server.takenBegun()
	c.server.remove(c)
	take(c.socket.fd, read)
	return false, errTaken
}

func (s *Server) takenBegun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
}

// TakenEnded is called once for each connection that was taken over, when it has ended.
func (s *Server) TakenEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.emptyLocked()
}

// Peer is what is known of a client whose requests come through a socket pair.
type Peer struct {
	Remote netip.AddrPort // not valid for a UNIX socket
	Port   string         // that it has connected to, "" for a UNIX socket
	Secure bool
	// Local is what [Conn.Local] has said.
	Local bool
	// Protocol is what it speaks, "HTTP/2.0"; "" for what the requests say.
	Protocol string
	// Ended is called when the server ends the connection, and told whether the last
	// response was cut off where that does not show; nil is not called.
	Ended func(cut bool)
}

// Carry serves one end of a socket pair as a connection that l has accepted. It owns fd
// from then on, also if it fails. The connection is not handed over: its other end is
// in this process.
func (s *Server) Carry(fd int, l *Listener, p Peer) error {
	err := unix.SetNonblock(fd, true)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		closeFD(fd)
		return fmt.Errorf("cannot serve one end of a socket pair: %w", err)
	}
	c := newConn(s, fd, nil, l)
	c.carried, c.ended = true, p.Ended
	c.Remote, c.Port, c.Secure, c.Protocol = p.Remote, p.Port, p.Secure, p.Protocol
	c.introduced = l.Unix && !p.Local
	s.serveFor(c, s.options().KeepAliveTimeout)
	return nil
}

// endCarried ends a connection that waits for a request, when the server is to end. Who
// made a new one has a request for it.
func (c *Conn) endCarried() {
	if c.used || c.hungUp.Load() {
		c.close()
		return
	}
	c.setDeadline(lingerTime)
}
