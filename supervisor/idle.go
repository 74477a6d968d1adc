package supervisor

import (
	"context"
	"time"
)

// watchIdle closes idle when no connection has been open for idle-timeout.
func (a *App) watchIdle() {
	timeout := a.now.Load().site.IdleTimeout
	if timeout <= 0 {
		return
	}
	timer := time.NewTimer(timeout)
	stopped := make(chan struct{})
	a.push("idle timer", func(context.Context) error { close(stopped); return nil })
	a.serving.Go(func() {
		defer timer.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-timer.C:
			}
			left := timeout
			if since := a.front.EmptySince(); !since.IsZero() {
				left = timeout - time.Since(since)
			}
			if left <= 0 && a.shut() {
				close(a.idle)
				return
			}
			timer.Reset(max(left, time.Millisecond))
		}
	})
}

// shut stops accepting, unless a connection came at the last moment. Those that come from
// then on wait in the backlog for the supervisor that systemd starts for them.
func (a *App) shut() bool {
	for _, l := range a.sockets {
		l.Pause()
	}
	if !a.front.EmptySince().IsZero() {
		return true
	}
	for _, l := range a.sockets {
		l.Resume()
	}
	return false
}
