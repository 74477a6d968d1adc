package group

import (
	"log/slog"
	"time"
)

// Requests that take longer than slow-requests are logged once, while they wait or run:
// a line that comes only at the end says nothing of a request that never ends.

// armSlowLocked has requests looked at when wait is over, if that is not to be before.
// A reload may have made slow-requests shorter.
func (g *Group) armSlowLocked(now time.Time, wait time.Duration) {
	at := now.Add(wait)
	switch {
	case g.slowTimer == nil:
		g.slowTimer = time.AfterFunc(wait, g.lookForSlow)
	case at.Before(g.slowAt):
		g.slowTimer.Reset(wait)
	default:
		return
	}
	g.slowAt = at
}

// lookForSlow logs what has become slow, and looks again when the next may have.
func (g *Group) lookForSlow() {
	now := time.Now()
	var next time.Duration
	var found [][]any
	look := func(left time.Duration, describe func() []any) {
		switch {
		case left <= 0:
			found = append(found, describe())
		case next == 0 || left < next:
			next = left
		}
	}
	g.mu.Lock()
	for x := g.queue.first; x != nil; x = x.next {
		if x.watched() {
			look(x.Slow-now.Sub(x.submitted), x.becomeSlow)
		}
	}
	for _, t := range g.busyThreadsLocked() {
		t.mu.Lock()
		// The frame of a job that has ended otherwise may be another request's by now.
		if t.job.slow > 0 && !t.job.failed && !t.ended {
			look(t.job.slow-now.Sub(t.job.submitted), t.becomeSlowLocked)
		}
		t.mu.Unlock()
	}
	g.slowTimer = nil
	if next > 0 && !g.stopped {
		g.armSlowLocked(now, next)
	}
	g.mu.Unlock()
	for _, attrs := range found {
		g.log.Warn("slow request", attrs...)
	}
}

// watched reports whether the request may become slow and has not yet.
func (x *Exchange) watched() bool { return x.Slow > 0 && !x.slow }

// becomeSlow describes a request in the queue that has become slow.
func (x *Exchange) becomeSlow() []any {
	x.slow = true
	j := job{frame: x.Frame, began: x.submitted}
	return append(j.describe(), "state", "queued")
}

// becomeSlowLocked describes the thread's request, which has become slow. The caller
// holds mu.
func (t *thread) becomeSlowLocked() []any {
	p, j := t.process, t.job
	t.job.slow = 0
	queued := j.began.Sub(j.submitted)
	j.began = j.submitted // its age is that for the client
	return append(j.describe(), "state", "running", slog.Duration("queued", queued.Round(time.Millisecond)),
		"generation", p.generation.number, "process", p.number, "pid", p.pid)
}
