package serve_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestQueueLimit: a request beyond queue-limit is 503 with Retry-After at once;
// those in the queue are served.
func TestQueueLimit(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
queue-limit = 2

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "web"
`)
	g := newGate(t)
	running := s.background("/gate?" + g.query())
	holder := g.arrive()
	// Of three only two fit; whichever comes last is the one that is answered now.
	answers := make(chan answer, 3)
	for range 3 {
		waiting := s.background("/pid")
		go func() { answers <- <-waiting }()
	}
	refused := receive(t, answers)
	assertErrorPage(t, refused, http.StatusServiceUnavailable)
	if seconds, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After %q, want seconds", refused.header.Get("Retry-After"))
	}
	if refused.took > time.Second {
		t.Errorf("after %v, want at once", refused.took)
	}
	holder.release()
	for _, a := range []answer{receive(t, answers), receive(t, answers), receive(t, running)} {
		if a.status != http.StatusOK {
			t.Errorf("status %d, %v, want 200 for what was taken", a.status, a.err)
		}
	}
}

// TestQueueTimeout: 504 when the time is over, not when a thread happens to be free.
func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
queue-timeout = "1s"

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "web"
`)
	g := newGate(t)
	running := s.background("/gate?" + g.query())
	holder := g.arrive()
	late := s.background("/gate?" + g.query())
	a := receive(t, late)
	assertErrorPage(t, a, http.StatusGatewayTimeout)
	if off := a.took - time.Second; off < -50*time.Millisecond || off > 300*time.Millisecond {
		t.Errorf("after %v, want 1s", a.took)
	}
	holder.release()
	if a := receive(t, running); a.status != http.StatusOK {
		t.Errorf("the running one: status %d, %v", a.status, a.err)
	}
	g.assertNobody(500 * time.Millisecond)
	s.getOK("/pid")
}

// TestClientGoneInQueue: whoever has gone before a thread was free never reaches the application.
func TestClientGoneInQueue(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.slow]
processes = 1
threads = 1
queue-limit = 6

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "slow"
`)
	g := newGate(t)
	count := filepath.Join(t.TempDir(), "count")
	running := s.background("/gate?" + g.query())
	holder := g.arrive()
	ctx, leave := context.WithCancel(t.Context())
	var gone []<-chan answer
	for range 5 {
		gone = append(gone, s.backgroundWith(ctx, "/count?file="+count))
	}
	stays := s.background("/count?file=" + count)
	time.Sleep(500 * time.Millisecond) // the six are queued before a seventh tries
	eventually(t, answerWithin, "six requests fill the queue", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return receive(t, s.backgroundWith(ctx, "/pid")).status == http.StatusServiceUnavailable
	})
	leave()
	for _, answers := range gone {
		receive(t, answers)
	}
	time.Sleep(300 * time.Millisecond) // the server hears of it from the kernel
	holder.release()
	for _, answers := range []<-chan answer{running, stays} {
		if a := receive(t, answers); a.status != http.StatusOK {
			t.Errorf("status %d, %v", a.status, a.err)
		}
	}
	s.getOK("/count?file=" + count)
	if reached, err := os.ReadFile(count); err != nil || len(reached) != 2 {
		t.Errorf("%d requests reached the application, %v, want 2: the one that stayed and the last", len(reached), err)
	}
}

// TestThreadsRunTogether: a group runs processes x threads requests at the same time, and
// an idle process is taken before a second thread of a busy one.
func TestThreadsRunTogether(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"), "--processes", "2", "--threads", "2")
	g := newGate(t)
	var answers []<-chan answer
	var visitors []*visitor
	for range 4 {
		answers = append(answers, s.background("/gate?"+g.query()))
		visitors = append(visitors, g.arrive())
	}
	if visitors[0].pid == visitors[1].pid {
		t.Error("the second request went to the busy process although the other was idle")
	}
	perProcess := map[int]int{}
	for _, v := range visitors {
		perProcess[v.pid]++
		v.release()
	}
	for pid, requests := range perProcess {
		if requests != 2 {
			t.Errorf("process %d ran %d requests, want 2 in each of 2", pid, requests)
		}
	}
	for _, a := range answers {
		if a := receive(t, a); a.status != http.StatusOK {
			t.Errorf("status %d, %v", a.status, a.err)
		}
	}
}

// TestQueueOrder: first come, first served.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"), "--processes", "1", "--threads", "1")
	first := newGate(t)
	running := s.background("/gate?" + first.query())
	holder := first.arrive()
	gates, waiting := []*gate{}, []<-chan answer{}
	for range 4 {
		g := newGate(t)
		gates = append(gates, g)
		waiting = append(waiting, s.background("/gate?"+g.query()))
		// Nothing outside shows that a request is in the queue: give each a lead.
		time.Sleep(100 * time.Millisecond)
	}
	holder.release()
	receive(t, running)
	for i, g := range gates {
		g.arrive().release()
		if a := receive(t, waiting[i]); a.status != http.StatusOK {
			t.Errorf("request %d: status %d, %v", i, a.status, a.err)
		}
	}
}
