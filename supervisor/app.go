package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/front"
	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/supervisor/internal/memory"
	"github.com/wsgid/wsgid/units/site"
)

// Options are what an App serves.
type Options struct {
	Site *site.Site
	// Listeners are open listening sockets; the App closes them.
	Listeners []net.Listener
	// Launcher brings up the leaders.
	Launcher Launcher
	// Software is the value of the Server field and of SERVER_SOFTWARE.
	Software string
	// Watch reloads a group when a source file that it loaded changes.
	Watch  bool
	Logger *slog.Logger

	// Beside has where the leaders of a supervisor are that serves still: those of
	// this App start in the other slots. nil means that there is no such one.
	Beside map[string]Place
	// StateFile keeps where the leaders are for a supervisor that follows; "" keeps
	// nothing.
	StateFile string
	// CheckUser says whether a leader of g may run as uid; nil trusts the Launcher.
	CheckUser func(g *site.Group, uid uint32) error
	// Unit names the unit of a slot's leader, for messages; nil means that there
	// are none.
	Unit func(group, slot string) string
	// SocketNames is where the sockets of generations get names, see the key
	// socket-rotation; "" gives them none. SocketPath is a slot's socket.
	SocketNames string
	SocketPath  func(group, slot string) string
	// Happened is called when a generation of a group has started, serves, has
	// finished its last request, or has ended; nil means never. It must not block.
	Happened func(e Event, group string, generation int)
	// Changed is called when Status has something new to say; nil means never. It
	// must not block.
	Changed func()
	// SlotBusy is called when the leader in a slot does not answer, as that of a
	// supervisor beside this one; nil means never. It must not block.
	SlotBusy func()
}

// Event is something that happens to a generation.
type Event = group.Event

// The events.
const (
	GenerationStarted = group.Started
	GenerationReady   = group.Serves
	GenerationDrained = group.Drained
	GenerationEnded   = group.Ended
)

// Launcher brings up the leader of a group in a slot, "a" or "b", and returns
// the control connection to it.
type Launcher = group.Launcher

// App serves one site.
type App struct {
	options  Options
	log      *slog.Logger
	loops    []*loop.Loop
	now      atomic.Pointer[serving]
	front    *front.Front
	errors   *errorLog
	records  *slog.Logger // what goes there: about applications and requests
	watcher  *watcher     // nil without Watch
	teardown []step
	sockets  []*http1.Listener
	serving  sync.WaitGroup
	failed   chan error // a listener that cannot be served any more
	state    *state
	names    *socketNames
	idle     chan struct{}                     // closed when idle-timeout is over
	follow   atomic.Bool                       // another supervisor follows and takes the leaders over
	leaving  atomic.Bool                       // see SetDraining
	keep     func(fd int, client string) error // takes connections for it; nil closes them
	patient  bool                              // Stop has no limit before Hurry
	hurried  chan struct{}                     // closed by Hurry
	hurry    sync.Once

	reloading sync.Mutex  // held by Reload: one at a time
	rest      memory.Rest // after a start and after a reload

	stopOnce sync.Once
	stopErr  error
}

// serving is what is served: a site file and the groups that it names.
type serving struct {
	site   *site.Site
	groups map[string]*group.Group
}

// step is one named part of the teardown.
type step struct {
	name string
	run  func(ctx context.Context) error
}

// New prepares an App. It starts nothing, but opens the log files.
func New(o Options) (*App, error) {
	a := &App{
		options: o, log: o.Logger.With("site", o.Site.Name),
		failed: make(chan error, len(o.Listeners)),
		state:  loadState(o.StateFile, o.Beside), idle: make(chan struct{}), hurried: make(chan struct{}),
	}
	a.names = newSocketNames(o, a.state.all(), a.log)
	a.errors = newErrorLog(o.Site.Server.ErrorLog, a.log)
	a.records = a.errors.logger(o.Logger.Handler())
	a.push("error log", func(context.Context) error { return a.errors.close() })
	a.push("listeners", a.closeListeners)
	if err := a.startLoops(); err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	if o.Watch {
		w, err := newWatcher(a.log, a.reloadGroup)
		if err != nil {
			return nil, errors.Join(err, a.Stop(context.Background()))
		}
		a.watcher = w
		a.push("watcher", func(context.Context) error { return w.close() })
	}
	now := &serving{site: o.Site, groups: map[string]*group.Group{}}
	for _, g := range o.Site.Groups {
		now.groups[g.Name] = a.newGroup(g, o.Beside != nil)
	}
	a.now.Store(now)
	var err error
	a.front, err = front.New(front.Options{
		Site: o.Site, Groups: now.groups, Software: o.Software, Logger: a.records.With("site", o.Site.Name), LogTrouble: a.log,
		Loops: a.loops, Secret: a.state.Secret,
	})
	if err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	a.push("front end", func(context.Context) error { return a.front.Close() })
	return a, nil
}

