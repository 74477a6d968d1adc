package serve_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestRaiseInClose: the response was whole when close() raised; the exception is logged.
func TestRaiseInClose(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	s.try("/close?how=raise-close&log=" + filepath.Join(t.TempDir(), "closed"))
	s.awaitText("Failure: from close")
	s.getOK("/list")
}

// TestRaise: an exception before the first byte is a 500 with the request's id and no word
// of the traceback, one after it aborts the connection; the process serves on.
func TestRaise(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"), "--processes", "1", "--threads", "1")
	tests := []struct {
		target, logged string
		aborted        bool
	}{
		{"/raise-call", "Failure: in the call", false},
		{"/raise-before", "Failure: before the first block", false},
		{"/raise-after", "Failure: after the first block", true},
		{"/raise-after-length", "Failure: after the first block", true},
		{"/exc-info-after", "Failure: with the head sent", true},
		{"/system-exit", "SystemExit", false},
		{"/keyboard-interrupt", "KeyboardInterrupt", false},
		{"/no-start", "start_response", false},
		{"/twice", "start_response", false},
		{"/str", "bytes", false},
		{"/none", "NoneType", false},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			s := s.in(t)
			a := s.try(test.target)
			if test.aborted {
				assertAborted(t, a, "partial")
			} else {
				assertErrorPage(t, a, http.StatusInternalServerError)
			}
			if strings.Contains(a.body, "Traceback") || strings.Contains(a.body, ".py") {
				t.Errorf("the traceback went to the client: %q", a.body)
			}
			s.awaitText(test.logged)
			s.getOK("/list")
		})
	}
}

// assertAborted asserts an answer that began and was visibly cut. Where chunks or a
// Content-Length show the cut, the connection is closed, not reset: a reset
// would take what the client has not read yet.
func assertAborted(t *testing.T, a answer, prefix string) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Errorf("status %d, want 200: the head was sent", a.status)
	}
	if !errors.Is(a.err, io.ErrUnexpectedEOF) {
		t.Errorf("ended with %v, want %v", a.err, io.ErrUnexpectedEOF)
	}
	if !strings.HasPrefix(a.body, prefix) {
		t.Errorf("body %q, want it to begin with %q", a.body, prefix)
	}
}

// assertErrorPage asserts a whole answer of the front end that names the request's
// id in the header and in the body.
func assertErrorPage(t *testing.T, a answer, status int) {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("status %d, body %q, %v, want %d", a.status, a.body, a.err, status)
	}
	id := a.header.Get("X-Request-ID")
	if id == "" || !strings.Contains(a.body, id) {
		t.Errorf("X-Request-ID %q, body %q, want the id in both", id, a.body)
	}
}

// TestExcInfoBeforeOutput: start_response with exc_info replaces a head that was not sent.
func TestExcInfoBeforeOutput(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	a := s.get("/exc-info-before")
	if a.status != http.StatusServiceUnavailable || a.body != "replaced" || a.header.Get("X-First") != "" {
		t.Errorf("status %d, body %q, X-First %q", a.status, a.body, a.header.Get("X-First"))
	}
}

// TestBadHeads: a head that PEP 3333 or RFC 9110 forbids is a 500, never bytes on the wire.
func TestBadHeads(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	targets := []string{
		"/bad-status?line=",
		"/bad-status?line=200",
		"/bad-status?line=OK",
		"/bad-status?line=20+OK",
		"/bad-status?line=2000+OK",
		"/bad-status?line=200+OK%0D%0AX-Injected:+yes",
		"/bad-status?line=200+OK%0AX-Injected:+yes",
		"/bad-status?line=100+Continue",
		"/bad-status-type",
		"/bad-header?name=X-Injected&value=a%0D%0AX-More:+b",
		"/bad-header?name=X-Injected&value=a%0Ab",
		"/bad-header?name=X-Injected&value=a%00b",
		"/bad-header?name=X-Injected%0D%0AX-More&value=a",
		"/bad-header?name=X-Injected:&value=a",
		"/bad-header?name=X+Injected&value=a",
		"/bad-header?name=&value=a",
		"/bad-header?name=Content-Length&value=five",
		"/bad-header?name=Content-Length&value=-5",
		"/bad-header?name=Content-Length&value=%2B5",
		"/bad-headers-type",
		"/bad-value-type",
	}
	for _, target := range targets {
		t.Run(target, func(t *testing.T) {
			s := s.in(t)
			a := s.get(target)
			if a.status != http.StatusInternalServerError {
				t.Errorf("status %d, want 500", a.status)
			}
			for name := range a.header {
				if strings.HasPrefix(name, "X-Injected") || strings.HasPrefix(name, "X-More") {
					t.Errorf("%s reached the client", name)
				}
			}
		})
	}
}

// TestHopByHopField: the connection is the server's: an application's Connection field
// is an error (PEP 3333 "Other HTTP Features") or is dropped, but never decides.
func TestHopByHopField(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"))
	c := s.raw()
	c.send(get("/hop-by-hop"))
	a := c.response(http.MethodGet)
	if a.err != nil || a.closes {
		t.Errorf("status %d, %v, closes %v", a.status, a.err, a.closes)
	}
	c.send(get("/list"))
	c.expect(http.StatusOK)
}
