package units

import (
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// margin is what systemd grants beyond the timeouts of the site file, so that
// wsgid's own, which are told with their cause, always come first.
const margin = 30 * time.Second

// forever stands for no limit.
const forever time.Duration = -1

// unlimited reads a key whose 0 means no limit.
func unlimited(t time.Duration) time.Duration {
	if t == 0 {
		return forever
	}
	return t
}

func plus(a, b time.Duration) time.Duration {
	if a == forever || b == forever {
		return forever
	}
	return a + b
}

// longest gives the greatest value that one of the groups has.
func longest(groups []*site.Group, value func(*site.Group) time.Duration) time.Duration {
	var most time.Duration
	for _, g := range groups {
		switch t := value(g); {
		case t == forever:
			return forever
		case t > most:
			most = t
		}
	}
	return most
}

func startup(g *site.Group) time.Duration { return unlimited(g.StartupTimeout) }

// drain is how long requests may take to finish. 0 is no time here, not for ever.
func drain(g *site.Group) time.Duration { return max(g.GracefulTimeout, g.EvictionTimeout) }

func shutdown(g *site.Group) time.Duration { return unlimited(g.ShutdownTimeout) }

// startLimit is for a leader, or for the supervisor of several, which start side
// by side.
func startLimit(groups ...*site.Group) time.Duration {
	return plus(longest(groups, startup), margin)
}

func stopLimit(groups ...*site.Group) time.Duration {
	return plus(plus(longest(groups, drain), longest(groups, shutdown)), margin)
}

// watchdog is how long a leader may be silent. It speaks while the heartbeats of
// its processes are fresh by deadlock-timeout, and needs time to replace one.
func watchdog(g *site.Group) time.Duration {
	if g.DeadlockTimeout == 0 {
		return time.Minute
	}
	return g.DeadlockTimeout + margin
}

// siteStopLimit is for the supervisor, which also waits for clients of files alone.
func (b *builder) siteStopLimit() time.Duration {
	if len(b.site.Groups) == 0 {
		return plus(b.site.GracefulTimeout(), margin)
	}
	return stopLimit(b.site.Groups...)
}