// newGroup makes a group that has no processes yet; fresh says that none are left
// for it either.
func (a *App) newGroup(g *site.Group, fresh bool) *group.Group {
	o, left := &a.options, a.state.of(g.Name)
	options := group.Options{
		Site: o.Site, Group: g, Launcher: o.Launcher, Logger: a.records, Collect: a.errors.collects, Loops: a.loops,
		Slot: left.Slot, Generation: left.Generation, Fresh: fresh, Pinned: left.Pinned, CheckUser: o.CheckUser, Unit: o.Unit,
		Changed: o.Changed, Installed: a.installed, Happened: a.happened, SlotBusy: o.SlotBusy,
	}
	if w := a.watcher; w != nil {
		options.FilesLoaded = func(files []string) { w.add(g.Name, files) }
	}
	return group.New(options)
}

// startLoops starts a loop for every two processors: the other half is for the
// workers. A loop keeps its thread in a system call most of the time, so the
// runtime needs one more than it has loops to run anything else in.
func (a *App) startLoops() error {
	n := max(1, runtime.NumCPU()/2)
	if runtime.GOMAXPROCS(0) <= n {
		runtime.GOMAXPROCS(n + 1)
	}
	for range n {
		l, err := loop.New()
		if err != nil {
			return err
		}
		a.loops = append(a.loops, l)
		a.push("loop", func(context.Context) error { l.Close(); return nil })
	}
	return nil
}

func (a *App) push(name string, run func(context.Context) error) {
	a.teardown = append(a.teardown, step{name: name, run: run})
}

// Start starts the groups and serves the listeners. A group whose leader cannot
// be started, or whose application cannot be imported, is no error: it answers
// 503 and is tried again.
func (a *App) Start() error {
	a.StartGroups()
	return a.Serve()
}

// StartGroups starts the groups, for a supervisor that does not serve yet.
func (a *App) StartGroups() {
	if a.watcher != nil {
		a.watcher.start()
	}
	a.push("groups", a.stopGroups)
	for _, g := range a.now.Load().groups {
		g.Start()
	}
}

// Serve serves the listeners, after StartGroups.
func (a *App) Serve() error {
	a.push("drain", a.drain)
	for _, source := range a.options.Listeners {
		l, err := http1.NewListener(source)
		if err != nil {
			return err
		}
		a.sockets = append(a.sockets, l)
		a.serving.Go(func() {
			if err := a.front.Serve(l); err != nil {
				a.failed <- fmt.Errorf("cannot serve %s: %w", l.Addr(), err)
			}
		})
	}
	a.watchIdle()
	return nil
}

// stopGroups ends the leaders and their processes, or leaves them to the
// supervisor that follows.
func (a *App) stopGroups(ctx context.Context) error {
	var all sync.WaitGroup
	for _, g := range a.now.Load().groups {
		all.Go(func() {
			if a.follow.Load() {
				g.Release(ctx)
			} else {
				g.Stop(ctx)
			}
		})
	}
	all.Wait()
	if !a.follow.Load() {
		a.names.clear()
	}
	return nil
}

// happened passes on what happens to a generation.
func (a *App) happened(e Event, name string, generation int) {
	if e == GenerationEnded {
		a.names.ended(name, generation)
	}
	if a.options.Happened != nil {
		a.options.Happened(e, name, generation)
	}
}

// closeListeners closes what no Listener has taken over.
func (a *App) closeListeners(context.Context) error {
	for _, l := range a.options.Listeners[len(a.sockets):] {
		l.Close() // nobody has been told of it
	}
	return nil
}

// installed keeps where a group's generation is.
func (a *App) installed(name string, at group.Where) {
	p := Place{Slot: at.Slot, Generation: at.Generation, Release: at.Release, Pinned: at.Pinned}
	if err := a.state.note(name, p); err != nil {
		a.log.Error("a supervisor that follows will start new leaders", "err", err)
	}
	a.names.serves(name, at.Generation, at.Slot)
}

