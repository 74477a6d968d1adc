package group

import (
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// A few timers keep all of a group's deadlines: every request of a group has the
// same timeout, so the next deadline is that of the oldest, and a request costs
// no timer of its own.

// armQueueLocked starts the queue's timer for its oldest request.
func (g *Group) armQueueLocked() {
	if g.conf().QueueTimeout <= 0 || g.queue.first == nil || g.queueTimer != nil {
		return
	}
	wait := time.Until(g.queue.first.submitted.Add(g.conf().QueueTimeout))
	g.queueTimer = time.AfterFunc(max(wait, 0), g.queueExpired)
}

func (g *Group) queueExpired() {
	now := time.Now()
	var late []*Exchange
	g.mu.Lock()
	for x := g.queue.first; x != nil && now.Sub(x.submitted) >= g.conf().QueueTimeout; x = g.queue.first {
		g.queue.remove(x)
		late = append(late, x)
	}
	g.queueTimer = nil
	g.armQueueLocked()
	g.mu.Unlock()
	for _, x := range late {
		g.logQueued(x, "queue-timeout")
		x.fail(504, "No thread was free for the request in time.", retryAfter)
	}
}

// armRequestLocked makes sure that a timer runs while threads have requests.
func (g *Group) armRequestLocked() {
	if g.conf().RequestTimeout > 0 && g.requestTimer == nil {
		g.requestTimer = time.AfterFunc(g.conf().RequestTimeout, g.requestExpired)
	}
}

// requestExpired answers the requests whose time is over, and looks when it is
// over for the next.
func (g *Group) requestExpired() {
	now := time.Now()
	g.mu.Lock()
	late, next := g.overdueLocked(now)
	g.requestTimer = nil
	if next > 0 {
		g.requestTimer = time.AfterFunc(next, g.requestExpired)
	}
	g.mu.Unlock()
	for _, o := range late {
		g.expire(o.thread, o.began)
	}
}

// overdue is a thread whose request, by the time it began, has had its time.
type overdue struct {
	thread *thread
	began  time.Time
}

// overdueLocked returns the threads whose request has had its time and the
// wait until the next one has; 0 when no thread has a request.
func (g *Group) overdueLocked(now time.Time) (late []overdue, next time.Duration) {
	for _, t := range g.busyThreadsLocked() {
		began, counting := t.counting()
		left := began.Add(g.conf().RequestTimeout).Sub(now)
		switch {
		case !counting:
		case left <= 0:
			late = append(late, overdue{t, began})
		case next == 0 || left < next:
			next = left
		}
	}
	return late, next
}

// counting returns when the thread's request began; ok is false when it has
// none, or was given up on.
func (t *thread) counting() (began time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.job.began, t.job.response != nil && !t.job.failed
}

// expire ends the wait for a thread that has had request-timeout: the client
// gets its answer now, the log the thread's stack, and the process, of which
// one thread is lost, is replaced, unless an interrupt is tried first.
//
// The request may have ended since it was found, and another one have begun:
// then nothing happens.
func (g *Group) expire(t *thread, began time.Time) {
	if now, ok := t.counting(); !ok || !now.Equal(began) {
		return
	}
	p := t.process
	if p.generation.conf.InterruptTimeout > 0 {
		g.interrupt(t, began)
		return
	}
	// First, so that the client's next request does not go to this process.
	g.retire(p, "request-timeout")
	j, _ := t.steal(began, 504, "The application did not answer in time.")
	g.mu.Lock()
	p.stuck = true
	if j.response != nil && !j.logged {
		p.dumps = append(p.dumps, dump{thread: t, job: j})
	}
	control := p.generation.control
	g.mu.Unlock()
	g.tell(control, wire.Message{Type: wire.DumpStacks, Process: p.number})
	// A process that cannot even write its stacks is ended without them.
	time.AfterFunc(dumpTime, func() { g.stacks(p, "") })
}

// dumpTime is how long the fault handler of a process has to write its stacks.
const dumpTime = time.Second
