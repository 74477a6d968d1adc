package service

import (
	"context"
	"time"
)

// What systemd is told: the status, the watchdog, and that something takes its
// time.

// poke has the status reported; it never blocks.
func (s *service) poke() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// statusEvery is how often figures that change with every request are reported.
const statusEvery = 10 * time.Second

func (s *service) reportStatus(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		case <-tick.C:
		}
		s.notify.Status(s.app.Status())
		s.showFigures()
	}
}

// feedWatchdog says that all is well each time when every loop has turned, first of all
// at once: supervisors that follow each other in less time than the ticker's would
// otherwise be taken for one that has said nothing for all their time.
func (s *service) feedWatchdog(ctx context.Context, interval time.Duration) {
	if interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / 3)
	defer tick.Stop()
	for {
		if s.app.Turn(ctx) == nil {
			s.notify.Watchdog()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepExtending asks systemd for more time again and again, while the site's
// own timeouts bound what is going on, until the function it returns is called.
func (s *service) keepExtending() (stop func()) {
	const every, by = 5 * time.Second, 20 * time.Second
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			s.notify.ExtendTimeout(by)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-stopped }
}
