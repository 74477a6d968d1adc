package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const oneThread = `
[group.web]
processes = 1
threads = 1

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`

// TestSlowSender: a body that comes slowly holds no thread: with one thread
// in all, others are answered meanwhile.
func TestSlowSender(t *testing.T) {
	t.Parallel()
	s := startSite(t, oneThread)
	for _, test := range []struct{ field, begin, end string }{
		{"Content-Length: 10", "hello", "world"},
		{"Content-Length: 200000", strings.Repeat("x", 150_000), strings.Repeat("x", 50_000)},
		{"Transfer-Encoding: chunked", "5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n"},
	} {
		c := s.raw()
		c.send(head("POST", "/upload", test.field) + test.begin)
		for range 5 {
			if a := s.get("/download?n=10"); a.status != http.StatusOK || a.took > 5*time.Second {
				t.Fatalf("%s: another client: status %d after %v", test.field, a.status, a.took)
			}
		}
		c.send(test.end)
		c.expect(http.StatusOK)
	}
}

// TestSlowReader: a response that is read slowly frees the thread once it is spooled.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const size = 16 << 20 // more than the kernel's buffers on both sides take
	s := startSite(t, oneThread)
	for _, route := range []string{"/download", "/sized"} {
		c := s.raw()
		c.send(get(fmt.Sprintf("%s?n=%d", route, size)))
		resp := c.head(http.MethodGet)
		for range 5 {
			if a := s.get("/download?n=10"); a.status != http.StatusOK || a.took > 5*time.Second {
				t.Fatalf("%s: another client: status %d after %v", route, a.status, a.took)
			}
		}
		if a := readAll(resp); a.err != nil || len(a.body) != size {
			t.Errorf("%s: %d bytes, %v, want %d", route, len(a.body), a.err, size)
		}
	}
}

// TestClientGoneWhileReading: clients that leave in the middle of an endless response
// stop the application and leak no thread.
func TestClientGoneWhileReading(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "stream.py"), "--processes", "1", "--threads", "2")
	dir := t.TempDir()
	client := s.client()
	const rounds = 50
	for i := range rounds {
		ctx, leave := context.WithCancel(t.Context())
		log := filepath.Join(dir, fmt.Sprint(i))
		resp, err := client.Do(s.request(ctx, http.MethodGet, "/endless?log="+log, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		leave()
		resp.Body.Close()
	}
	s.assertThreadsFree(2)
	eventually(t, 20*time.Second, "every generator is closed", func() bool {
		closed, err := os.ReadDir(dir)
		return err == nil && len(closed) == rounds
	})
}

// TestClientGoneWhileSending: clients that leave in the middle of a body leak no thread.
func TestClientGoneWhileSending(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
request-buffer-size = 0
request-spool-limit = 0

[group.web]
processes = 1
threads = 2

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`)
	for i := range 50 {
		field := []string{"Content-Length: 10000000", "Transfer-Encoding: chunked"}[i%2]
		c := s.raw()
		c.send(head("POST", "/upload", field) + "186a0\r\n" + strings.Repeat("x", 80_000))
		c.Close()
	}
	s.assertThreadsFree(2)
}

// assertThreadsFree asserts that requests run at the same time on as many threads as given.
func (s *server) assertThreadsFree(count int) {
	s.t.Helper()
	g := newGate(s.t)
	var answers []<-chan answer
	var visitors []*visitor
	for range count {
		answers = append(answers, s.background("/ticks?"+g.query()))
		visitors = append(visitors, g.arrive())
	}
	for i, v := range visitors {
		v.release()
		if a := receive(s.t, answers[i]); a.err != nil || a.body != "tick tock" {
			s.t.Errorf("status %d, body %q, %v", a.status, a.body, a.err)
		}
	}
	for _, pid := range s.workers() {
		if threads := threadCount(s.t, pid); threads > count+2 {
			s.t.Errorf("%d threads in process %d that serves on %d", threads, pid, count)
		}
	}
}

// TestBlocksAreNotHeld: a block reaches the client before the application makes the next
// (PEP 3333 "Buffering and Streaming").
func TestBlocksAreNotHeld(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "stream.py"))
	g := newGate(t)
	c := s.raw()
	c.send(get("/ticks?" + g.query()))
	waiting := g.arrive()
	resp := c.head(http.MethodGet)
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "tick " {
		t.Fatalf("first block %q, %v", first, err)
	}
	waiting.release()
	if a := readAll(resp); a.body != "tock" || a.err != nil {
		t.Errorf("second block %q, %v", a.body, a.err)
	}
}
