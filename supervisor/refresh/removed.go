package refresh

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

// slot is one of the two of a group.
type slot struct{ socket, service, path string }

// lostSockets are the slots at whose path nobody listens, those of new groups among them.
// systemd goes on listening where nobody can connect, if the path was removed, and does not
// notice. And if it has read units again while the site file did not have the group, it has
// closed the socket, and does not open it again by itself.
func lostSockets(s *site.Site, o units.Options) []slot {
	var lost []slot
	listens := listeningAt(o)
	for _, g := range s.Groups {
		if g.IsService() {
			continue // nobody connects to it
		}
		for _, name := range []string{"a", "b"} {
			unit := "wsgi-" + s.Name + ":" + g.Name + "@" + name
			l := slot{socket: unit + ".socket", service: unit + ".service", path: units.SlotSocket(s, o, g.Name, name)}
			if _, err := os.Lstat(l.path); errors.Is(err, fs.ErrNotExist) || !listens(l.path) {
				lost = append(lost, l)
			}
		}
	}
	return lost
}

// listeningAt knows the paths at which sockets listen: systemd's, whose network this process
// need not share. What cannot be known is taken to be well.
func listeningAt(o units.Options) func(path string) bool {
	table := "/proc/1/net/unix"
	if o.User {
		table = "/proc/net/unix"
	}
	text, err := os.ReadFile(table)
	if err != nil {
		return func(string) bool { return true }
	}
	return func(path string) bool { return listens(string(text), path) }
}

// listens looks into a table of sockets (proc_net(5), unix) for one that is bound to path
// and accepts connections (__SO_ACCEPTCON).
func listens(table, path string) bool {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) == 8 && f[7] == path && f[3] == "00010000" {
			return true
		}
	}
	return false
}

// restore has systemd make sockets again that it believes to be there. A slot that runs
// keeps what it has: systemd would not listen for it again before it ends.
func restore(ctx context.Context, manager *sd.Manager, name string, lost []slot) error {
	if len(lost) == 0 {
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
	for _, l := range lost {
		runs := slices.ContainsFunc(running, func(u sd.Unit) bool { return u.Name == l.service })
		if slices.Contains(listening, l.socket) && !runs {
			errs = append(errs, manager.RestartUnit(ctx, l.socket))
		}
	}
	return errors.Join(errs...)
}
