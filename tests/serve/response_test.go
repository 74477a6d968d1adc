package serve_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestResponseShapes: what an application may return, PEP 3333 "Specification Details".
func TestResponseShapes(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	const three = "one two three"
	tests := []struct{ target, want string }{
		{"/list", three},
		{"/tuple", three},
		{"/generator", three},
		{"/empty-blocks", three},
		{"/write", three},
		{"/late-start", three},
		{"/custom-iterable", three},
		{"/empty", ""},
		{"/headers", "headers"},
		{"/length?say=5&send=5", "xxxxx"},
		{"/length?say=0&send=0", ""},
		{"/length?send=300000", strings.Repeat("x", 300_000)},
		{"/length-blocks?say=95&send=95", strings.Repeat("x", 95)},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			s := s.in(t)
			if got := s.getOK(test.target); got != test.want {
				t.Errorf("got %d bytes %.80q, want %d bytes %.80q", len(got), got, len(test.want), test.want)
			}
		})
	}
}

// TestOneBlockLength: an iterable of one block is a known length, PEP 3333
// "Handling the Content-Length Header", and an empty one is length 0.
func TestOneBlockLength(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	for target, want := range map[string]string{"/length?send=7": "7", "/empty": "0"} {
		c := s.raw()
		c.send(get(target))
		resp := c.head(http.MethodGet)
		if got := resp.Header.Get("Content-Length"); got != want || len(resp.TransferEncoding) > 0 {
			t.Errorf("%s: Content-Length %q, Transfer-Encoding %q, want length %s",
				target, got, resp.TransferEncoding, want)
		}
	}
}

// TestResponseFields: fields keep their order and number, and the front end adds
// Date and Server only where the application has none.
func TestResponseFields(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	a := s.get("/headers")
	for name, want := range map[string][]string{
		"Set-Cookie": {"a=1; Path=/", "b=2; Path=/"},
		"X-Repeat":   {"one", "two"},
	} {
		if got := a.header.Values(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := http.ParseTime(a.header.Get("Date")); err != nil {
		t.Errorf("Date: %v", err)
	}
}

// TestStatusLine: the application's status goes to the client as it stands.
func TestStatusLine(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	for _, line := range []string{"200 OK", "299 Own Thing", "404 Not Found", "500 caf\u00e9", "599 !"} {
		c := s.raw()
		c.send(get("/status?line=" + latin1Query(line)))
		first, err := c.reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if want := "HTTP/1.1 " + string(latin1(line)) + "\r\n"; first != want {
			t.Errorf("got %q, want %q", first, want)
		}
	}
}

// latin1 is text in the coding that WSGI strings stand for.
func latin1(text string) []byte {
	var b []byte
	for _, r := range text {
		b = append(b, byte(r))
	}
	return b
}

func latin1Query(text string) string { return url.QueryEscape(string(latin1(text))) }

// TestNoBody: HEAD, 204 and 304 have no body whatever the application returns, and the
// connection serves on behind them (RFC 9112 section 6.3).
func TestNoBody(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	tests := []struct {
		method, target string
		status         int
	}{
		{"HEAD", "/list", 200},
		{"HEAD", "/length?say=5&send=5", 200},
		{"HEAD", "/length?send=300000", 200},
		{"HEAD", "/generator", 200},
		{"HEAD", "/write", 200},
		{"HEAD", "/status?line=404+Not+Found", 404},
		{"GET", "/status?line=204+No+Content", 204},
		{"GET", "/status?line=304+Not+Modified", 304},
		{"POST", "/status?line=204+No+Content", 204},
	}
	for _, test := range tests {
		t.Run(test.method+test.target, func(t *testing.T) {
			s := s.in(t)
			c := s.raw()
			c.send(head(test.method, test.target, "Content-Length: 0"))
			a := c.response(test.method)
			if a.err != nil || a.status != test.status || a.body != "" {
				t.Fatalf("status %d, body %q, %v, want %d without a body", a.status, a.body, a.err, test.status)
			}
			if length := a.header.Get("Content-Length"); test.status == http.StatusNoContent && length != "" {
				t.Errorf("204 with Content-Length %q (RFC 9110 section 8.6)", length)
			}
			c.send(get("/length?say=3&send=3"))
			if next := c.expect(http.StatusOK); next.body != "xxx" {
				t.Errorf("the next response: %q", next.body)
			}
		})
	}
}

// TestHeadLength: HEAD has the Content-Length that the application said.
func TestHeadLength(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	c := s.raw()
	c.send(head("HEAD", "/length?say=12345&send=0"))
	if a := c.response(http.MethodHead); a.header.Get("Content-Length") != "12345" {
		t.Errorf("Content-Length %q, want 12345", a.header.Get("Content-Length"))
	}
}

// TestWrongLength: too many bytes are cut at Content-Length, too few abort the
// connection: never a short body that looks whole.
func TestWrongLength(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	for _, route := range []string{"/length", "/length-blocks"} {
		for _, send := range []int{11, 25, 100, 100_000} {
			c := s.raw()
			c.send(get(fmt.Sprintf("%s?say=10&send=%d", route, send)))
			a := c.expect(http.StatusOK)
			if a.body != "xxxxxxxxxx" {
				t.Errorf("%s, %d bytes sent: body %.40q", route, send, a.body)
			}
			// Either a proper next answer or a closed connection, but no left-over bytes.
			c.trySend(get("/length?say=3&send=3"))
			if rest, _ := io.ReadAll(io.LimitReader(c.reader, 4)); len(rest) > 0 && string(rest) != "HTTP" {
				t.Errorf("%s, %d bytes sent: %q after the body", route, send, rest)
			}
		}
		for _, say := range []int{20, 100_000} {
			a := s.try(fmt.Sprintf("%s?say=%d&send=10", route, say))
			if !errors.Is(a.err, io.ErrUnexpectedEOF) && a.status != http.StatusBadGateway && a.status != http.StatusInternalServerError {
				t.Errorf("%s, %d bytes promised, 10 sent: status %d, %v, want an abort or an error status",
					route, say, a.status, a.err)
			}
		}
	}
}

// TestClose: close() is called once, whatever became of the iteration.
func TestClose(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	tests := []struct {
		how, want string
		status    int
		whole     bool
	}{
		{"", "closed after 3\n", 200, true},
		{"raise-first", "closed after 0\n", 500, true},
		{"raise-later", "closed after 1\n", 200, false},
	}
	for _, test := range tests {
		t.Run("how="+test.how, func(t *testing.T) {
			s := s.in(t)
			log := filepath.Join(t.TempDir(), "closed")
			a := s.try("/close?log=" + log + "&how=" + test.how)
			if a.status != test.status || (a.err == nil) != test.whole {
				t.Errorf("status %d, %v, want %d, whole %v", a.status, a.err, test.status, test.whole)
			}
			var got string
			eventually(t, logWithin, "close() is recorded", func() bool {
				content, _ := os.ReadFile(log)
				got = string(content)
				return got != ""
			})
			if got != test.want {
				t.Errorf("recorded %q, want %q", got, test.want)
			}
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		s := s.in(t)
		log := filepath.Join(t.TempDir(), "closed")
		s.do(s.request(t.Context(), http.MethodHead, "/close?log="+log, http.NoBody))
		eventually(t, logWithin, "close() is recorded", func() bool {
			content, _ := os.ReadFile(log)
			return strings.HasPrefix(string(content), "closed")
		})
	})
}
