package group

import (
	"context"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// soon is a drain limit that a test waits for.
const soon = 100 * time.Millisecond

// nextGeneration plays the leader of the next generation, and makes it ready.
func (r *rig) nextGeneration() *leader {
	r.t.Helper()
	l := await(r.t, "the next leader", r.leaders)
	l.process(1, 1)
	l.tell(wire.Message{Type: wire.GroupReady})
	return l
}

// A leader that is told to end leaves its requests eviction-timeout, in the place of
// graceful-timeout.
func TestEvictionTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		eviction, graceful time.Duration
		cause              string
	}{
		"set": {soon, within, "cause=eviction-timeout"},
		"0":   {0, soon, "cause=graceful-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(g *site.Group) { g.EvictionTimeout, g.GracefulTimeout = c.eviction, c.graceful })
			old, w := r.start(1, 1)
			held := r.request("/held")
			w[0][0].take(wire.Request)
			old.tell(wire.Message{Type: wire.Leaving})
			r.nextGeneration()
			held.answered(503)
			r.once(abnormal, "id/held", c.cause)
			old.isShutDown()
		})
	}
}

// A leader that is told to end while nothing can take its place finishes what it has;
// what comes meanwhile waits for the next leader that can be started.
func TestLeavingFinishesWithoutReplacement(t *testing.T) {
	r := newRig(t, nil)
	old, w := r.start(1, 2)
	held := r.request("/held")
	f := w[0][0].take(wire.Request)
	old.tell(wire.Message{Type: wire.Leaving})
	broken := await(t, "the next leader", r.leaders)
	broken.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "SyntaxError"})
	broken.isShutDown()
	r.status("the end of the old one", func(s Status) bool { return s.Processes == 0 })
	waiting := r.request("/waiting")
	w[0][0].answer(pathOf(f))
	held.answered(200)
	old.isShutDown()
	again := await(t, "another leader", r.leaders)
	again.process(1, 1)[0].serve()
	waiting.answered(200)
}

// A generation is drained by the settings that it was started with.
func TestDrainBySettingsOfTheOldGeneration(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.GracefulTimeout = soon })
	old, w := r.start(1, 1)
	held := r.request("/held")
	w[0][0].take(wire.Request)
	patient := *r.group.conf()
	patient.GracefulTimeout = time.Hour
	result := make(chan error, 1)
	go func() {
		next, err := r.group.Prepare(context.Background(), &patient, "")
		if err == nil {
			next.Commit()()
		}
		result <- err
	}()
	r.nextGeneration()
	held.answered(503)
	old.isShutDown()
	if err := await(t, "the reload", result); err != nil {
		t.Error(err)
	}
}

// Without graceful-timeout nothing is waited for.
func TestDrainWithoutTime(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.GracefulTimeout = 0 })
	_, w := r.start(1, 1)
	held := r.request("/held")
	w[0][0].take(wire.Request)
	go func() { _ = r.group.Reload(context.Background()) }()
	r.nextGeneration()
	held.answered(503)
	r.once(abnormal, "id/held", "cause=graceful-timeout")
}

// A process that is replaced has graceful-timeout for its requests, too: what it has
// then is ended and logged, and the process itself has shutdown-timeout.
func TestRecycleDrainLimit(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.GracefulTimeout = 1, soon })
	l, w := r.start(1, 3)
	fresh, begun, quick := r.request("/fresh"), r.request("/begun"), r.request("/quick")
	w[0][0].take(wire.Request)
	w[0][1].take(wire.Request)
	w[0][1].send(raw(wire.Response, 0, 0, "200 OK", "part"))
	await(t, "the head", begun.begun)
	f := w[0][2].take(wire.Request)
	l.tell(wire.Message{Type: wire.Expired, Process: 1, Text: "maximum-memory: much"})
	l.expect(wire.Replace)
	l.process(2, 1)
	w[0][2].answer(pathOf(f))
	quick.answered(200)
	fresh.answered(503)
	await(t, "the end", begun.done)
	if !begun.aborted {
		t.Error("a response that was cut off was not aborted")
	}
	r.once(abnormal, "id/fresh", "process=1", "cause=graceful-timeout")
	r.once(abnormal, "id/begun", "process=1", "cause=graceful-timeout")
	if m := l.expect(wire.StopProcess); m.Process != 1 || m.Kill {
		t.Errorf("told %+v", m)
	}
}

// Two may call CutOff: the group's own limit and the site's. The later one closes the
// connections then, so what the first has begun to answer must be answered.
func TestCutOffTwice(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes = 1 })
	_, w := r.start(1, 1)
	held := r.request("/held")
	w[0][0].take(wire.Request)
	held.mu.Lock() // the answer cannot be given yet
	calls := make(chan struct{}, 2)
	cutOff := func() { r.group.CutOff("graceful-timeout"); calls <- struct{}{} }
	go cutOff()
	var all []*thread
	r.group.mu.Lock()
	for _, p := range r.group.current.processes {
		all = append(all, p.threads...)
	}
	r.group.mu.Unlock()
	eventually(t, "the request to be taken from its thread", func() bool {
		all[0].mu.Lock()
		defer all[0].mu.Unlock()
		return all[0].job.over
	})
	go cutOff()
	select {
	case <-calls:
		t.Error("a call returned before the request had its answer")
		calls <- struct{}{}
	case <-time.After(50 * time.Millisecond):
	}
	held.mu.Unlock()
	held.answered(503)
	<-calls
	<-calls
}

// CutOff ends and logs each request, those that wait for a thread included.
func TestCutOff(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes = 1 })
	_, w := r.start(1, 1)
	held := r.request("/held")
	w[0][0].take(wire.Request)
	queued := r.request("/queued")
	r.group.CutOff("graceful-timeout")
	held.answered(503)
	queued.answered(503)
	r.once(abnormal, "id/held", "cause=graceful-timeout")
	r.once(abnormal, "id/queued", "cause=graceful-timeout")
	r.request("/late").answered(503)
}
