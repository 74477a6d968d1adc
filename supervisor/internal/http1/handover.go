package http1

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A client on a keep-alive connection that waits for its next request need not
// notice that one server ends and another begins: the connection is given from
// one to the other. Nothing of a request has been read from it, so nothing but
// the descriptor has to go along.

// HandOver has every connection, as soon as it waits for a request, given to keep
// with the listener that it came from, instead of closed, and with what a PROXY header
// has said of its client, which Adopt takes; "" without one. keep must not hold on
// to fd, but may duplicate it or send it away; the server closes its own. An
// error of keep closes the connection. Like Drain, HandOver does not wait, and
// it must come after the end of accepting.
func (s *Server) HandOver(keep func(fd int, l *Listener, client string) error) {
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
	if err := c.server.keep(c.socket.fd, c.Listener, c.client()); err != nil {
		c.server.options().Logger.Debug("cannot hand over a connection; it is closed", "err", err)
	}
	c.finish()
}

// Adopt serves a connection that another server has handed over, as one that l
// has accepted, with what that server knew of the client. It owns fd from then on, also
// if it fails.
func (s *Server) Adopt(fd int, l *Listener, client string) error {
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
	c := newConn(s, fd, address, l)
	if err := c.know(client); err != nil {
		closeFD(fd)
		return err
	}
	s.serveFor(c, s.options().KeepAliveTimeout)
	return nil
}

// client is what a PROXY header has said, for the server that the connection is handed
// over to: address, port and "tls" or nothing, with commas between them; "" without one.
func (c *Conn) client() string {
	if !c.introduced {
		return ""
	}
	remote, secure := "", ""
	if c.Remote.IsValid() {
		remote = c.Remote.String()
	}
	if c.Secure {
		secure = "tls"
	}
	return remote + "," + c.Port + "," + secure
}

// know takes what client has said elsewhere.
func (c *Conn) know(client string) error {
	if client == "" {
		return nil
	}
	parts := strings.Split(client, ",")
	if len(parts) != 3 {
		return fmt.Errorf("cannot adopt a connection: %q does not describe its client", client)
	}
	c.Remote = netip.AddrPort{}
	if parts[0] != "" {
		var err error
		if c.Remote, err = netip.ParseAddrPort(parts[0]); err != nil {
			return fmt.Errorf("cannot adopt a connection: its client: %w", err)
		}
	}
	c.introduced, c.Port, c.Secure = true, parts[1], parts[2] == "tls"
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