// WaitReady waits until every group's processes are ready or have failed to
// start. The error names what failed; the App serves on regardless.
func (a *App) WaitReady(ctx context.Context) error {
	var failures []error
	now := a.now.Load()
	for _, g := range now.site.Groups {
		if err := now.groups[g.Name].WaitReady(ctx); err != nil {
			failures = append(failures, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	a.rest.Soon()
	return errors.Join(failures...)
}

// Failed delivers errors of listeners that cannot be served any more.
func (a *App) Failed() <-chan error { return a.failed }

// Idle is closed when no connection has been open for the site's idle-timeout.
func (a *App) Idle() <-chan struct{} { return a.idle }

// Follow says, before Stop, that another supervisor follows this one: Stop then
// leaves the leaders and their processes as they are, and gives keep the
// connections of clients that wait for no answer; nil closes them. keep must not
// hold on to the descriptor, but may duplicate it or send it away.
func (a *App) Follow(keep func(fd int, client string) error) {
	a.follow.Store(true)
	a.keep = keep
}

// HandOver stops accepting connections and reading requests, and gives keep the
// connections of clients that wait for no answer, now or when they have theirs.
// It is for a supervisor that another one with leaders of its own takes over
// from: Stop ends the leaders, after the requests under way, however long these take
// until Hurry.
func (a *App) HandOver(keep func(fd int, client string) error) {
	a.keep = keep
	a.patient = true
	a.names.yield()
	for _, l := range a.sockets {
		if err := l.Close(); err != nil {
			a.log.Debug("cannot close a listener", "err", err)
		}
	}
	a.serving.Wait()
	a.front.HandOver(keep)
}

// KeepState says that the supervisor beside this one, see Options.Beside, needs
// the state file and the names of sockets no more: from now on they are this one's.
func (a *App) KeepState() {
	a.names.own()
	if err := a.state.keep(); err != nil {
		a.log.Error("a supervisor that follows will start new leaders", "err", err)
	}
}

// Places says where the groups' leaders are, for a supervisor that follows.
func (a *App) Places() map[string]Place { return a.state.all() }

// Adopt serves a connection that an earlier supervisor has handed over, with what that
// knew of the client. It owns the descriptor. Start must have been called.
func (a *App) Adopt(fd int, client string) {
	if err := a.adopt(fd, client); err != nil {
		a.log.Warn("a client's connection did not survive the restart", "err", err)
	}
}

func (a *App) adopt(fd int, client string) error {
	for _, l := range a.sockets {
		if l.Accepted(fd) {
			return a.front.Adopt(fd, l, client)
		}
	}
	unix.Close(fd)
	return errors.New("its address is not served any more")
}

// SetDraining has every connection end with its next response, so that a balancer
// in front moves its traffic elsewhere; nobody is refused. false takes that back.
func (a *App) SetDraining(on bool) {
	a.leaving.Store(on)
	a.front.SetLast(on)
	if a.options.Changed != nil {
		a.options.Changed()
	}
}

// Draining reports what SetDraining was last told.
func (a *App) Draining() bool { return a.leaving.Load() }

// Reopen opens the log files by their names again, and returns when nothing is
// written to the old ones any more. A file that cannot be opened is written to
// under its old name; the error says why, and does not keep the other one.
func (a *App) Reopen() error { return errors.Join(a.front.Reopen(), a.errors.reopen()) }

// Turn waits until every loop has had a turn and every group's lock was free: a
// request would be dispatched. The error is that of ctx.
func (a *App) Turn(ctx context.Context) error {
	turned := make(chan struct{}, len(a.loops))
	for _, l := range a.loops {
		l.Post(func() { turned <- struct{}{} })
	}
	for range a.loops {
		select {
		case <-turned:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, g := range a.now.Load().groups {
		g.Status()
	}
	return nil
}

// Stop takes everything down in the reverse order of its start and returns
// what went wrong. The end of ctx cuts the drain short. Stop may be called
// more than once, and after a New or Start that failed.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		var errs []error
		for i := len(a.teardown) - 1; i >= 0; i-- {
			if err := a.teardown[i].run(ctx); err != nil {
				errs = append(errs, fmt.Errorf("cannot stop the %s: %w", a.teardown[i].name, err))
			}
		}
		a.stopErr = errors.Join(errs...)
	})
	return a.stopErr
}
