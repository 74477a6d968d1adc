package group

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

const slowLine = "slow request"

// slowAfter has a request be logged as slow.
func slowAfter(d time.Duration) func(*client) { return func(c *client) { c.x.Slow = d } }

// TestSlowRequests: each is logged once, where it is when its time is over, and others
// are not.
func TestSlowRequests(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.Threads = 1, 1 })
	_, w := r.start(1, 1)
	quick := r.request("/quick", slowAfter(time.Minute))
	w[0][0].serve()
	quick.answered(200)

	running := r.request("/running?secret", slowAfter(50*time.Millisecond))
	f := w[0][0].take(wire.Request)
	queued := r.request("/queued", slowAfter(50*time.Millisecond))
	unwatched := r.request("/unwatched")
	r.once(slowLine, "request_id=id/running?secret", "method=GET", "path=/running ", "group=main", "state=running", "process=1", "pid=1001", "generation=1", "age=")
	r.once(slowLine, "request_id=id/queued", "state=queued", "age=")
	running.waiting()
	w[0][0].answer(pathOf(f))
	running.answered(200)
	w[0][0].serve()
	queued.answered(200)
	w[0][0].serve()
	unwatched.answered(200)
	// The same connections, and what is asked for again, begin from nothing.
	again := r.request("/again", slowAfter(50*time.Millisecond))
	f = w[0][0].take(wire.Request)
	r.once(slowLine, "request_id=id/again", "state=running")
	w[0][0].answer(pathOf(f))
	again.answered(200)
	if n := r.logged(slowLine); n != 3 {
		t.Errorf("%d requests were logged as slow", n)
	}
}

// TestIgnoredActivity: requests that do not count let the processes end, though not
// before they are answered, and wake them.
func TestIgnoredActivity(t *testing.T) {
	ignored := func(c *client) { c.x.IgnoreActivity = true }
	r := newRig(t, func(g *site.Group) { g.InactivityTimeout = 100 * time.Millisecond })
	first, w := r.start(1, 1)
	probe := r.request("/probe", ignored)
	f := w[0][0].take(wire.Request)
	time.Sleep(250 * time.Millisecond)
	if s := r.group.Status(); s.Asleep {
		t.Fatalf("the group sleeps amid a request: %+v", s)
	}
	w[0][0].answer(pathOf(f))
	probe.answered(200)
	first.isShutDown()
	r.status("sleep", func(s Status) bool { return s.Asleep })
	c := r.request("/wake", ignored)
	second := await(t, "another leader", r.leaders)
	second.process(1, 1)[0].serve()
	c.answered(200)
}

// TestProbesDoNotKeepAwake: as many requests that do not count as may be.
func TestProbesDoNotKeepAwake(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.InactivityTimeout = 100 * time.Millisecond })
	_, w := r.start(1, 1)
	asleep := func() bool { return r.group.Status().Asleep }
	for deadline := time.Now().Add(within); !asleep(); {
		if time.Now().After(deadline) {
			t.Fatal("the group does not sleep")
		}
		c := r.request("/probe", func(c *client) { c.x.IgnoreActivity = true })
		f, err := w[0][0].receive()
		if err != nil {
			break // it sleeps, and what was submitted last wakes it
		}
		w[0][0].answer(pathOf(f))
		c.answered(200)
		time.Sleep(5 * time.Millisecond)
	}
	if n := r.logged("inactivity-timeout"); n != 1 {
		t.Errorf("%d lines about inactivity-timeout", n)
	}
}
