package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// quickRig is a group of quick processes in which nothing stalls until the test says so.
func quickRig(t *testing.T, processes, threads int, change func(*site.Group)) (*rig, *leader, [][]*worker) {
	t.Helper()
	r := newRig(t, func(g *site.Group) {
		g.Processes, g.Threads = processes, threads
		if change != nil {
			change(g)
		}
	})
	l, w := r.start(processes, threads)
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	r.group.limitTimer = time.NewTimer(time.Hour)
	for _, p := range r.group.current.order {
		p.load = load{cpu: 10, wall: 10, finished: quickAfter}
	}
	return r, l, w
}

// look looks at the threads as if stallTime had passed.
func (r *rig) look() {
	time.Sleep(stallTime)
	r.group.lookAtLimits()
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	if r.group.limitTimer != nil {
		r.group.limitTimer.Stop()
	}
	r.group.limitTimer = time.NewTimer(time.Hour)
}

// ahead submits requests /0 to /n to a group of one process, and has the first answered:
// then /1 is the thread's own, and the others are ahead.
func (r *rig) ahead(w *worker, n int) []*client {
	r.t.Helper()
	var clients []*client
	for i := range n + 1 {
		clients = append(clients, r.request(fmt.Sprintf("/%d", i)))
	}
	w.serve()
	clients[0].answered(200)
	r.awaitAhead(min(n-1, mostAhead))
	return clients
}

func (r *rig) awaitAhead(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d requests to be ahead", n), func() bool {
		r.group.mu.Lock()
		defer r.group.mu.Unlock()
		return r.group.ahead == n
	})
}

// serves answers requests with their path, and fails the test unless they come for
// these paths in this order.
func (w *worker) serves(paths ...string) {
	w.t.Helper()
	for _, path := range paths {
		f := w.take(wire.Request)
		if got := pathOf(f); got != path {
			w.t.Fatalf("the worker gets %s, not %s", got, path)
		}
		w.answer(path)
	}
}

func answered(clients ...*client) {
	for _, c := range clients {
		c.t.Helper()
		c.answered(200)
	}
}

func TestRequestsAhead(t *testing.T) {
	r, _, w := quickRig(t, 1, 2, nil)
	clients := r.ahead(w[0][0], 20)
	if s := r.group.Status(); s.Busy != 1 || s.Queued != 19 {
		t.Errorf("%d busy, %d queued", s.Busy, s.Queued)
	}
	for i := 1; i <= 20; i++ {
		w[0][0].serves(fmt.Sprintf("/%d", i))
	}
	answered(clients...)
	if s := r.group.Status(); s.Queued != 0 {
		t.Errorf("%d queued at the end", s.Queued)
	}
	for i, c := range clients {
		if want := fmt.Sprintf("/%d", i); c.body != want {
			t.Errorf("%s was answered with %q", want, c.body)
		}
	}
	r.status("the thread to be free", func(s Status) bool { return s.Busy == 0 })
}

// A thread that does not come to what is ahead loses it to others, but for what it has
// received.
func TestAheadOfAStalledThread(t *testing.T) {
	r, _, w := quickRig(t, 1, 3, nil)
	clients := r.ahead(w[0][0], 5)
	w[0][0].take(wire.Request) // /1
	w[0][0].take(wire.Request) // /2, which is as much its own now
	r.look()
	r.awaitAhead(1)
	w[0][1].serves("/3", "/5")
	w[0][2].serves("/4")
	answered(clients[3:]...)
	clients[1].waiting()
	clients[2].waiting()
	w[0][0].answer("/1")
	w[0][0].answer("/2")
	answered(clients[1:3]...)
	w[0][0].idle()
	r.awaitAhead(0)
}

// A process that lost the processor has not received the request that it was given
// first either: that one stays with it.
func TestAheadOfAThreadThatDoesNotReceive(t *testing.T) {
	r, _, w := quickRig(t, 2, 1, func(g *site.Group) { g.QueueTimeout = 0 })
	first, second := r.request("/a"), r.request("/b") // both processes have one
	own, next := r.request("/own"), r.request("/next")
	w[0][0].serves("/a")
	first.answered(200)
	r.awaitAhead(1)
	r.look()
	w[1][0].serves("/b", "/next")
	answered(second, next)
	w[0][0].serves("/own")
	own.answered(200)
	w[0][0].idle()
}

// While a thread is slow, its process runs others as any process does, and has nothing
// ahead.
func TestSlowThreadOfAQuickProcess(t *testing.T) {
	r, _, w := quickRig(t, 1, 3, nil)
	slow := r.request("/slow")
	w[0][0].take(wire.Request)
	waits := r.request("/waits")
	r.look()
	w[0][1].serves("/waits")
	waits.answered(200)
	var more []*client
	for i := range 3 {
		more = append(more, r.request(fmt.Sprintf("/%d", i)))
	}
	w[0][1].serves("/0")
	w[0][2].serves("/1")
	answered(more[:2]...)
	r.awaitAhead(0)
	w[0][0].answer("late")
	slow.answered(200)
	for _, worker := range w[0] {
		go func() {
			if f, err := worker.receive(); err == nil {
				worker.answer(pathOf(f))
			}
		}()
	}
	more[2].answered(200)
}

