package group

import "time"

// How many threads of a process run at once.
//
// Threads that compute share one processor, the GIL's. More than a few of them
// make no request faster, but each request slower: they wake to wait for the
// GIL, and one that has lost it may get it back a hundred milliseconds later.
// Threads that wait, for a database or for time to pass, need no such care. So
// a process starts with a few threads at once and is given more, quickly, when
// requests queue while its threads wait. One whose requests compute for a moment is
// served best by a single thread, see ahead.go.

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
	// quickRequest is the time on the processor up to which a request costs less than
	// what it takes to wake a thread for it, or little more.
	quickRequest = 60 * time.Microsecond
	// quickAfter is the number of requests by which a process is known.
	quickAfter = 32
	// triedAfter is the number of requests after which a process may run one thread at a
	// time that has done so before, and whose requests waited.
	triedAfter = 4096
)

// load is what a process's requests look like. It belongs to the group's lock.
type load struct {
	extra    int     // threads beyond fewThreads that may run at once
	cpu      float64 // average time on the processor, microseconds
	wall     float64 // average time in all, microseconds
	finished uint64
	seen     uint64  // finished at the last look
	calm     int     // requests in a row that would do with fewer threads
	waited   float64 // part of the requests, 0 to 1, that waited although one thread ran at a time
	slowTill uint64  // finished, from when on one thread at a time may do
}

// note takes the times of a finished request, in microseconds.
func (l *load) note(cpu, wall uint32) {
	l.finished++
	l.cpu += (float64(cpu) - l.cpu) * smoothing
	l.wall += (float64(wall) - l.wall) * smoothing
	l.noteWait(cpu, wall)
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

// quick reports whether requests take so little time that one thread serves them best.
func (l *load) quick() bool {
	return l.finished >= max(quickAfter, l.slowTill) &&
		l.cpu <= float64(quickRequest/time.Microsecond) && l.wall <= float64(shortRequest/time.Microsecond)
}

// noteWait looks whether requests of a process that runs one thread at a time wait for
// something: others could run then. Single requests say little, because a process may
// lose the processor at any time.
func (l *load) noteWait(cpu, wall uint32) {
	const usual = 20 // microseconds that a request may take beyond twice its computing
	if !l.quick() {
		l.waited = 0
		return
	}
	waits := 0.0
	if wall > 2*cpu+usual {
		waits = 1
	}
	if l.waited += (waits - l.waited) * smoothing; l.waited > 0.5 {
		l.slowTill, l.waited = l.finished+triedAfter, 0
	}
}

// running is how many threads of the process may run at once.
func (p *process) running() int {
	if p.quick() {
		return 1
	}
	return fewThreads + p.load.extra
}

// mayTake reports whether another thread of the process may run.
func (p *process) mayTake() bool { return p.busy < p.running() }

// armLimitLocked has the limits looked at again, while requests are ahead of their turn,
// or queue although threads are idle.
func (g *Group) armLimitLocked() {
	if g.limitTimer == nil && (g.ahead > 0 || g.queue.length > 0 && g.heldBackLocked()) {
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
// finished none since the last look. Requests that are ahead at a thread that does not
// come to them are taken back.
func (g *Group) lookAtLimits() {
	g.mu.Lock()
	g.limitTimer = nil
	stalled := g.stalledLocked(time.Now())
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
	for _, t := range stalled {
		g.takeBack(t)
	}
	g.feed() // which has them looked at again if requests still queue
}
