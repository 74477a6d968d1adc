package front

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
)

// spare is how many connections to the engine a client's connection keeps for its next
// requests.
const spare = 8

// translator is the handler of a client's connection that speaks HTTP/2: every stream
// becomes a request in HTTP/1.1 to the engine.
type translator struct {
	relays  *relays
	client  netip.AddrPort
	engine  func() (net.Conn, error) // makes a connection to it
	idleFor time.Duration            // a connection to the engine is used again within that; 0 for any time
	// patience is how long a client may take nothing of an answer; 0 for any time.
	patience time.Duration

	mu    sync.Mutex
	spare []*engineConn
	ended bool
}

// engineConn is a connection to the engine.
type engineConn struct {
	net.Conn
	reader *bufio.Reader
	since  time.Time // when its last exchange ended; zero for a new one
}

// ServeHTTP implements http.Handler. An exchange of which no whole response comes ends
// with an error of the stream, which a client cannot take for an answer.
func (t *translator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer := t.relays.buffers.Get().(*relayBuffer)
	defer t.relays.buffers.Put(buffer)
	head, length, err := appendHead(buffer[:0], r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	e := &exchange{translator: t, request: r, head: head, length: length, buffer: buffer}
	if err := e.run(w); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// refuse answers what the engine is not asked.
func (t *translator) refuse(w http.ResponseWriter, reason error) {
	id := string(t.relays.front.ids.append(nil))
	t.relays.front.logger.Debug("a request is refused", "request_id", id, "client", t.client.String(), "err", reason)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Request-ID", id)
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, group.Page(http.StatusBadRequest, sentence(reason.Error()), id)) // the client may have gone
}

// take gives a connection to the engine, one that is there already or a new one.
func (t *translator) take() (*engineConn, error) {
	t.mu.Lock()
	for n := len(t.spare); n > 0; n = len(t.spare) {
		c := t.spare[n-1]
		t.spare = t.spare[:n-1]
		// Not one that the engine may be about to close.
		if t.idleFor == 0 || time.Since(c.since) < t.idleFor {
			t.mu.Unlock()
			return c, nil
		}
		c.Close()
	}
	t.mu.Unlock()
	return t.dial()
}

func (t *translator) dial() (*engineConn, error) {
	inner, err := t.engine()
	if err != nil {
		return nil, err
	}
	return &engineConn{Conn: inner, reader: bufio.NewReaderSize(inner, 8<<10)}, nil
}

// keep has a connection used again.
func (t *translator) keep(c *engineConn) {
	c.since = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || len(t.spare) >= spare {
		c.Close()
		return
	}
	t.spare = append(t.spare, c)
}

// close ends the connections that nobody uses, now and from now on.
func (t *translator) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, c := range t.spare {
		c.Close()
	}
	t.spare = nil
}

// relayBuffer is what heads are put together in, and bodies pass through.
type relayBuffer [32 << 10]byte

// exchange is one request while the engine has it.
type exchange struct {
	*translator
	request *http.Request
	head    []byte // in buffer, or larger than that
	length  int64  // of the body, -1 for one of unknown length
	buffer  *relayBuffer
	last    atomic.Bool // the end of the body is being sent, or has been
	limited bool        // the client has to take what is sent, see limit
}

// run has the engine answer the request. An error means that there is no whole answer.
func (e *exchange) run(w http.ResponseWriter) error {
	answered := e.await(w)
	defer answered()
	c, err := e.send()
	if err != nil {
		return err
	}
	reusable := false
	defer func() {
		if reusable {
			e.keep(c)
		} else {
			c.Close()
		}
	}()
	// A client that resets the stream has the engine see it go.
	stop := context.AfterFunc(e.request.Context(), func() { c.Close() })
	body := e.sendBody(c)
	response, err := c.response(e.request)
	answered()
	if err == nil {
		err = e.pass(w, response, c)
	}
	reusable = e.bodySent(c, body)
	alone := stop()
	reusable = reusable && alone && err == nil && !response.Close
	return err
}

// send gives the engine the head. A connection that was used before may have ended
// meanwhile, as one that the engine has closed to be replaced: then nothing of the
// request was taken, and another connection is as good.
func (e *exchange) send() (*engineConn, error) {
	c, err := e.take()
	if err != nil {
		return nil, err
	}
	if _, err = c.Write(e.head); err == nil && !e.lost(c) {
		return c, nil
	}
	c.Close()
	if c.since.IsZero() {
		return nil, errNoEngine
	}
	if c, err = e.dial(); err != nil {
		return nil, err
	}
	if _, err = c.Write(e.head); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

var errNoEngine = errors.New("the engine has ended the connection")

// lost reports whether a connection that was used before has ended without an answer to
// a request that may be asked twice. It waits for the answer.
func (e *exchange) lost(c *engineConn) bool {
	if c.since.IsZero() || e.length != 0 || !safe(e.request.Method) {
		return false
	}
	stop := context.AfterFunc(e.request.Context(), func() { c.Close() })
	_, err := c.reader.Peek(1)
	return stop() && err != nil
}

// safe names the methods that do nothing (RFC 9110, 9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// response reads the head of the answer.
func (c *engineConn) response(r *http.Request) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(c.reader, r)
		if err != nil || response.StatusCode >= 200 {
			return response, err
		}
	}
}

// pass gives the client the answer.
func (e *exchange) pass(w http.ResponseWriter, response *http.Response, c *engineConn) error {
	fields := w.Header()
	for name, values := range response.Header {
		if !hopField(name) {
			fields[name] = values
		}
	}
	if _, has := fields["Content-Type"]; !has {
		fields["Content-Type"] = nil // Go's server would guess one
	}
	w.WriteHeader(response.StatusCode)
	for left, first := response.ContentLength, true; ; first = false {
		n, err := response.Body.Read(e.buffer[:])
		if !e.limited || n > 0 && !first {
			e.limit(w, e.patience) // holds for the end of the stream as well, which Go's server sends
		}
		if n > 0 {
			if _, err := w.Write(e.buffer[:n]); err != nil {
				return err
			}
			left -= int64(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case left != 0 && c.reader.Buffered() == 0:
			w.(http.Flusher).Flush()
			e.limit(w, 0) // what comes next may take a while
		}
	}
}

// hopField names the fields that mean the connection to the engine (RFC 9113, 8.2.2).
func hopField(name string) bool {
	return slices.Contains([]string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}, name)
}
