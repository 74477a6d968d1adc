package serve_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSocketTimeout: a process that is silent inside its response costs the client
// that response, visibly; it is not replaced, and serves on once it has ended.
func TestSocketTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
request-timeout = 0
socket-timeout = "500ms"

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`)
	g := newGate(t)
	answers := s.background("/ticks?" + g.query())
	v := g.arrive()
	assertAborted(t, receive(t, answers), "tick")
	s.awaitText(`"cause":"socket-timeout"`)
	before := s.workers()
	v.release()
	if a := s.get("/download?n=10"); a.status != http.StatusOK {
		t.Errorf("the next request of the thread: status %d", a.status)
	}
	if after := s.workers(); len(after) != 1 || after[0] != before[0] {
		t.Errorf("processes %v serve, before %v", after, before)
	}
}

// TestResponseSocketTimeout: a client that takes nothing of this group's response is
// given up on, although the site would wait for ever.
func TestResponseSocketTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
send-timeout = 0
response-spool-limit = 0

[group.web]
processes = 1
threads = 1
response-socket-timeout = "500ms"

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`)
	c := s.raw()
	c.send(get("/download?n=50000000")) // and reads nothing of it
	if a := s.get("/download?n=10"); a.status != http.StatusOK {
		t.Errorf("the next request of the thread: status %d", a.status)
	}
	resp := c.head(http.MethodGet)
	assertAborted(t, readAll(resp), "")
}

// TestResponseFlushDelay: pieces that are held back lose nothing, and are not held for
// ever.
func TestResponseFlushDelay(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
response-flush-delay = "20ms"

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`)
	for _, size := range []int{0, 1, 70_000, 3_000_000} {
		if a := s.get("/download?n=" + strconv.Itoa(size)); a.err != nil || a.body != strings.Repeat("\x00", size) {
			t.Errorf("of %d bytes %d arrive, %v", size, len(a.body), a.err)
		}
	}
	g := newGate(t)
	c := s.raw()
	c.send(get("/ticks?" + g.query()))
	v := g.arrive()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	text := make([]byte, 4096)
	for got := ""; !strings.Contains(got, "tick"); {
		n, err := c.reader.Read(text)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got += string(text[:n])
	}
	v.release()
}
