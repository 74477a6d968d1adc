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
			if left <= 0 {
				close(a.idle)
				return
			}
			timer.Reset(left)
		}
	})
}
