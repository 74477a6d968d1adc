package group

import "time"

// How many threads of a process run at once.
//
// Threads that compute share one processor, the GIL's. More than a few of them
// make no request faster, but each request slower: they wake to wait for the
// GIL, and one that has lost it may get it back a hundred milliseconds later.
// Threads that wait, for a database or for time to pass, need no such care. So
// a process starts with a few threads at once and is given more, quickly, when
// requests queue while its threads wait.

const (
	// fewThreads may always run at once.
	fewThreads = 3
	// stallTime is how long requests queue while threads are idle and a process
	// finishes nothing, before it is given more threads.
	stallTime = time.Millisecond
	// shortRequest is the time up to which requests that queue for a few threads
	// are served soon enough by those.
	shortRequest = 200 * time.Microsecond
	// smoothing is the weight of the newest request in the averages.
	smoothing = 1.0 / 16
	// shrinkAfter is the number of requests in a row that would do with fewer
	// threads, before one is taken away.
	shrinkAfter = 256
)

// load is what a process's requests look like. It belongs to the group's lock.
type load struct {
	extra    int     // threads beyond fewThreads that may run at once
	cpu      float64 // average time on the processor, microseconds
	wall     float64 // average time in all, microseconds
	finished uint64
	seen     uint64 // finished at the last look
	calm     int    // requests in a row that would do with fewer threads
}

// note takes the times of a finished request, in microseconds.
func (l *load) note(cpu, wall uint32) {
	l.finished++
	l.cpu += (float64(cpu) - l.cpu) * smoothing
	l.wall += (float64(wall) - l.wall) * smoothing
	if l.extra == 0 || l.waits() {
		l.calm = 0
		return
	}
	if l.calm++; l.calm >= shrinkAfter {
		l.calm = 0
		l.extra--
	}
}

// waits reports whether requests take long and compute little of that time,
// even if the threads that may run at once have to share the processor.
func (l *load) waits() bool {
	threads := float64(fewThreads + l.extra)
	return l.wall > float64(shortRequest/time.Microsecond) && l.wall > 2*threads*l.cpu
}

// mayTake reports whether another thread of the process may run.
func (p *process) mayTake() bool { return p.busy < fewThreads+p.load.extra }

// armLimitLocked has the limits looked at again, while requests queue although
// threads are idle.
func (g *Group) armLimitLocked() {
	if g.limitTimer == nil && g.queue.length > 0 && g.heldBackLocked() {
		g.limitTimer = time.AfterFunc(stallTime, g.lookAtLimits)
	}
}

// heldBackLocked reports whether a process has idle threads that may not run.
func (g *Group) heldBackLocked() bool {
	if g.current == nil {
		return false
	}
	for _, p := range g.current.order {
		if p.ready && !p.retiring && len(p.idle) > 0 && !p.mayTake() {
			return true
		}
	}
	return false
}

// lookAtLimits gives processes more threads whose requests wait, or that have
// finished none since the last look.
func (g *Group) lookAtLimits() {
	g.mu.Lock()
	g.limitTimer = nil
	if g.queue.length > 0 && g.current != nil {
		for _, p := range g.current.order {
			l := &p.load
			if len(p.idle) > 0 && !p.mayTake() && (l.finished == l.seen || l.waits()) {
				l.extra += fewThreads + l.extra // doubled
				l.calm = 0
			}
			l.seen = l.finished
		}
	}
	g.mu.Unlock()
	g.feed() // which has them looked at again if requests still queue
}
