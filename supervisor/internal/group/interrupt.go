package group

import (
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// An interrupt is the gentler end of a late request, with interrupt-timeout: its
// process raises mod_wsgi.RequestTimeout in the thread and goes on. The client
// does not wait for any of that, it has its answer.
//
// What is raised must not hit the thread's next request. So the thread gets none
// on the connection that it has: it lets go of that once it is through, and
// offers another one, as it does after a connection that broke. Until then it
// counts as busy.

// interrupt has the thread of a late request interrupted, and its process replaced
// if it has not offered a new connection within interrupt-timeout.
func (g *Group) interrupt(t *thread, began time.Time) {
	if !t.holdBack(began) {
		return
	}
	g.takeBack(t)
	p := t.process
	j, _ := t.steal(began, 504, "The application did not answer in time.")
	g.mu.Lock()
	if !j.logged {
		p.dumps = append(p.dumps, dump{thread: t, job: j})
	}
	control := p.generation.control
	g.mu.Unlock()
	// In this order: the stack that is written is the one that was too slow.
	g.tell(control, wire.Message{Type: wire.DumpStacks, Process: p.number})
	g.tell(control, wire.Message{Type: wire.Interrupt, Process: p.number, Index: t.index, Text: j.requestID()})
	time.AfterFunc(dumpTime, func() { g.stacks(p, "") })
	time.AfterFunc(p.generation.conf.InterruptTimeout, func() { g.uninterrupted(t) })
	g.feed()
}

// uninterrupted replaces the process of a thread that an interrupt has not freed.
func (g *Group) uninterrupted(t *thread) {
	p := t.process
	g.mu.Lock()
	back := t.replaced || p.exited
	if !back {
		p.stuck = true
	}
	g.mu.Unlock()
	if !back {
		g.retire(p, "request-timeout")
	}
}

// holdBack keeps the thread from taking another request on its connection, if the
// request that began then has not ended.
func (t *thread) holdBack(began time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.job.response == nil || !t.job.began.Equal(began) {
		return false
	}
	t.job.interrupted = true
	return true
}
