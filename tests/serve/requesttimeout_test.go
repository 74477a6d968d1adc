package serve_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const timeoutSite = `
[group.web]
processes = 1
threads = 2
request-timeout = "1s"

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "web"
`

// TestRequestTimeout: 504 on time whatever holds the thread, the stack of that thread in
// the log, and then another process serves.
func TestRequestTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct{ target, function string }{
		{"/sleep?s=60", "sleep"},
		{"/spin", "spin_in_python"},
		{"/spin-regex", "spin_in_regex"},
		{"/spin-number", "spin_in_number"},
	}
	for _, test := range tests {
		t.Run(test.function, func(t *testing.T) {
			s := startSite(t, timeoutSite)
			before := s.getOK("/pid")
			a := s.get(test.target)
			assertErrorPage(t, a, http.StatusGatewayTimeout)
			if off := a.took - time.Second; off < -50*time.Millisecond || off > 500*time.Millisecond {
				t.Errorf("after %v, want 1s", a.took)
			}
			if after := s.getOK("/pid"); after == before {
				t.Errorf("process %s still serves", strings.TrimSpace(before))
			}
			s.awaitText("in " + test.function)
			old, err := strconv.Atoi(strings.TrimSpace(before))
			if err != nil {
				t.Fatal(err)
			}
			s.awaitWorkers(1, old)
		})
	}
}

// TestRequestTimeoutSparesOthers: the other request of the process may finish.
func TestRequestTimeoutSparesOthers(t *testing.T) {
	t.Parallel()
	s := startSite(t, timeoutSite)
	s.getOK("/pid")
	stuck := s.background("/sleep?s=60")
	time.Sleep(700 * time.Millisecond) // so that the next is half done when the first times out
	short := s.background("/sleep?s=0.8")
	assertErrorPage(t, receive(t, stuck), http.StatusGatewayTimeout)
	if a := receive(t, short); a.status != http.StatusOK {
		t.Errorf("the other request: status %d, %v", a.status, a.err)
	}
}

// TestRequestTimeoutAfterHead: with the head sent there is no 504 any more: the connection is aborted.
func TestRequestTimeoutAfterHead(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
request-timeout = "1s"

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`)
	g := newGate(t)
	answers := s.background("/ticks?" + g.query())
	g.arrive() // and never released
	a := receive(t, answers)
	assertAborted(t, a, "tick")
	if a.took > 5*time.Second {
		t.Errorf("after %v", a.took)
	}
}
