package group

import (
	"context"
	"time"
)

// How requests that are under way come to their end when their process, their
// generation or the group is to end: by themselves, or at the drain limit, each with
// an answer or a visible cut and with a line in the log.

// drainLimit is how long the requests of a generation may go on once it is to end, and
// which key says so: that of the site file by which it was started, because a
// generation keeps its settings.
func (gen *generation) drainLimit() (limit time.Duration, key string) {
	gen.group.mu.Lock()
	leaving := gen.leaving
	gen.group.mu.Unlock()
	if leaving && gen.conf.EvictionTimeout > 0 {
		return gen.conf.EvictionTimeout, "eviction-timeout"
	}
	return gen.conf.GracefulTimeout, "graceful-timeout"
}

// drain waits for the requests of a generation that gets no more, then ends it.
func (gen *generation) drain() {
	gen.checkIdle()
	limit, key := gen.drainLimit()
	select {
	case <-gen.idle:
	case <-gen.ended:
	case <-time.After(limit):
		gen.group.abortAll(gen, key)
	}
	gen.end(context.Background())
}

// checkIdle closes idle when the generation has nothing left to do.
func (gen *generation) checkIdle() {
	g := gen.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if !gen.retired {
		return
	}
	for _, p := range gen.processes {
		if p.busy > 0 {
			return
		}
	}
	select {
	case <-gen.idle:
	default:
		close(gen.idle)
	}
}

// abortAll ends the requests that a generation still has.
func (g *Group) abortAll(gen *generation, why string) {
	g.mu.Lock()
	var busy []*thread
	for _, p := range gen.processes {
		busy = append(busy, p.busyThreads()...)
	}
	g.mu.Unlock()
	g.abort(busy, why)
}

// busyThreads are those that have a request. The caller holds the group's lock.
func (p *process) busyThreads() []*thread {
	var busy []*thread
	for _, t := range p.threads {
		if t != nil && t.busy {
			busy = append(busy, t)
		}
	}
	return busy
}

// abort ends the requests of threads: with an error status those of which nothing was
// answered, the others visibly.
func (g *Group) abort(threads []*thread, why string) {
	for _, t := range threads {
		if j, answered := t.steal(time.Time{}, 503, "The application was stopped before it answered."); answered {
			g.logEnd(t.process, j, why, "")
		}
	}
}

// CutOff ends what the group has under way and what is queued, for the reason why, and
// takes no further request. When it returns all of that has its answer, also if another
// call has begun with it. Stop or Release is still to be called.
func (g *Group) CutOff(why string) {
	g.cutting.Lock()
	defer g.cutting.Unlock()
	for _, gen := range g.close(why) {
		g.abortAll(gen, why)
	}
}

// close ends the taking of requests and returns the generations alive.
func (g *Group) close(why string) []*generation {
	g.mu.Lock()
	if !g.stopped {
		g.stopped = true
		close(g.stopping)
	}
	g.endLife()
	generations := g.generationsLocked()
	waiting := g.flushLocked()
	g.mu.Unlock()
	for _, x := range waiting {
		g.logQueued(x, why)
		x.fail(503, "The site is being stopped.", "")
	}
	return generations
}
