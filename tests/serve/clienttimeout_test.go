package serve_test

import (
	"net/http"
	"testing"
	"time"
)

const shortTimeouts = `
header-timeout = "1s"
body-timeout = "1s"
keep-alive-timeout = "1s"

[group.web]
processes = 1
threads = 1

[[mount]]
path = "/"
script = {{app "input.py"}}
group = "web"
`

// elapsed asserts that what began then ended after want, early by little and late
// by as much as a loaded machine needs.
func elapsed(t *testing.T, begun time.Time, want time.Duration) {
	t.Helper()
	took := time.Since(begun)
	if took < want-100*time.Millisecond || took > want+4*time.Second {
		t.Errorf("after %v, want %v", took, want)
	}
}

// TestHeaderTimeout: a request head that is never completed is 408, however busy its sender.
func TestHeaderTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, shortTimeouts)
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		s := s.in(t)
		c, begun := s.raw(), time.Now()
		c.send("GET / HTTP/1.1\r\nHost: te")
		assertTimedOut(t, c)
		elapsed(t, begun, time.Second)
	})
	t.Run("trickling", func(t *testing.T) {
		t.Parallel()
		s := s.in(t)
		c, begun := s.raw(), time.Now()
		c.send("GET / HTTP/1.1\r\nHost: test\r\n")
		done := make(chan struct{})
		defer close(done)
		go trickle(c, done)
		assertTimedOut(t, c)
		elapsed(t, begun, time.Second)
	})
	t.Run("nothing at all", func(t *testing.T) {
		t.Parallel()
		s := s.in(t)
		c := s.raw()
		c.assertClosed(10 * time.Second)
	})
}

// trickle sends a byte of a header field now and then until done.
func trickle(c *rawConn, done <-chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	c.trySend("X-A: ")
	for {
		select {
		case <-ticker.C:
			c.trySend("a")
		case <-done:
			return
		}
	}
}

func assertTimedOut(t *testing.T, c *rawConn) {
	t.Helper()
	if a := c.response(http.MethodPost); a.err != nil || a.status != http.StatusRequestTimeout {
		t.Errorf("status %d, %v, want 408", a.status, a.err)
	}
	c.assertClosed(10 * time.Second)
}

// TestBodyTimeout: a body that stops coming is 408 and frees the thread it may have taken.
func TestBodyTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, shortTimeouts)
	for _, test := range []struct{ field, part string }{
		{"Content-Length: 100", "half of it"},
		{"Transfer-Encoding: chunked", "64\r\nhalf of it"},
	} {
		c, begun := s.raw(), time.Now()
		c.send(head("POST", "/read", test.field) + test.part)
		assertTimedOut(t, c)
		elapsed(t, begun, time.Second)
		s.getOK("/ignore")
	}
}

// TestBodyMinRate: a body that comes, but slower than the least rate, is 408 too.
func TestBodyMinRate(t *testing.T) {
	t.Parallel()
	longTest(t, "a body below body-min-rate is ended")
	s := startSite(t, `
body-timeout = "1s"
body-min-rate = 1000

[[mount]]
path = "/"
script = {{app "input.py"}}
`)
	c, begun := s.raw(), time.Now()
	c.send(head("POST", "/read", "Content-Length: 100000"))
	done := make(chan struct{})
	defer close(done)
	go trickle(c, done) // about ten bytes a second
	assertTimedOut(t, c)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("after %v", took)
	}
}

// TestKeepAliveTimeout: an idle connection is closed without a word: there is no request to answer.
func TestKeepAliveTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, shortTimeouts)
	c := s.raw()
	c.send(get("/ignore"))
	c.expect(http.StatusOK)
	begun := time.Now()
	c.assertClosed(10 * time.Second)
	elapsed(t, begun, time.Second)
}

// TestNoTimeoutWhileServing: the client's timeouts do not run while the application works.
func TestNoTimeoutWhileServing(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
header-timeout = "1s"
body-timeout = "1s"
keep-alive-timeout = "1s"

[[mount]]
path = "/"
script = {{app "slow.py"}}
`)
	c := s.raw()
	c.send(get("/sleep?s=2.5"))
	c.expect(http.StatusOK)
	c.send(get("/pid"))
	c.expect(http.StatusOK)
}
