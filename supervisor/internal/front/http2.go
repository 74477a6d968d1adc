package front

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// http2Server translates HTTP/2 to HTTP/1.1 for the engine, stream by stream.
type http2Server struct {
	relays   *relays
	server   *http.Server
	incoming *queue
	done     chan struct{}
}

// maxStreams is how many requests a client may have under way on a connection
// (RFC 9113, 5.1.2, wants 100 at least).
const maxStreams = 128

// spare is how many connections to the engine a client's connection keeps for its next
// requests.
const spare = 8

// clientKey finds the http2Client in the context of a request.
type clientKey struct{}

func newHTTP2Server(r *relays) *http2Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http2Server{relays: r, incoming: newQueue(), done: make(chan struct{})}
	logger := log.New(io.Discard, "", 0)
	s.server = &http.Server{
		Protocols: protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}, ErrorLog: logger,
		Handler: &httputil.ReverseProxy{
			Rewrite: rewrite, Transport: transport{}, FlushInterval: -1, ErrorHandler: cannotRelay, ErrorLog: logger,
		},
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, clientKey{}, s.incoming.client(conn))
		},
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				s.incoming.ended(conn)
			}
		},
	}
	return s
}

// http2Client is a client's connection with those to the engine.
type http2Client struct {
	conn      net.Conn
	transport *http.Transport
	ended     chan struct{}
}

// serve serves a connection until it ends.
func (s *http2Server) serve(conn net.Conn, who client) {
	s.incoming.once.Do(func() {
		conf := s.relays.front.conf.Load()
		s.server.MaxHeaderBytes = conf.headSize
		s.server.IdleTimeout, s.server.ReadHeaderTimeout = conf.keepAlive, conf.headerTimeout
		go func() {
			defer close(s.done)
			_ = s.server.Serve(s.incoming)
		}()
	})
	who.peer.Protocol = "HTTP/2.0"
	c := &http2Client{conn: conn, ended: make(chan struct{})}
	c.transport = &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return s.relays.pair(who, nil) },
		DisableCompression: true, MaxIdleConns: spare, MaxIdleConnsPerHost: spare, IdleConnTimeout: time.Minute,
		WriteBufferSize: 4 << 10, ReadBufferSize: 16 << 10,
	}
	defer c.transport.CloseIdleConnections()
	if s.incoming.put(c) {
		<-c.ended
	}
}

// shutdown has every client finish the requests that it has, and send no other (GOAWAY,
// RFC 9113, 6.8). It does not wait.
func (s *http2Server) shutdown() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.server.Shutdown(ctx)
}

// close ends every connection.
func (s *http2Server) close() {
	_ = s.server.Close()
	s.incoming.Close()
	started := true
	s.incoming.once.Do(func() { started = false })
	if started {
		<-s.done
	}
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

// transport sends a request over the connections of its client.
type transport struct{}

func (transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c, ok := r.Context().Value(clientKey{}).(*http2Client)
	if !ok || c == nil {
		return nil, errors.New("the client has gone")
	}
	return c.transport.RoundTrip(r)
}

// cannotRelay ends a stream to which the engine has given no answer: with an error of
// the stream, which a client cannot take for the application's answer.
func cannotRelay(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }

// queue is a net.Listener whose connections are put into it.
type queue struct {
	once    sync.Once
	accept  chan *http2Client
	closing sync.Once
	closed  chan struct{}

	mu      sync.Mutex
	clients map[net.Conn]*http2Client
}

func newQueue() *queue {
	return &queue{accept: make(chan *http2Client), closed: make(chan struct{}), clients: map[net.Conn]*http2Client{}}
}

// put gives the server a connection; false if it takes none any more.
func (q *queue) put(c *http2Client) bool {
	q.mu.Lock()
	q.clients[c.conn] = c
	q.mu.Unlock()
	select {
	case q.accept <- c:
		return true
	case <-q.closed:
		return false
	}
}

func (q *queue) client(conn net.Conn) *http2Client {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.clients[conn]
}

// ended is told of the end of a connection.
func (q *queue) ended(conn net.Conn) {
	q.mu.Lock()
	c := q.clients[conn]
	delete(q.clients, conn)
	q.mu.Unlock()
	if c != nil {
		close(c.ended)
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.accept:
		return c.conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.closing.Do(func() { close(q.closed) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
