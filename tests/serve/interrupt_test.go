package serve_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const interruptSite = `
[group.web]
processes = 1
threads = 1
request-timeout = "1s"
interrupt-timeout = "2s"

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "web"
`

// TestInterruptTimeout: a request that computes in Python is answered 504 on time and
// ended, again and again, and its process lives, its one thread included.
func TestInterruptTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, interruptSite)
	before := s.getOK("/pid")
	for range 3 {
		a := s.get("/spin")
		assertErrorPage(t, a, http.StatusGatewayTimeout)
		if off := a.took - time.Second; off < -50*time.Millisecond || off > 500*time.Millisecond {
			t.Errorf("after %v, want 1s", a.took)
		}
		if after := s.getOK("/pid"); after != before {
			t.Fatalf("process %s has taken the place of %s", strings.TrimSpace(after), strings.TrimSpace(before))
		}
	}
	s.awaitText("in spin_in_python")
	s.awaitText("mod_wsgi.RequestTimeout has ended the request")
}

// TestInterruptTimeoutWithoutEffect: what does not come back to Python in time costs
// its process, as without the key.
func TestInterruptTimeoutWithoutEffect(t *testing.T) {
	t.Parallel()
	s := startSite(t, interruptSite)
	before := s.getOK("/pid")
	assertErrorPage(t, s.get("/sleep?s=60"), http.StatusGatewayTimeout)
	if after := s.getOK("/pid"); after == before {
		t.Errorf("process %s still serves", strings.TrimSpace(before))
	}
	old, err := strconv.Atoi(strings.TrimSpace(before))
	if err != nil {
		t.Fatal(err)
	}
	s.awaitWorkers(1, old)
}
