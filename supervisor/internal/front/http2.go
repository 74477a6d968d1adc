package front

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// maxStreams is how many requests a client may have under way on a connection
// (RFC 9113, 5.1.2, wants 100 at least).
const maxStreams = 128

// spare is how many connections to the engine a client's connection keeps for its next
// requests.
const spare = 8

// serveHTTP2 translates HTTP/2 to HTTP/1.1 for the engine, stream by stream. A client's
// connection has a server of its own, which goes by the site file as it is then.
func (r *relays) serveHTTP2(conn net.Conn, who client) {
	conf := r.front.conf.Load()
	who.peer.Protocol = "HTTP/2.0"
	engine := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return r.pair(who, nil) },
		DisableCompression: true, MaxIdleConns: spare, MaxIdleConnsPerHost: spare, IdleConnTimeout: time.Minute,
		WriteBufferSize: 4 << 10, ReadBufferSize: 16 << 10,
	}
	defer engine.CloseIdleConnections()
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	ended := make(chan struct{})
	silent := log.New(io.Discard, "", 0)
	server := &http.Server{
		Handler:   &httputil.ReverseProxy{Rewrite: rewrite, Transport: engine, FlushInterval: -1, ErrorHandler: cannotRelay, ErrorLog: silent},
		Protocols: protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}, ErrorLog: silent,
		MaxHeaderBytes: conf.headSize, IdleTimeout: conf.keepAlive, ReadHeaderTimeout: conf.headerTimeout,
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

// rewrite makes the request to the engine, the same but for what belongs to a hop.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine"
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = r.In.Host
	r.Out.Header.Del("Expect") // the body comes when the application reads it in any case
	// Whether these are believed is not for a relay to say.
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
}

// cannotRelay ends a stream to which the engine has given no answer: with an error of
// the stream, which a client cannot take for the application's answer.
func cannotRelay(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }

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