// A client that goes away while its request is ahead never reaches the application.
func TestClientGoneAhead(t *testing.T) {
	r, _, w := quickRig(t, 1, 1, nil)
	clients := r.ahead(w[0][0], 4)
	if !r.group.Cancel(clients[3].x) {
		t.Error("the request was not found")
	}
	await(t, "the end", clients[3].done)
	if !clients[3].aborted || clients[3].recycled != 1 {
		t.Errorf("aborted %t, recycled %d times", clients[3].aborted, clients[3].recycled)
	}
	w[0][0].serves("/1", "/2", "/4")
	answered(clients[1], clients[2], clients[4])
	w[0][0].idle()
}

// What the thread has received is the application's.
func TestClientGoneTooLate(t *testing.T) {
	r, _, w := quickRig(t, 1, 1, nil)
	clients := r.ahead(w[0][0], 3)
	w[0][0].take(wire.Request)
	w[0][0].take(wire.Request)
	if r.group.Cancel(clients[2].x) {
		t.Error("a request that the thread has received was canceled")
	}
	w[0][0].answer("/1")
	w[0][0].answer("/2")
	w[0][0].serves("/3")
	answered(clients[1:]...)
}

// A client that has gone away in the queue is not even sent ahead.
func TestGoneClientIsNotSentAhead(t *testing.T) {
	r, _, w := quickRig(t, 1, 1, nil)
	r.request("/0")
	r.request("/1")
	gone := r.request("/gone", func(c *client) { c.gone = true })
	r.request("/3")
	w[0][0].serves("/0", "/1", "/3")
	await(t, "the end", gone.done)
	if !gone.aborted {
		t.Error("it was not aborted")
	}
}

// Of what is ahead at a process that ends, another one gets what the process had not
// received. The rest may have been begun.
func TestProcessEndsWithRequestsAhead(t *testing.T) {
	r, l, w := quickRig(t, 2, 1, nil)
	var clients []*client
	for i := range 6 {
		clients = append(clients, r.request(fmt.Sprintf("/%d", i)))
	}
	w[0][0].serves("/0") // /1 is with the other process
	r.awaitAhead(3)      // after /2
	w[0][0].take(wire.Request)
	w[0][0].take(wire.Request)
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 1, PID: 1001, Text: "signal 9 (killed)"})
	w[0][0].close()
	clients[2].answered(502)
	clients[3].answered(502)
	w[1][0].serves("/1", "/4", "/5")
	answered(clients[0], clients[1], clients[4], clients[5])
	r.once(abnormal, "path=/2", "signal 9")
	r.once(abnormal, "path=/3", "signal 9")
}

// A thread that is retired ends what it has ahead.
func TestRetiredWithRequestsAhead(t *testing.T) {
	r, l, w := quickRig(t, 1, 1, nil)
	clients := r.ahead(w[0][0], 2)
	r.group.mu.Lock()
	p := r.group.current.order[0]
	r.group.mu.Unlock()
	r.group.retire(p, "a test")
	w[0][0].serves("/1", "/2")
	answered(clients...)
	if m := l.expect(wire.StopProcess); m.Process != 1 || m.Kill {
		t.Errorf("got %+v", m)
	}
}

// A site that is cut off answers what is ahead, too, as soon as it is not received.
func TestCutOffWithRequestsAhead(t *testing.T) {
	r, _, w := quickRig(t, 1, 1, nil)
	clients := r.ahead(w[0][0], 2)
	w[0][0].take(wire.Request)
	r.group.CutOff("shutdown")
	clients[1].answered(503)
	r.look()
	clients[2].answered(503)
	w[0][0].idle()
}

// Requests with a body that comes later, and large ones, wait for their turn.
func TestNotSentAhead(t *testing.T) {
	for name, change := range map[string]func(*client){
		"deferred body": withBody(NewBody(nil, 0, true)),
		"large": func(c *client) {
			c.x.Frame.Bytes = append(c.x.Frame.Bytes, make([]byte, aheadSize)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, w := quickRig(t, 1, 1, nil)
			clients := []*client{r.request("/0"), r.request("/1"), r.request("/2", change), r.request("/3")}
			w[0][0].serves("/0")
			clients[0].answered(200)
			w[0][0].take(wire.Request)
			w[0][0].idle()
			w[0][0].answer("/1")
			w[0][0].serves("/2")
			answered(clients[1:3]...)
			w[0][0].serves("/3")
			clients[3].answered(200)
		})
	}
}

func TestLoadQuick(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		cpu, wall uint32 // microseconds of each request
		requests  int
		quick     bool
	}{
		{"short", 10, 12, quickAfter, true},
		{"not known yet", 10, 12, quickAfter - 1, false},
		{"computes for longer", 150, 160, 1000, false},
		{"sleeps", 30, 50_000, 1000, false},
		{"waits a little", 20, 100, 1000, false},
		{"waits a little, tried again", 20, 100, triedAfter + quickAfter + 12, true},
	} {
		var l load
		for range test.requests {
			l.note(test.cpu, test.wall)
		}
		if l.quick() != test.quick {
			t.Errorf("%s: quick %t, after averages of %.0f and %.0f us", test.name, l.quick(), l.cpu, l.wall)
		}
	}
}

// That a process has lost the processor now and then does not count as waiting.
func TestLoadStaysQuick(t *testing.T) {
	t.Parallel()
	var l load
	for i := range 1000 {
		wall := uint32(12)
		if i%50 == 49 {
			wall = 1500
		}
		l.note(10, wall)
	}
	if !l.quick() {
		t.Errorf("not quick, after averages of %.0f and %.0f us", l.cpu, l.wall)
	}
}
