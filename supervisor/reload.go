package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// Reload brings up a new generation of every group of next and, when all are
// ready, swaps them together, has the front end go by next, drains the old
// generations and groups, and ends them. If one cannot be started nothing is
// changed: the old generations serve on, and the error says why. nil is the site
// as it is served already. ctx ends only the wait for readiness. A call that
// comes during another waits for it.
func (a *App) Reload(ctx context.Context, next *site.Site) error {
	return a.change(ctx, next, false)
}

// Rollback is Reload of the site as it is served, with the release that each
// group ran before the present one. A group that had no other stays as it is; if
// none had, that is an error.
func (a *App) Rollback(ctx context.Context) error { return a.change(ctx, nil, true) }

func (a *App) change(ctx context.Context, next *site.Site, back bool) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	defer a.rest.Soon()
	now := a.now.Load()
	if next == nil {
		next = now.site
	}
	if err := sameSockets(now.site, next); err != nil {
		return err
	}
	changes := a.plan(now, next)
	if back {
		if changes = a.goingBack(changes); len(changes) == 0 {
			return errors.New("there is no earlier release to go back to: no symbolic link on the way to an application has led elsewhere before")
		}
	}
	groups := map[string]*group.Group{}
	for _, c := range changes {
		groups[c.name] = c.group
	}
	a.errors.expect(next.Server.ErrorLog)
	err := prepare(ctx, changes)
	var install func()
	if err == nil {
		install, err = a.prepareFront(next, groups)
	}
	if err != nil {
		a.errors.expect(now.site.Server.ErrorLog)
		inParallel(changes, change.abandon)
		return err
	}
	// From here on nothing can fail.
	a.names.rotate(next.SocketRotation)
	for i := range changes {
		changes[i].commit()
	}
	a.now.Store(&serving{site: next, groups: groups})
	install()
	inParallel(changes, change.finish)
	a.endGroups(now, groups)
	return nil
}

// prepareFront does what may fail before requests and records go by next: what it
// returns does the rest.
func (a *App) prepareFront(next *site.Site, groups map[string]*group.Group) (install func(), err error) {
	file, err := a.errors.prepare(next.Server.ErrorLog)
	if err != nil {
		return nil, hintAtRestart(next.Name, err)
	}
	front, err := a.front.Prepare(next, groups)
	if err != nil {
		return nil, errors.Join(hintAtRestart(next.Name, err), file.Close())
	}
	return func() {
		a.errors.replace(next.Server.ErrorLog, file)
		front()
	}, nil
}

// hintAtRestart knows why a file may not be made yet where the unit says that it may:
// a service that runs keeps its view of the file system (ProtectSystem=strict), and
// LogsDirectory= is made when it starts.
func hintAtRestart(site string, err error) error {
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w\nhint: systemctl restart wsgi@%s makes the directory of log files, and lets the site write to it", err, site)
	}
	return err
}

// sameSockets refuses what a running supervisor cannot change: its sockets are
// systemd's.
func sameSockets(now, next *site.Site) error {
	name := next.Name
	what, sockets := "listen, or how its sockets are made,", "wsgi@"+name+".socket"
	switch {
	case now.Socket.Prefix != next.Socket.Prefix:
		what, sockets = "socket-prefix", "'wsgi-"+name+":*@*.socket'"
	case slices.Equal(now.Listen, next.Listen) && now.Socket == next.Socket:
		return nil
	}
	return fmt.Errorf("%s: %s has changed, which a reload cannot change\n"+
		"hint: systemctl daemon-reload; systemctl stop wsgi@%[3]s; systemctl restart %[4]s; systemctl start wsgi@%[3]s", next.Path, what, name, sockets)
}

// change is a group of the site that is reloaded.
type change struct {
	name    string
	conf    *site.Group
	group   *group.Group
	release string      // to go back to; "" is the present one
	fresh   bool        // the group is a new one
	whole   bool        // processes that a leader of the old site file starts would not do
	next    *group.Next // what is ready to be swapped in; nil for a fresh group
	drain   func()      // ends the generation that was replaced; nil for a fresh group
	prepare error
}

// plan finds, or makes, the groups of next.
func (a *App) plan(now *serving, next *site.Site) []change {
	changes := make([]change, len(next.Groups))
	for i, g := range next.Groups {
		old := now.groups[g.Name]
		changes[i] = change{name: g.Name, conf: g, group: old, fresh: old == nil}
		// A leader that stays knows the scripts of its time, and its processes cannot serve
		// requests that are for others, or whose rules ask for others.
		changes[i].whole = now.site.LoadedFiles(g.Name) != next.LoadedFiles(g.Name)
		if old == nil {
			changes[i].group = a.newGroup(g, true)
		}
	}
	return changes
}

// goingBack leaves the groups that have an earlier release, with that one.
func (a *App) goingBack(changes []change) []change {
	var back []change
	for _, c := range changes {
		if c.release = a.state.of(c.name).Previous; c.release != "" {
			back = append(back, c)
		}
	}
	return back
}

// prepare brings up a generation of every group, side by side.
func prepare(ctx context.Context, changes []change) error {
	var all sync.WaitGroup
	for i := range changes {
		c := &changes[i]
		all.Go(func() {
			if c.fresh {
				c.group.Start()
				c.prepare = c.group.WaitReady(ctx)
				return
			}
			if c.conf.Rotate == site.RotateRolling && !c.whole {
				c.prepare = c.group.Roll(ctx, c.conf)
				return
			}
			c.next, c.prepare = c.group.Prepare(ctx, c.conf, c.release)
		})
	}
	all.Wait()
	var failures []error
	for _, c := range changes {
		if c.prepare != nil {
			failures = append(failures, fmt.Errorf("group %s: %w", c.name, c.prepare))
		}
	}
	return errors.Join(failures...)
}

func (c *change) commit() {
	if c.next != nil {
		c.drain = c.next.Commit()
	}
}

func (c change) abandon() {
	switch {
	case c.fresh:
		c.group.Stop(context.Background())
	case c.next != nil:
		c.next.Abandon()
	}
}

// finish drains and ends the generation that was replaced.
func (c change) finish() {
	if c.drain != nil {
		c.drain()
	}
}

// endGroups ends the groups that the site no longer has, after their requests.
func (a *App) endGroups(old *serving, groups map[string]*group.Group) {
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(old.groups)) {
		if groups[name] == nil {
			gone = append(gone, name)
		}
	}
	inParallel(gone, func(name string) {
		old.groups[name].Quiesce()
		old.groups[name].CutOff("graceful-timeout")
		old.groups[name].Stop(context.Background())
		a.names.gone(name)
	})
}

func inParallel[T any](all []T, do func(T)) {
	var running sync.WaitGroup
	for _, one := range all {
		running.Go(func() { do(one) })
	}
	running.Wait()
}

// reloadGroup is Reload for one group.
func (a *App) reloadGroup(ctx context.Context, name string) error {
	g := a.now.Load().groups[name]
	if g == nil {
		return nil // a reload has removed it meanwhile
	}
	return g.Reload(ctx)
}
