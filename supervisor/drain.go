package supervisor

import (
	"context"
	"errors"
	"time"
)

// drain stops accepting and waits until the requests under way are answered, or ctx
// ends. Each group has its own graceful-timeout for that, and the longest of them is
// for requests that are still arriving and answers that are still being taken.
func (a *App) drain(ctx context.Context) error {
	var errs []error
	for _, l := range a.sockets {
		errs = append(errs, l.Close())
	}
	a.serving.Wait()
	if a.keep != nil {
		a.front.HandOver(a.keep)
	} else {
		a.front.Drain()
	}
	done := make(chan struct{})
	if a.patient {
		go func() {
			defer close(done)
			_ = a.front.WaitDrained(ctx)
		}()
		select {
		case <-done:
			return errors.Join(errs...)
		case <-a.hurried:
		}
	}
	a.drainLimited(ctx)
	return errors.Join(errs...)
}

// Hurry has the limits of a drain without one, see HandOver, count from now.
func (a *App) Hurry() { a.hurry.Do(func() { close(a.hurried) }) }

// drainLimited waits as long as graceful-timeout allows, and cuts off what is left.
func (a *App) drainLimited(ctx context.Context) {
	const cause = "graceful-timeout"
	now := a.now.Load()
	longest := now.site.GracefulTimeout()
	for _, g := range now.site.Groups {
		limit := time.AfterFunc(g.GracefulTimeout, func() { now.groups[g.Name].CutOff(cause) })
		defer limit.Stop()
	}
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if a.front.WaitDrained(limited) != nil && ctx.Err() == nil {
		for _, g := range now.groups {
			g.CutOff(cause)
		}
		a.front.CutOff(cause)
	}
}
