package http1

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/loop"
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
	// Loops wait for the connections. With none the server makes one.
	Loops []*loop.Loop
	// BodyBuffer is the size of request bodies that are received before they are
	// handled, in bytes.
	BodyBuffer int64
	// Offer is shown the first bytes of a connection, after a PROXY header: it returns
	// who serves it instead, nil for the engine itself, or that it has to see more bytes.
	// Nil offers nobody anything.
	Offer func(c *Conn, first []byte) (take TakeOver, wait bool)
	// Uwsgi says whether a peer may send its request in the uwsgi protocol, with what
	// it says of the client in it; nil means that none may.
	Uwsgi func(c *Conn) bool
	// ProxyHeader says whether a connection begins with a PROXY protocol header, by
	// which its Remote, Port and Secure are changed; nil means that none does.
	ProxyHeader func(c *Conn) ProxyHeader
}

// Server serves connections of any number of listeners.
type Server struct {
	settings   atomic.Pointer[Options]
	handler    Handler
	serverLine string
	epoch      time.Time
	clock      clock
	closing    atomic.Bool
	last       atomic.Bool // see SetLast
	// handingOver has connections given to keep instead of closed.
	handingOver atomic.Bool
	keep        func(fd int, l *Listener, client string) error // set before handingOver
	loops       []*loop.Loop
	own         *loop.Loop // the loop that the server made itself; nil if it was given some
	turn        int        // guarded by mu
	pipes       pipes
	running     sync.WaitGroup // connections, spools and the sweep
	stop        chan struct{}

	mu     sync.Mutex
	conns  Conn      // head of the ring of open connections
	open   int       // in the ring
	inner  int       // of those, carried ones: no clients' connections, but requests in such
	taken  int       // connections that somebody else serves, see TakeOver
	empty  time.Time // since when no connection is open
	closed bool
	room   *sync.Cond    // a connection was closed
	filled chan struct{} // capacity 1: a connection was opened where none was
}

// NewServer returns a server that serves nothing yet.
func NewServer(o Options, h Handler) *Server {
	s := &Server{
		handler: h, loops: o.Loops, epoch: time.Now(), stop: make(chan struct{}),
		serverLine: "Server: " + o.Software + "\r\n", empty: time.Now(), filled: make(chan struct{}, 1),
	}
	s.settings.Store(&o)
	if o.Software == "" {
		s.serverLine = ""
	}
	s.conns.next, s.conns.previous = &s.conns, &s.conns
	s.room = sync.NewCond(&s.mu)
	s.running.Go(s.sweep)
	return s
}

// options are those that count now.
func (s *Server) options() *Options { return s.settings.Load() }

// Reconfigure has requests and waits that begin from now on go by o. Software
// and Loops stay as they were.
func (s *Server) Reconfigure(o Options) { s.settings.Store(&o) }

// now is the server's clock in nanoseconds; it does not jump.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }

// Serve accepts connections until the listener or the server is closed. It
// returns nil then, and an error when accepting fails for good.
func (s *Server) Serve(l *Listener) error {
	if err := s.start(); err != nil {
		return err
	}
	return l.serve(s)
}

// start makes the loops that the server was not given.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.loops) > 0 {
		return nil
	}
	own, err := loop.New()
	if err != nil {
		return err
	}
	s.loops, s.own = []*loop.Loop{own}, own
	return nil
}

// serve takes over an accepted connection.
func (s *Server) serve(fd int, address unix.Sockaddr, l *Listener) {
	s.serveFor(newConn(s, fd, address, l), s.options().HeaderTimeout)
}

func newConn(s *Server, fd int, address unix.Sockaddr, l *Listener) *Conn {
	c := &Conn{server: s, Listener: l, Remote: addrPort(address), Port: l.Port}
	c.socket.fd = fd
	c.socket.readable, c.socket.writable = make(chan struct{}, 1), make(chan struct{}, 1)
	c.advanceFunc = c.advance
	c.Response.conn = c
	return c
}

