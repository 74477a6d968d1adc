package front

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// maxStreams is how many requests a client may have under way on a connection
// (RFC 9113, 5.1.2, wants 100 at least).
const maxStreams = 128

// serveHTTP2 translates HTTP/2 to HTTP/1.1 for the engine, stream by stream. A client's
// connection has a server of its own, which goes by the site file as it is then.
func (r *relays) serveHTTP2(conn net.Conn, who client) {
	who.peer.Protocol = "HTTP/2.0"
	conf := r.front.conf.Load()
	to := &translator{
		relays: r, client: who.peer.Remote, idleFor: conf.keepAlive / 2, patience: conf.patience,
		engine: func() (net.Conn, error) { return r.pair(who, nil) },
	}
	defer to.close()
	r.translate(conn, conf, to)
}

// translate serves a connection until it ends.
func (r *relays) translate(conn net.Conn, conf *settings, to *translator) {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	ended := make(chan struct{})
	server := &http.Server{
		Handler: to, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0),
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: conf.patience},
		MaxHeaderBytes: conf.headSize, IdleTimeout: conf.keepAlive, ReadHeaderTimeout: conf.headerTimeout, WriteTimeout: 2 * conf.patience,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(ended)
			}
		},
	}
	if !r.drains(server) {
		return
	}
	defer r.drained(server)
	one := &single{conn: conn, taken: make(chan struct{}), closed: make(chan struct{})}
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = server.Serve(one) // until shutdown closes the listener, or the end
	}()
	select {
	case <-one.taken:
		<-ended
	case <-serving: // shut down before it began
	}
	_ = one.Close()
	<-serving
}

// shutdown has every client of HTTP/2 finish the requests that it has, and send no other
// (GOAWAY, RFC 9113, 6.8). It does not wait.
func (r *relays) shutdown() {
	r.mu.Lock()
	r.draining = true
	servers := make([]*http.Server, 0, len(r.servers))
	for server := range r.servers {
		servers = append(servers, server)
	}
	r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, server := range servers {
		_ = server.Shutdown(ctx) // the error says that it has not waited
	}
}

// drains lists a server for shutdown; false if there has been one.
func (r *relays) drains(server *http.Server) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	r.servers[server] = true
	return true
}

func (r *relays) drained(server *http.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.servers, server)
}

// single is a net.Listener with one connection.
type single struct {
	conn    net.Conn
	taking  sync.Once
	taken   chan struct{} // closed when the connection was accepted
	closing sync.Once
	closed  chan struct{}
}

// Accept implements net.Listener.
func (l *single) Accept() (conn net.Conn, err error) {
	l.taking.Do(func() {
		conn = l.conn
		close(l.taken)
	})
	if conn != nil {
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (l *single) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }
