package http1

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Options are the bounds of a Server. A timeout of 0 is off.
type Options struct {
	Limits           Limits
	HeaderTimeout    time.Duration // from the first byte of a head, or from accept, to its end
	BodyTimeout      time.Duration // longest silence inside a body
	BodyMinRate      int           // bytes a second over a whole body, after BodyTimeout; 0 is off
	KeepAliveTimeout time.Duration // idle time between requests
	SendTimeout      time.Duration // longest time in which a client takes nothing
	MaxConnections   int           // open at a time; further ones wait in the backlog
	ResponseSpool    int64         // bytes of a response in a file, for a slow client
	// Spool makes an unlinked temporary file.
	Spool func() (*os.File, error)
	// Software is the value of the Server field.
	Software string
	Logger   *slog.Logger
}

// Server serves connections of any number of listeners.
type Server struct {
	options    Options
	handler    Handler
	serverLine string
	epoch      time.Time
	clock      clock
	closing    atomic.Bool
	running    sync.WaitGroup // connections, spools and the sweep
	stop       chan struct{}

	mu     sync.Mutex
	conns  Conn // head of the ring of open connections
	open   int
	closed bool
	room   *sync.Cond // a connection was closed
}

// NewServer returns a server that serves nothing yet.
func NewServer(o Options, h Handler) *Server {
	s := &Server{
		options: o, handler: h, epoch: time.Now(), stop: make(chan struct{}),
		serverLine: "Server: " + o.Software + "\r\n",
	}
	if o.Software == "" {
		s.serverLine = ""
	}
	s.conns.next, s.conns.previous = &s.conns, &s.conns
	s.room = sync.NewCond(&s.mu)
	s.running.Go(s.sweep)
	return s
}

// now is the server's clock in nanoseconds; it does not jump.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }

// Serve accepts connections until the listener is closed or Shutdown is
// called. It returns nil then, and an error when accepting fails for good.
func (s *Server) Serve(l *Listener) error {
	for s.waitForRoom() {
		fd, address, err := l.accept()
		switch {
		case err == nil:
			s.serve(fd, address, l)
		case s.closing.Load() || errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOBUFS):
			s.options.Logger.Error("cannot accept connections for now", "err", err)
			s.pause()
		case errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EPROTO):
		default:
			return err
		}
	}
	return nil
}

// pause waits a moment for descriptors or memory to come free.
func (s *Server) pause() {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-s.stop:
	}
}

func (s *Server) waitForRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open >= s.options.MaxConnections && !s.closed {
		s.room.Wait()
	}
	return !s.closed
}

func (s *Server) serve(fd int, address unix.Sockaddr, l *Listener) {
	c := &Conn{server: s, Listener: l, Remote: addrPort(address), done: make(chan struct{}, 1)}
	c.attemptFD = c.attempt
	c.Response.conn = c
	if err := c.socket.open(fd); err != nil {
		closeFD(fd)
		return
	}
	c.setDeadline(s.options.HeaderTimeout)
	if !s.add(c) {
		c.socket.file.Close()
		return
	}
	go c.serve()
}

func addrPort(address unix.Sockaddr) netip.AddrPort {
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// add lists a connection; false when the server has been closed.
func (s *Server) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	s.open++
	c.next, c.previous = s.conns.next, &s.conns
	c.next.previous, s.conns.next = c, c
	return true
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.previous.next, c.next.previous = c.next, c.previous
	s.open--
	s.room.Broadcast()
}

// sweepEvery is how often deadlines of waiting connections are looked at. They
// are kept to that precision, so that none costs a timer.
const sweepEvery = 250 * time.Millisecond

func (s *Server) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.expire(s.now())
		case <-s.stop:
			return
		}
	}
}

func (s *Server) expire(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.conns.next; c != &s.conns; c = c.next {
		if d := c.deadline.Load(); d != 0 && d <= now {
			c.expired.Store(true)
			c.interruptRead()
		}
	}
}

// WaitClosed waits until no connection is open, or ctx ends.
func (s *Server) WaitClosed(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.room.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open > 0 && ctx.Err() == nil {
		s.room.Wait()
	}
	if s.open == 0 {
		return nil
	}
	return ctx.Err()
}

// Open is the number of open connections.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Drain has every connection end with the exchange it has, and idle ones at
// once. It does not wait, and does not stop accepting: close the listeners
// first.
func (s *Server) Drain() {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.conns.next; c != &s.conns; c = c.next {
		if !c.waitsForExchange() {
			c.interruptRead()
		}
	}
}

// Close ends every connection at once and waits until nothing of the server
// runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.closing.Store(true)
	for c := s.conns.next; c != &s.conns; c = c.next {
		c.interruptRead()
		c.interruptWrite()
	}
	s.room.Broadcast()
	s.mu.Unlock()
	s.running.Wait()
}

// StatusText is the reason phrase of a status.
func StatusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Unknown"
}

// appendError appends a whole response of the engine's own.
func (c *Conn) appendError(b []byte, status int, text, fields string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, StatusText(status)...)
	b = append(b, "\r\nContent-Type: text/plain; charset=utf-8\r\n"...)
	if status != 204 && status != 304 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(b, '\r', '\n')
	}
	b = append(b, fields...)
	b = c.server.clock.appendDate(b)
	b = append(b, c.server.serverLine...)
	switch {
	case c.closeAfter.Load() || c.server.closing.Load():
		c.closeAfter.Store(true)
		b = append(b, "Connection: close\r\n"...)
	case c.minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	b = append(b, '\r', '\n')
	if !c.headRequest && status != 204 && status != 304 {
		b = append(b, text...)
	}
	return b
}

func closeFD(fd int) { _ = unix.Close(fd) }
