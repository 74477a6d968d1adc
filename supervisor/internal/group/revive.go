package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// How a group comes by its current generation: at the start, after a leader has
// ended by itself, and when a request comes to a group that sleeps.

// Start brings up the first generation: in the slot of Options.Slot, or "a".
// It does not wait, see WaitReady; a leader that cannot be started is tried
// again, with a delay that grows.
func (g *Group) Start() {
	slot := g.options.Slot
	if slot == "" {
		slot = "a"
	}
	g.mu.Lock()
	g.number, g.pinned = g.options.Generation, g.options.Pinned
	g.reviving = true
	g.mu.Unlock()
	meet := g.meetWarm
	if g.options.Fresh {
		meet = g.meetNew
	}
	g.running.Go(func() { g.revive(nil, slot, meet, true) })
}

// WaitReady waits until every process of the first generation is ready, or one
// has failed to start; then the error says why.
func (g *Group) WaitReady(ctx context.Context) error {
	select {
	case <-g.settled:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure != "" {
		return &StartError{Reason: g.failure}
	}
	return nil
}

// settleLocked ends WaitReady.
func (g *Group) settleLocked() {
	select {
	case <-g.settled:
	default:
		close(g.settled)
	}
}

// relaunch starts a leader in the place of one that ended by itself.
func (g *Group) relaunch(old *generation) {
	g.mu.Lock()
	switch {
	case time.Since(old.began) >= soundAfter:
		g.losses = 0
	case !old.isReady():
		g.losses = max(g.losses, 1) // what kept it from starting is still so
	}
	wanted := g.current == old && !g.reviving && !g.stopped
	if wanted {
		g.reviving = true
	}
	g.mu.Unlock()
	if wanted {
		g.revive(old, old.slot, g.meetNext, false)
	}
}

// meeting is meet, or one of those that do more than it.
type meeting func(ctx context.Context, conf *site.Group, slot string) (met, error)

// revive makes a leader's generation the current one in the place of old,
// trying until that succeeds or is not wanted any more. The first try is made
// at once, or as late as leaders that failed before make advisable, and with first.
// The caller has set reviving.
func (g *Group) revive(old *generation, slot string, first meeting, atOnce bool) {
	g.mu.Lock()
	g.trying = slot
	g.mu.Unlock()
	meet := first
	for atOnce || g.waitToRevive(old) {
		atOnce = false
		err := g.replace(old, slot, meet)
		if err == nil {
			return // replace has taken reviving back
		}
		if errors.Is(err, errNotWanted) {
			break
		}
		if !g.options.Fresh {
			meet = g.meet // by now systemd has cleared up
		}
		g.cannotStart(slot, err)
	}
	g.mu.Lock()
	g.reviving = false
	g.mu.Unlock()
}

// replace starts a generation in the place of old. From the moment that it is the
// current one it may end, and be replaced itself.
func (g *Group) replace(old *generation, slot string, meet meeting) error {
	conf := g.conf()
	m, err := meet(g.life, conf, slot)
	if err != nil {
		return err
	}
	_, err = g.begin(m, conf, slot, g.pin(), func(gen *generation) bool {
		if g.current != old {
			return false
		}
		g.current, g.reviving = gen, false
		return true
	})
	return err
}

// pin is the release that a rollback has gone back to: a leader that takes the
// place of one that ended runs the same.
func (g *Group) pin() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pinned
}

// soundAfter is how long a leader must have lived for its end to be no reason
// to wait before the next one.
const soundAfter = 10 * time.Second

// waitToRevive waits as long as leaders have been failing. It reports whether
// one is still to be started in the place of old.
func (g *Group) waitToRevive(old *generation) bool {
	g.mu.Lock()
	delay := min(time.Duration(g.losses)*500*time.Millisecond, 30*time.Second)
	g.losses++
	g.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-g.stopping:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.stopped && g.current == old
}

// cannotStart says why there is no leader, and answers those who wait.
func (g *Group) cannotStart(slot string, err error) {
	g.mu.Lock()
	g.losses = max(g.losses, 1) // no second try at once
	g.mu.Unlock()
	if g.life.Err() == nil {
		g.sayOnce("cannot start the leader: "+err.Error(), slot, "slot", slot)
	}
	g.setFailure(err.Error())
}