// serveFor serves a connection that has so much time until its next request has come.
func (s *Server) serveFor(c *Conn, wait time.Duration) {
	fd := c.socket.fd
	c.setDeadline(wait)
	if !s.add(c) {
		closeFD(fd)
		return
	}
	s.mu.Lock()
	at := s.loops[s.turn%len(s.loops)]
	s.turn++
	s.mu.Unlock()
	// From here on the loop may call the connection.
	c.mu.Lock()
	source, err := at.Add(fd, loop.Reading, c)
	c.socket.source = source
	c.mu.Unlock()
	if err == nil && s.handingOver.Load() {
		c.post(c.endIdle)
	}
	if err != nil {
		s.options().Logger.Error("cannot serve a connection", "err", err)
		s.remove(c)
		closeFD(fd)
	}
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
	s.running.Add(1) // until remove
	if s.open == 0 {
		poke(s.filled)
	}
	s.open++
	if c.carried {
		s.inner++
	}
	c.next, c.previous = s.conns.next, &s.conns
	c.next.previous, s.conns.next = c, c
	return true
}

// clientsLocked is the number of connections that clients have open.
func (s *Server) clientsLocked() int { return s.open - s.inner + s.taken }

// emptyLocked notes when there is no connection left.
func (s *Server) emptyLocked() {
	if s.open == 0 && s.taken == 0 {
		s.empty = time.Now()
	}
	s.room.Broadcast()
}

// hasRoom reports whether another connection may be opened.
func (s *Server) hasRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clientsLocked() < s.options().MaxConnections
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.previous.next, c.next.previous = c.next, c.previous
	s.open--
	if c.carried {
		s.inner--
	}
	s.emptyLocked()
	s.running.Done()
}

// sweepEvery is how often deadlines of waiting connections are looked at. They
// are kept to that precision, so that none costs a timer. A server without
// connections wakes for none.
const sweepEvery = 250 * time.Millisecond

func (s *Server) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.expire(s.now()) {
				continue
			}
		case <-s.stop:
			return
		}
		tick.Stop()
		select {
		case <-s.filled:
			tick.Reset(sweepEvery)
		case <-s.stop:
			return
		}
	}
}

// expire acts on deadlines. It reports whether there are connections.
func (s *Server) expire(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.conns.next; c != &s.conns; c = c.next {
		if d := c.deadline.Load(); d != 0 && d <= now {
			poke(c.socket.readable)
			c.post(c.expire)
		}
		if d := c.socket.writeDeadline.Load(); d != 0 && d <= now {
			poke(c.socket.writable)
		}
	}
	return s.open > 0
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

// Open is the number of connections that clients have open, those that somebody else
// serves included.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clientsLocked()
}

// EmptySince is since when no connection is open; the zero time while one is.
func (s *Server) EmptySince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open > 0 || s.taken > 0 {
		return time.Time{}
	}
	return s.empty
}

// SetLast has every connection end with its next response, which says so
// (Connection: close); false takes that back. New connections are served, too.
func (s *Server) SetLast(on bool) { s.last.Store(on) }

// Drain has every connection end with the exchange it has, and idle ones at
// once. It does not wait, and does not stop accepting: close the listeners
// first.
func (s *Server) Drain() {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.conns.next; c != &s.conns; c = c.next {
		c.post(c.endIdle)
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
	var open []*Conn
	for c := s.conns.next; c != &s.conns; c = c.next {
		open = append(open, c)
	}
	s.room.Broadcast()
	s.mu.Unlock()
	for _, c := range open {
		c.closeAfter.Store(true)
		c.Response.close() // first: a write that is interrupted looks as if the client had gone
		c.socket.interrupt()
		c.post(c.endIdle)
	}
	s.running.Wait()
	s.pipes.close()
	if s.own != nil {
		s.own.Close()
	}
}

// appendError appends a whole response of the engine's own.
func (c *Conn) appendError(b []byte, status int, contentType, text, fields string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, StatusText(status)...)
	b = append(b, "\r\nContent-Type: "...)
	b = append(append(b, contentType...), '\r', '\n')
	if status != 204 && status != 304 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(b, '\r', '\n')
	}
	b = append(b, fields...)
	b = c.Response.appendSet(b)
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
