package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPersistence: who may keep the connection, RFC 9112 section 9.3.
func TestPersistence(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	tests := []struct {
		name, request string
		stays         bool
	}{
		{"1.1", get("/list"), true},
		{"1.1 of unknown length", get("/generator"), true},
		{"1.1 close", get("/list", "Connection: close"), false},
		{"1.1 close among others", get("/list", "Connection: foo, Close"), false},
		{"1.1 error of the application", get("/raise-call"), true},
		{"1.0", "GET /list HTTP/1.0\r\n\r\n", false},
		{"1.0 keep-alive", "GET /length?send=3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"1.0 keep-alive of unknown length", "GET /generator HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := s.in(t)
			c := s.raw()
			c.send(test.request)
			a := c.response(http.MethodGet)
			if a.err != nil {
				t.Fatal(a.err)
			}
			if test.stays {
				c.send(get("/list"))
				c.expect(http.StatusOK)
				return
			}
			if !a.closes {
				t.Error("closes without Connection: close")
			}
			c.assertClosed(5 * time.Second)
		})
	}
}

// TestOldProtocolIsNotChunked: a client of HTTP/1.0 cannot read chunks.
func TestOldProtocolIsNotChunked(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	c := s.raw()
	c.send("GET /generator HTTP/1.0\r\n\r\n")
	resp := c.head(http.MethodGet)
	if len(resp.TransferEncoding) > 0 {
		t.Fatalf("Transfer-Encoding %q", resp.TransferEncoding)
	}
	if a := readAll(resp); a.body != "one two three" {
		t.Errorf("body %q", a.body)
	}
}

// TestPipelining: responses come in the order of the requests, even when a later
// one is ready first (RFC 9112 section 9.3.2).
func TestPipelining(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"), "--threads", "4")
	g := newGate(t)
	c := s.raw()
	c.send(get("/gate?"+g.query()) + get("/pid") + get("/gate?"+g.query()) + get("/sleep?s=0"))
	g.arrive().release()
	if a := c.expect(http.StatusOK); !strings.HasPrefix(a.body, "passed") {
		t.Errorf("first: %q", a.body)
	}
	if a := c.expect(http.StatusOK); strings.HasPrefix(a.body, "passed") {
		t.Errorf("second: %q", a.body)
	}
	g.arrive().release()
	if a := c.expect(http.StatusOK); !strings.HasPrefix(a.body, "passed") {
		t.Errorf("third: %q", a.body)
	}
	if a := c.expect(http.StatusOK); a.body != "slept\n" {
		t.Errorf("fourth: %q", a.body)
	}
}

// TestPipelinedBodies: where one body ends the next request begins.
func TestPipelinedBodies(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	var requests, want strings.Builder
	for i := range 20 {
		body := strings.Repeat("x", i*700)
		if i%2 == 0 {
			requests.WriteString(head("POST", "/read", fmt.Sprintf("Content-Length: %d", len(body))) + body)
		} else {
			requests.WriteString(head("POST", "/read", "Transfer-Encoding: chunked") + chunked(body, 300))
		}
		fmt.Fprintf(&want, "%q,", body)
	}
	c := s.raw()
	go c.trySend(requests.String())
	var got strings.Builder
	for range 20 {
		got.WriteString(strings.Trim(c.expect(http.StatusOK).body, "[]") + ",")
	}
	if got.String() != want.String() {
		t.Error("the bodies are not those that were sent, in their order")
	}
}

// TestByteByByte: a request may come one byte at a time.
func TestByteByByte(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	for _, b := range []byte(head("POST", "/read", "Transfer-Encoding: chunked") + chunked("hello", 2)) {
		c.send(string(b))
	}
	if a := c.expect(http.StatusOK); a.body != `["hello"]` {
		t.Errorf("body %q", a.body)
	}
}

// TestChunkExtensions: extensions are skipped and trailers are not headers (RFC 9112 7.1.1, 7.1.2).
func TestChunkExtensions(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send(head("POST", "/read", "Transfer-Encoding: chunked") +
		"5;name=value;other\r\nhello\r\n1;q=\"a b\"\r\n!\r\n000\r\nX-Trailer: yes\r\n\r\n" + get("/ignore"))
	if a := c.expect(http.StatusOK); a.body != `["hello!"]` {
		t.Errorf("body %q", a.body)
	}
	c.expect(http.StatusOK)
}

// TestEmptyLineBeforeRequest: one is forgiven (RFC 9112 section 2.2).
func TestEmptyLineBeforeRequest(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "hello.py"))
	c := s.raw()
	c.send("\r\n" + get("/"))
	c.expect(http.StatusOK)
}
