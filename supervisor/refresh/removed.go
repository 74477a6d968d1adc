package refresh

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

// slot is one of the two of a group.
type slot struct{ socket, service, path string }

// removedSockets are the slots whose socket cannot be found by its path, those of new groups
// among them. systemd goes on listening where nobody can connect, and does not notice.
func removedSockets(s *site.Site, o units.Options) []slot {
	var removed []slot
	for _, g := range s.Groups {
		if g.IsService() {
			continue // nobody connects to it
		}
		for _, name := range []string{"a", "b"} {
			unit := "wsgi-" + s.Name + ":" + g.Name + "@" + name
			l := slot{socket: unit + ".socket", service: unit + ".service", path: units.SlotSocket(s, o, g.Name, name)}
			if _, err := os.Lstat(l.path); errors.Is(err, fs.ErrNotExist) {
				removed = append(removed, l)
			}
		}
	}
	return removed
}

// restore has systemd make sockets again that it believes to be there. A slot that runs
// keeps what it has: systemd would not listen for it again before it ends.
func restore(ctx context.Context, manager *sd.Manager, name string, removed []slot) error {
	if len(removed) == 0 {
		return nil
	}
	listening, err := manager.ActiveUnits(ctx, "wsgi-"+name+":*@*.socket")
	if err != nil {
		return err
	}
	running, err := manager.Units(ctx, "wsgi-"+name+":*@*.service", "active", "activating", "reloading", "deactivating")
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range removed {
		runs := slices.ContainsFunc(running, func(u sd.Unit) bool { return u.Name == l.service })
		if slices.Contains(listening, l.socket) && !runs {
			errs = append(errs, manager.RestartUnit(ctx, l.socket))
		}
	}
	return errors.Join(errs...)
}