// sayOnce logs why there are no processes, unless that is what was logged last:
// it is tried again and again.
func (g *Group) sayOnce(text, slot string, attributes ...any) {
	g.mu.Lock()
	known := g.said == text
	g.said = text
	g.mu.Unlock()
	if !known {
		g.log.Error(text+g.whereToLook(slot), attributes...)
	}
}

// whereToLook names the unit of a slot and how to see what it says.
func (g *Group) whereToLook(slot string) string {
	if g.options.Unit == nil {
		return ""
	}
	unit := g.options.Unit(g.name, slot)
	// systemd is brief about a user or a file that is missing; the check names it.
	return fmt.Sprintf("\nunit: %s\nhint: systemctl status '%s'; journalctl -u '%s'; wsgid check %s", unit, unit, unit, g.options.Site.Path)
}

// setFailure has requests answered at once, those that wait included, as long
// as no process takes any.
func (g *Group) setFailure(reason string) {
	g.mu.Lock()
	g.failure = reason
	var waiting []*Exchange
	if !g.servingLocked() {
		waiting = g.flushLocked()
	}
	g.settleLocked()
	answer := g.failureAnswerLocked()
	g.mu.Unlock()
	for _, x := range waiting {
		answer(x)
	}
	g.changed()
}

// wakeLocked brings a group that sleeps back, for a request that is queued.
func (g *Group) wakeLocked() {
	if g.current != nil || g.reviving || g.stopped || !g.asleep {
		return
	}
	g.asleep, g.reviving = false, true
	slot := g.bed
	g.running.Go(func() { g.revive(nil, slot, g.meetNew, true) })
}

// watchActivityLocked has the group looked at when inactivity-timeout might be
// over.
func (g *Group) watchActivityLocked() {
	timeout := g.conf().InactivityTimeout
	if timeout <= 0 || g.inactivityTimer != nil || g.stopped {
		return
	}
	wait := timeout - time.Since(g.lastUsed)
	if wait <= 0 {
		wait = ignoredWait
	}
	g.inactivityTimer = time.AfterFunc(wait, g.lookAtActivity)
}

// ignoredWait is how soon a group is looked at again whose time is over and which has
// only requests that do not count.
const ignoredWait = time.Second

// lookAtActivity lets the leader go when the group has had no request for
// inactivity-timeout. The next request starts one in the other slot: the old
// one may still be ending in its own.
func (g *Group) lookAtActivity() {
	g.mu.Lock()
	g.inactivityTimer = nil
	gen := g.current
	if gen == nil || g.stopped {
		g.mu.Unlock()
		return
	}
	if g.starting != nil || g.draining != nil || g.countsLocked() {
		g.lastUsed = time.Now()
	}
	if time.Since(g.lastUsed) < g.conf().InactivityTimeout || g.queue.length > 0 || gen.busyLocked() {
		g.watchActivityLocked()
		g.mu.Unlock()
		return
	}
	gen.retired = true
	g.current, g.draining = nil, gen
	g.asleep, g.bed = true, otherSlot(gen.slot)
	gen.why = "inactivity-timeout"
	g.mu.Unlock()
	g.log.Info("inactivity-timeout: the processes end until the next request", "generation", gen.number)
	gen.end(context.Background())
	g.changed()
}

// countsLocked reports whether there is a request that counts for inactivity-timeout.
func (g *Group) countsLocked() bool {
	for x := g.queue.first; x != nil; x = x.next {
		if !x.IgnoreActivity {
			return true
		}
	}
	for _, t := range g.busyThreadsLocked() {
		t.mu.Lock()
		counts := t.job.response != nil && !t.job.ignored
		t.mu.Unlock()
		if counts {
			return true
		}
	}
	return false
}

// busyLocked reports whether a request is under way.
func (gen *generation) busyLocked() bool {
	for _, p := range gen.processes {
		if p.busy > 0 {
			return true
		}
	}
	return false
}

func otherSlot(slot string) string {
	if slot == "a" {
		return "b"
	}
	return "a"
}
