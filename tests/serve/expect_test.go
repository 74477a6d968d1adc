package serve_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestContinueOnRead: 100 Continue is sent when the application first reads, RFC 9110 section 10.1.1.
func TestContinueOnRead(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	for _, framing := range []struct{ field, body string }{
		{"Content-Length: 5", "hello"},
		{"Transfer-Encoding: chunked", chunked("hello", 2)},
	} {
		t.Run(framing.field, func(t *testing.T) {
			s := s.in(t)
			c := s.raw()
			c.send(head("POST", "/read", framing.field, "Expect: 100-continue"))
			if resp := c.head(http.MethodPost); resp.StatusCode != http.StatusContinue {
				t.Fatalf("status %d, want 100", resp.StatusCode)
			}
			c.send(framing.body)
			if a := c.expect(http.StatusOK); a.body != `["hello"]` {
				t.Errorf("body %q", a.body)
			}
			c.send(get("/ignore"))
			c.expect(http.StatusOK)
		})
	}
}

// TestContinueNotBefore: nothing is sent while the application runs and has not read.
func TestContinueNotBefore(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	g := newGate(t)
	c := s.raw()
	c.send(head("POST", "/gated?"+g.query(), "Content-Length: 5", "Expect: 100-continue"))
	waiting := g.arrive()
	c.assertSilent(500 * time.Millisecond)
	waiting.release()
	if resp := c.head(http.MethodPost); resp.StatusCode != http.StatusContinue {
		t.Fatalf("status %d, want 100", resp.StatusCode)
	}
	c.send("hello")
	if a := c.expect(http.StatusOK); a.body != `["hello"]` {
		t.Errorf("body %q", a.body)
	}
}

// TestContinueCase: the expectation's name is case-insensitive.
func TestContinueCase(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send(head("POST", "/read", "Content-Length: 2", "Expect: 100-Continue"))
	if resp := c.head(http.MethodPost); resp.StatusCode != http.StatusContinue {
		t.Fatalf("status %d, want 100", resp.StatusCode)
	}
	c.send("ok")
	c.expect(http.StatusOK)
}

// TestNoContinue: an application that does not read gets no 100 sent in its name,
// and the client may keep its body.
func TestNoContinue(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	for target, status := range map[string]int{"/refuse": 413, "/ignore": 200} {
		t.Run(target, func(t *testing.T) {
			s := s.in(t)
			c := s.raw()
			c.send(head("POST", target, "Content-Length: 5000000", "Expect: 100-continue"))
			if a := c.response(http.MethodPost); a.status != status || a.err != nil {
				t.Errorf("status %d, %v, want %d and no 100 before it", a.status, a.err, status)
			}
			// Without the body nobody knows where the next request begins.
			c.assertClosed(10 * time.Second)
		})
	}
}

// TestContinueNotWaited: a client that sends its body without waiting is served.
func TestContinueNotWaited(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send(head("POST", "/read", "Content-Length: 5", "Expect: 100-continue") + "hello")
	resp := c.head(http.MethodPost)
	if resp.StatusCode == http.StatusContinue {
		resp = c.head(http.MethodPost)
	}
	if a := readAll(resp); a.status != http.StatusOK || a.body != `["hello"]` {
		t.Errorf("status %d, body %q", a.status, a.body)
	}
}

// TestContinueOldProtocol: an expectation in HTTP/1.0 is ignored (RFC 9110 section 10.1.1).
func TestContinueOldProtocol(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send("POST /read HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
	c.expect(http.StatusOK)
}

// TestContinueWithoutBody: there is nothing to continue with.
func TestContinueWithoutBody(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send(get("/read", "Expect: 100-continue"))
	c.expect(http.StatusOK)
}

// TestUnknownExpectation is 417.
func TestUnknownExpectation(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	c := s.raw()
	c.send(head("POST", "/read", "Content-Length: 2", "Expect: a-miracle"))
	if a := c.response(http.MethodPost); a.status != http.StatusExpectationFailed {
		t.Errorf("status %d, want 417", a.status)
	}
}

// TestContinueLarge: a body of several megabytes follows its 100.
func TestContinueLarge(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "stream.py"))
	c := s.raw()
	body := strings.Repeat("x", 3<<20)
	c.send(head("POST", "/upload", "Content-Length: 3145728", "Expect: 100-continue"))
	if resp := c.head(http.MethodPost); resp.StatusCode != http.StatusContinue {
		t.Fatalf("status %d, want 100", resp.StatusCode)
	}
	c.send(body)
	if a := c.expect(http.StatusOK); a.body != "3145728\n" {
		t.Errorf("body %q", a.body)
	}
}
