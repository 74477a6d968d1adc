package group

import (
	"context"

	"github.com/wsgid/wsgid/units/site"
)

// roll is a replacement of every process of the current generation, one after
// the other: for machines without the memory for two generations.
type roll struct {
	left map[*process]bool // to be replaced still
	err  error
	done chan struct{}
}

// Roll replaces every process of the current generation, one at a time, each when
// its replacement is ready. The leader stays, and with it what its unit says:
// user, limits and sandbox. If a replacement cannot be started, no further process
// is replaced and the error says why. The group is as conf says after that. ctx
// ends only the wait.
func (g *Group) Roll(ctx context.Context, conf *site.Group) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.mu.Lock()
	r := &roll{left: map[*process]bool{}, done: make(chan struct{})}
	if g.current != nil {
		for _, p := range g.current.order {
			if p.ready && !p.retiring && !p.exited {
				r.left[p] = true
				p.wish = "reload"
			}
		}
	}
	if len(r.left) == 0 {
		g.mu.Unlock()
		return nil // what is started from now on is new
	}
	g.rolling = r
	g.recycleNextLocked()
	g.mu.Unlock()
	select {
	case <-r.done:
	case <-g.stopping:
		return errNotWanted
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.err == nil {
		g.config.Store(conf)
	}
	return r.err
}

// rolledLocked takes note of the end of a process.
func (g *Group) rolledLocked(p *process) {
	r := g.rolling
	if r == nil {
		return
	}
	delete(r.left, p)
	if len(r.left) == 0 {
		g.rolling = nil
		close(r.done)
	}
}

// rollFailedLocked has the processes that are left serve on.
func (g *Group) rollFailedLocked(reason string) {
	r := g.rolling
	if r == nil {
		return
	}
	for p := range r.left {
		if p != g.recycled {
			p.wish = ""
		}
	}
	g.rolling, r.err = nil, &StartError{Reason: reason}
	close(r.done)
}
