package serve_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rawConn is a connection on which a test writes bytes as they stand.
type rawConn struct {
	t *testing.T
	net.Conn
	reader *bufio.Reader
}

// raw connects to the server; every read and write on it ends with answerWithin.
func (s *server) raw() *rawConn {
	s.t.Helper()
	return rawTo(s.t, s.address())
}

func rawTo(t *testing.T, address string) *rawConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	conn, err := dialTo(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(answerWithin))
	return &rawConn{t: t, Conn: conn, reader: bufio.NewReader(conn)}
}

// send writes text as it stands.
func (c *rawConn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("cannot send: %v", err)
	}
}

// trySend is send when the server may have closed already.
func (c *rawConn) trySend(text string) { _, _ = io.WriteString(c.Conn, text) }

// head reads a response up to its body.
func (c *rawConn) head(method string) *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("cannot read a response: %v", err)
	}
	return resp
}

// response reads a whole response to a request of the method.
func (c *rawConn) response(method string) answer {
	c.t.Helper()
	return readAll(c.head(method))
}

// expect reads a whole response to a GET and asserts its status and that it is whole.
func (c *rawConn) expect(status int) answer {
	c.t.Helper()
	a := c.response(http.MethodGet)
	if a.err != nil {
		c.t.Fatalf("cut short: %v after %q", a.err, a.body)
	}
	if a.status != status {
		c.t.Fatalf("status %d, want %d, body %q", a.status, status, a.body)
	}
	return a
}

// assertClosed asserts that the server closes without another byte.
func (c *rawConn) assertClosed(within time.Duration) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	rest, err := io.ReadAll(c.reader)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("still open after %v", within)
	} else if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("ended with %v", err)
	}
	if len(rest) > 0 {
		c.t.Errorf("%q before the end", rest)
	}
}

// assertSilent asserts that the server sends nothing and stays connected.
func (c *rawConn) assertSilent(during time.Duration) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(during))
	next, err := c.reader.Peek(1)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("got %q, %v, want silence", next, err)
	}
	_ = c.SetDeadline(time.Now().Add(answerWithin))
}

// get is the head of a request with a Host and the given further field lines.
func get(target string, fields ...string) string { return head("GET", target, fields...) }

func head(method, target string, fields ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: test"}, fields...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// readAll reads the body of a response.
func readAll(resp *http.Response) answer {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body), closes: resp.Close, err: err}
}
