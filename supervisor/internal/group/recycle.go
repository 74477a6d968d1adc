package group

import (
	"math/rand/v2"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// Recycling: a process that could go on is replaced, because it has served
// maximum-requests, has reached restart-interval, has used up cpu-time-limit, or has
// come above maximum-memory.
// There is no hurry in that, so it costs nothing: the replacement is ready before
// the old process gets no more requests, and a group replaces one process at a
// time. A replacement that cannot be started is tried again by the leader, and
// until then the old process serves on.

// jitter spreads what would come for all processes at the same time: within a
// tenth of n, below it.
func jitter[N int | int64 | time.Duration](n N) N {
	if n < 10 {
		return n
	}
	return n - N(rand.Int64N(int64(n)/10+1))
}

// limitLifeLocked notes how long a process that has become ready may live.
func (g *Group) limitLifeLocked(p *process) {
	if n := p.generation.conf.MaximumRequests; n > 0 {
		p.mostRequests = uint64(jitter(n))
	}
	if age := p.generation.conf.RestartInterval; age > 0 && p.ageTimer == nil {
		p.ageTimer = time.AfterFunc(jitter(age), func() { g.wish(p, "restart-interval") })
	}
}

// wish has a process replaced when its turn comes.
func (g *Group) wish(p *process, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wishLocked(p, why)
}

func (g *Group) wishLocked(p *process, why string) {
	if p.wish == "" && !p.retiring && !p.exited && p.ready {
		p.wish = why
		g.recycleNextLocked()
	}
}

// recycleNextLocked asks for a replacement of the next process that should have
// one, unless another one is being replaced.
func (g *Group) recycleNextLocked() {
	if g.recycled != nil || g.current == nil || g.stopped {
		return
	}
	for _, p := range g.current.order {
		if p.wish != "" && p.ready && !p.retiring {
			g.recycled = p
			control, number := g.current.control, p.number
			g.log.Info("replacing a worker process", "generation", g.current.number, "process", number, "pid", p.pid, "cause", p.wish)
			// Not under the lock: the leader may be slow to read.
			g.running.Go(func() { g.tell(control, wire.Message{Type: wire.Replace, Process: number}) })
			return
		}
	}
}

// relieveLocked returns the process that may go because one process more than
// wanted is ready; nil if none may.
func (g *Group) relieveLocked(gen *generation) *process {
	p := g.recycled
	if p == nil || p.generation != gen || p.retiring || p.exited {
		return nil
	}
	serving := 0
	for _, other := range gen.processes {
		if other.ready && !other.retiring {
			serving++
		}
	}
	if serving <= gen.conf.Processes {
		return nil
	}
	return p
}

// recycledEndedLocked goes on to the next process once one has been replaced.
func (g *Group) recycledEndedLocked(p *process) {
	if g.recycled == p {
		g.recycled = nil
		if g.rolling == nil {
			g.renewals++
			g.renewal = p.wish
		}
		g.recycleNextLocked()
	}
}

// suspendedLocked says why a replacement does not come up.
func (g *Group) suspendedLocked() string {
	if g.recycled != nil && !g.recycled.retiring && g.current != nil {
		return g.current.reason
	}
	return ""
}
