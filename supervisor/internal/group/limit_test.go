package group

import (
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		cpu, wall uint32 // microseconds of each request
		extra     int
		waits     bool
	}{
		{"short", 10, 100, 0, false},
		{"computes, with others beside it", 2000, 8000, 0, false},
		{"sleeps", 200, 50_000, 0, true},
		{"sleeps, and many run", 200, 50_000, 11, true},
		{"computes, and many run", 2000, 30_000, 11, false},
		{"short, although it waits", 5, 150, 0, false},
	} {
		l := load{extra: test.extra}
		for range 200 {
			l.note(test.cpu, test.wall)
		}
		if l.waits() != test.waits {
			t.Errorf("%s: waits %t, after averages of %.0f and %.0f us", test.name, l.waits(), l.cpu, l.wall)
		}
	}
}

// A process that was given threads gives them back when its requests compute.
func TestLoadShrinks(t *testing.T) {
	t.Parallel()
	l := load{extra: 3}
	for range 4 * shrinkAfter {
		l.note(50, 100)
	}
	if l.extra != 0 {
		t.Errorf("%d threads are left over", l.extra)
	}
}

// Requests queue behind a few that run, but not behind a few that wait.
func TestHeldBackThreadsRun(t *testing.T) {
	const threads = 3 * fewThreads
	r := newRig(t, func(g *site.Group) { g.Threads = threads })
	_, w := r.start(1, threads)
	var clients []*client
	for range threads {
		clients = append(clients, r.request("/waits"))
	}
	// None answers: within a few looks every thread has one.
	for _, worker := range w[0] {
		worker.take(wire.Request)
	}
	for _, worker := range w[0] {
		worker.answer("late")
	}
	for _, c := range clients {
		c.answered(200)
	}
}

// What computes is served by a few threads, one request after the other.
func TestFewThreadsServeWhatComputes(t *testing.T) {
	const threads = 3 * fewThreads
	r := newRig(t, func(g *site.Group) { g.Threads = threads })
	_, w := r.start(1, threads)
	r.group.mu.Lock()
	p := r.group.current.order[0]
	p.load.cpu, p.load.wall = 50, 100
	r.group.mu.Unlock()
	var clients []*client
	for range 2 * fewThreads {
		clients = append(clients, r.request("/computes"))
	}
	r.group.mu.Lock()
	busy, queued := p.busy, r.group.queue.length
	r.group.mu.Unlock()
	if busy != fewThreads || queued != fewThreads {
		t.Errorf("%d run and %d wait, want %d of each", busy, queued, fewThreads)
	}
	// On a busy machine they may have waited for longer than stallTime by now: then more
	// threads have some.
	for _, worker := range w[0] {
		go func() {
			for f, err := worker.receive(); err == nil; f, err = worker.receive() {
				_, _ = worker.stream.Write(raw(wire.Response, wire.Last, 0, "200 OK", pathOf(f)))
			}
		}()
	}
	for _, c := range clients {
		c.answered(200)
	}
}

// A queue of no length refuses nothing while threads are idle.
func TestNoQueueUsesEveryThread(t *testing.T) {
	const threads = 2 * fewThreads
	r := newRig(t, func(g *site.Group) { g.Threads, g.QueueLimit = threads, 0 })
	_, w := r.start(1, threads)
	var clients []*client
	for range threads {
		clients = append(clients, r.request("/"))
	}
	r.request("/one-too-many").answered(503)
	for _, worker := range w[0] {
		worker.serve()
	}
	for _, c := range clients {
		c.answered(200)
	}
}
