package front

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// relays serve what the engine does not speak: TLS, and HTTP/2 with TLS or without. They
// bring the requests in it to the engine over socket pairs, as HTTP/1.1, so that
// everything else is the same for every request.
type relays struct {
	front   *Front
	running sync.WaitGroup
	buffers sync.Pool // of *relayBuffer

	mu       sync.Mutex
	open     map[net.Conn]bool
	servers  map[*http.Server]bool // of HTTP/2
	draining bool                  // see shutdown
	ended    bool
}

func newRelays(f *Front) *relays {
	r := &relays{front: f, open: map[net.Conn]bool{}, servers: map[*http.Server]bool{}}
	r.buffers.New = func() any { return new(relayBuffer) }
	return r
}

// client is what the engine knew of a client before somebody else served it.
type client struct {
	listener *http1.Listener
	peer     http1.Peer
}

// The first byte of a TLS connection, a handshake record (RFC 8446, 5.1), and what a
// client of HTTP/2 sends first (RFC 9113, 3.4).
const (
	tlsHandshake = 0x16
	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// offer takes connections that begin with TLS where that is spoken, and HTTP/2.
func (f *Front) offer(c *http1.Conn, first []byte) (take http1.TakeOver, wait bool) {
	conf := f.conf.Load()
	who := client{c.Listener, http1.Peer{Remote: c.Remote, Port: c.Port, Secure: c.Secure, Local: c.Local()}}
	if first[0] == tlsHandshake && conf.tls != nil && conf.speaksTLS(c.Listener) {
		return func(fd int, read []byte) { f.relays.start(fd, read, who, f.relays.serveTLS) }, false
	}
	if !conf.http2 || first[0] != http2Preface[0] {
		return nil, false
	}
	n := min(len(first), len(http2Preface))
	if string(first[:n]) != http2Preface[:n] {
		return nil, false
	}
	if n < len(http2Preface) {
		return nil, true
	}
	return func(fd int, read []byte) { f.relays.start(fd, read, who, f.relays.serveHTTP2) }, false
}

// start serves a connection in a goroutine. It owns fd.
func (r *relays) start(fd int, read []byte, who client, serve func(net.Conn, client)) {
	file := os.NewFile(uintptr(fd), "client")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		r.front.logger.Error("cannot serve a connection", "err", err)
		r.front.server.TakenEnded()
		return
	}
	if len(read) > 0 {
		conn = &readAhead{Conn: conn, read: read}
	}
	if !r.add(conn) {
		conn.Close()
		r.front.server.TakenEnded()
		return
	}
	go func() {
		defer r.remove(conn)
		serve(conn, who)
	}()
}

// readAhead is a connection of which something was read already.
type readAhead struct {
	net.Conn
	read []byte
}

func (c *readAhead) Read(p []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.read)
	c.read = c.read[n:]
	return n, nil
}

// reset makes the coming close of a connection visible as none that is regular.
func reset(conn net.Conn) {
	if ahead, ok := conn.(*readAhead); ok {
		conn = ahead.Conn
	}
	if l, ok := conn.(*net.TCPConn); ok {
		_ = l.SetLinger(0)
	}
}

// add lists a connection; false if there are as many as there may be, or all are to end.
func (r *relays) add(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || len(r.open) >= r.front.conf.Load().maxConnections {
		return false
	}
	r.open[conn] = true
	r.running.Add(1)
	return true
}

func (r *relays) remove(conn net.Conn) {
	_ = conn.Close()
	r.mu.Lock()
	delete(r.open, conn)
	r.mu.Unlock()
	r.front.server.TakenEnded()
	r.running.Done()
}

// close ends every connection at once.
func (r *relays) close() {
	r.mu.Lock()
	r.ended = true
	for conn := range r.open {
		reset(conn)
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// serveTLS speaks TLS with a client.
func (r *relays) serveTLS(conn net.Conn, who client) {
	f, conf := r.front, r.front.conf.Load()
	timeout := conf.headerTimeout
	secured := tls.Server(conn, conf.tls)
	if timeout > 0 {
		_ = conn.SetDeadline(time.Now().Add(timeout))
	}
	if err := secured.HandshakeContext(context.Background()); err != nil {
		f.logger.Debug("cannot agree on TLS with a client", "client", who.peer.Remote.String(), "err", err)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	who.peer.Secure = true
	if secured.ConnectionState().NegotiatedProtocol == protocolHTTP2 {
		r.serveHTTP2(secured, who)
		return
	}
	r.carry(secured, conn, who)
}

// pair makes a connection to the engine, which serves its other end.
func (r *relays) pair(who client, ended func(cut bool)) (net.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "relay")
	inner, err := net.FileConn(file)
	file.Close()
	if err != nil {
		_ = unix.Close(fds[1])
		return nil, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	peer := who.peer
	peer.Ended = ended
	if err := r.front.server.Carry(fds[1], who.listener, peer); err != nil {
		inner.Close()
		return nil, err
	}
	return inner, nil
}

// carry passes bytes between a client that speaks TLS and the engine until one of the
// two ends the connection. A response that was cut off is not followed by the alert that
// says that this was all (RFC 8446, 6.1).
func (r *relays) carry(secured *tls.Conn, raw net.Conn, who client) {
	var cut atomic.Bool
	inner, err := r.pair(who, cut.Store)
	if err != nil {
		r.front.logger.Error("cannot serve a connection", "err", err)
		return
	}
	received := make(chan struct{})
	go func() {
		defer close(received)
		_, _ = io.Copy(onlyWriter{inner}, secured)
		_ = inner.(*net.UnixConn).CloseWrite()
	}()
	_, err = io.Copy(&patientWriter{to: secured, within: r.front.conf.Load().patience}, inner)
	if cut.Load() || err != nil {
		reset(raw)
	} else {
		_ = secured.CloseWrite()
	}
	_ = inner.Close()
	// What the client still sends would make the close a reset, which can take the
	// answer with it.
	_ = raw.SetReadDeadline(time.Now().Add(lingerTime))
	<-received
}

// lingerTime is how long a client may go on sending after the end of the connection.
const lingerTime = 2 * time.Second

// onlyWriter hides what else a writer can do from io.Copy, which would else splice.
type onlyWriter struct{ io.Writer }

// patientWriter is a connection whose peer has some time to take what is written. A new
// deadline for each write would cost more than the write: the one that there is will do
// while most of the time is left.
type patientWriter struct {
	to     *tls.Conn
	within time.Duration // 0 for any time
	set    time.Time     // when the deadline was
}

// Write implements io.Writer.
func (w *patientWriter) Write(p []byte) (int, error) {
	if now := time.Now(); w.within > 0 && now.Sub(w.set) > w.within/8 {
		w.set = now
		_ = w.to.SetWriteDeadline(now.Add(w.within)) // the error is that of the write
	}
	return w.to.Write(p)
}
