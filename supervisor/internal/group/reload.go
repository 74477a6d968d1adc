package group

import (
	"context"
	"slices"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// Next is a generation that stands ready beside the current one. Exactly one of
// Commit and Abandon must be called.
type Next struct{ generation *generation }

// Reload brings up a new generation beside the current one and swaps them when
// every process is ready. When one cannot be started, the new generation is
// ended, the old one serves on, and the error says why. Reload returns when
// the old generation has drained, or at the drain limit; ctx ends only the
// wait for readiness. A call that comes during another waits for it.
func (g *Group) Reload(ctx context.Context) error {
	next, err := g.Prepare(ctx, g.conf(), "")
	if err != nil {
		return err
	}
	next.Commit()()
	return nil
}

// Prepare brings up a generation, as conf says, in the slot that is free. It
// returns when each of its processes is ready; otherwise what was started is
// ended again and the error says why. Until Commit or Abandon no other Prepare
// of the group goes on. The group is as conf says from Commit on.
// release is the one to go back to, see Status; "" is the present one.
func (g *Group) Prepare(ctx context.Context, conf *site.Group, release string) (*Next, error) {
	g.reloading.Lock()
	next, err := g.bringUp(ctx, conf, g.freeSlot(), release)
	if err != nil {
		g.reloading.Unlock()
	}
	return next, err
}

func (g *Group) bringUp(ctx context.Context, conf *site.Group, slot, release string) (*Next, error) {
	m, err := g.meetNew(ctx, conf, slot)
	if err != nil {
		return nil, err
	}
	gen, err := g.begin(m, conf, slot, release, func(gen *generation) bool { g.starting = gen; return true })
	if err != nil {
		return nil, err
	}
	next := &Next{gen}
	if err := gen.wait(ctx); err != nil {
		next.end()
		return nil, err
	}
	return next, nil
}

// freeSlot is the slot that the current generation is not in.
func (g *Group) freeSlot() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.current != nil:
		return otherSlot(g.current.slot)
	case g.asleep:
		return g.bed
	}
	return otherSlot(g.trying)
}

// Commit makes the generation the current one. The function that it returns
// drains and ends the one before.
func (n *Next) Commit() (drain func()) {
	g, gen := n.generation.group, n.generation
	g.mu.Lock()
	old := g.current
	if old != nil {
		old.retired = true
		g.draining = old
	}
	g.current, g.starting, g.asleep = gen, nil, false
	g.config.Store(gen.conf)
	g.pinned = gen.pinned
	g.failure, g.said = "", ""
	g.watchActivityLocked()
	g.mu.Unlock()
	g.log.Info("new generation serves", "generation", gen.number, "slot", gen.slot)
	g.installed(gen)
	g.feed()
	return func() {
		defer g.reloading.Unlock()
		if old != nil {
			g.tell(old.control, wire.Message{Type: wire.Retire})
			old.drain()
		}
	}
}

// Abandon ends the generation; the current one serves on.
func (n *Next) Abandon() {
	n.end()
	n.generation.group.reloading.Unlock()
}

func (n *Next) end() {
	g := n.generation.group
	g.mu.Lock()
	g.starting = nil
	g.mu.Unlock()
	n.generation.end(context.Background())
}

// Quiesce waits until no request is under way or queued, at most for the drain
// limit. Nobody may submit requests any more.
func (g *Group) Quiesce() {
	limit := time.After(g.drainLimit())
	for {
		g.mu.Lock()
		quiet := g.quietLocked()
		done := g.queue.length == 0 && (g.current == nil || !g.current.busyLocked())
		g.mu.Unlock()
		if done {
			return
		}
		select {
		case <-quiet:
		case <-limit:
			return
		}
	}
}

// quietLocked is closed the next time that a thread becomes idle and nothing
// waits for one.
func (g *Group) quietLocked() <-chan struct{} {
	if g.quiet == nil {
		g.quiet = make(chan struct{})
	}
	return g.quiet
}

// follow brings up a generation of a script that has changed. One that cannot be
// started changes nothing.
func (g *Group) follow(gen *generation) {
	g.mu.Lock()
	current := gen == g.current && !g.stopped
	g.mu.Unlock()
	if !current {
		return
	}
	g.running.Go(func() {
		if err := g.Reload(g.life); err != nil && g.life.Err() == nil {
			g.log.Error("the changed script is not served: "+err.Error()+g.whereToLook(otherSlot(gen.slot)), "generation", gen.number)
		}
	})
}

// leave rotates away from a leader that was told to end.
func (g *Group) leave(gen *generation) {
	g.mu.Lock()
	gen.leaving = true
	current := gen == g.current && !g.stopped
	g.mu.Unlock()
	if !current {
		return
	}
	g.log.Info("the leader was told to end; its generation is replaced", "generation", gen.number, "slot", gen.slot)
	g.running.Go(func() {
		if err := g.Reload(g.life); err != nil && g.life.Err() == nil {
			g.log.Error("cannot replace the generation: "+err.Error()+g.whereToLook(otherSlot(gen.slot)), "generation", gen.number)
			g.leaveNothing(gen)
		}
	})
}

// leaveNothing ends the current generation, although there is none to take its place,
// after the requests under way. Others wait for a leader that can be started, which is
// tried again and again.
func (g *Group) leaveNothing(gen *generation) {
	g.mu.Lock()
	if g.current != gen {
		g.mu.Unlock()
		return
	}
	gen.retireLocked()
	g.mu.Unlock()
	gen.drain()
	g.relaunch(gen)
}

// generationsLocked are those alive.
func (g *Group) generationsLocked() []*generation {
	all := make([]*generation, 0, 3)
	for _, gen := range []*generation{g.current, g.starting, g.draining} {
		if gen != nil && !slices.Contains(all, gen) {
			all = append(all, gen)
		}
	}
	return all
}

// Stop aborts what is still under way, ends the leaders and waits for them.
// Requests that should finish must be given their time before. The end of ctx
// has the processes killed.
func (g *Group) Stop(ctx context.Context) {
	for _, gen := range g.close("shutdown") {
		g.abortAll(gen, "shutdown")
		gen.end(ctx)
	}
	g.running.Wait()
}

// Release is Stop for a supervisor that another one follows: the leader of the
// current generation and its processes stay, and wait for that one.
func (g *Group) Release(ctx context.Context) {
	generations := g.close("shutdown")
	g.mu.Lock()
	keep := g.current
	g.mu.Unlock()
	for _, gen := range generations {
		g.abortAll(gen, "shutdown")
		if gen != keep {
			gen.end(ctx)
			continue
		}
		gen.letGo()
	}
	g.running.Wait()
}

// letGo ends the connection to a leader and those to its threads.
func (gen *generation) letGo() {
	gen.group.mu.Lock()
	for _, p := range gen.processes {
		p.told = true // nothing: a last request that ends now does not end them
	}
	gen.kept = true
	threads := gen.retireLocked()
	gen.group.mu.Unlock()
	for _, t := range threads {
		t.shut()
	}
	gen.control.Close()
	<-gen.ended
}
