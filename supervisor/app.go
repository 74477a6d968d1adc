package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

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
}

// Launcher brings up the leader of a group in a slot, "a" or "b", and returns
// the control connection to it.
type Launcher = group.Launcher

// App serves one site.
type App struct {
	options  Options
	log      *slog.Logger
	loops    []*loop.Loop
	groups   map[string]*group.Group
	front    *front.Front
	watcher  *watcher // nil without Watch
	teardown []step
	sockets  []*http1.Listener
	serving  sync.WaitGroup
	failed   chan error // a listener that cannot be served any more

	stopOnce sync.Once
	stopErr  error
}

// step is one named part of the teardown.
type step struct {
	name string
	run  func(ctx context.Context) error
}

// New prepares an App. It starts nothing, but opens the access log.
func New(o Options) (*App, error) {
	a := &App{
		options: o, log: o.Logger.With("site", o.Site.Name),
		groups: map[string]*group.Group{}, failed: make(chan error, len(o.Listeners)),
	}
	if err := a.startLoops(); err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	var loaded func(string) func([]string)
	if o.Watch {
		w, err := newWatcher(a.log, a.reloadGroup)
		if err != nil {
			return nil, err
		}
		a.watcher = w
		a.push("watcher", func(context.Context) error { return w.close() })
		loaded = func(name string) func([]string) { return func(files []string) { w.add(name, files) } }
	}
	for _, g := range o.Site.Groups {
		options := group.Options{Site: o.Site, Group: g, Launcher: o.Launcher, Logger: o.Logger, Loops: a.loops}
		if loaded != nil {
			options.FilesLoaded = loaded(g.Name)
		}
		a.groups[g.Name] = group.New(options)
	}
	f, err := front.New(front.Options{Site: o.Site, Groups: a.groups, Software: o.Software, Logger: a.log, Loops: a.loops})
	if err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	a.front = f
	a.push("front end", func(context.Context) error { return f.Close() })
	return a, nil
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

// Start starts the groups and serves the listeners. A group whose application
// cannot be imported is no error: it answers 503 and is tried again.
func (a *App) Start(ctx context.Context) error {
	if a.watcher != nil {
		a.watcher.start()
	}
	for _, g := range a.options.Site.Groups {
		if err := a.startGroup(ctx, a.groups[g.Name]); err != nil {
			return err
		}
	}
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
	return nil
}

func (a *App) startGroup(ctx context.Context, g *group.Group) error {
	// Pushed first, so that a group whose start was cut short is stopped too.
	a.push("group", func(ctx context.Context) error { g.Stop(ctx); return nil })
	return g.Start(ctx)
}

// WaitReady waits until every group's processes are ready or have failed to
// start. The error names what failed; the App serves on regardless.
func (a *App) WaitReady(ctx context.Context) error {
	var failures []error
	for _, g := range a.options.Site.Groups {
		if err := a.groups[g.Name].WaitReady(ctx); err != nil {
			failures = append(failures, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	go memory.Rest()
	return errors.Join(failures...)
}

// Failed delivers errors of listeners that cannot be served any more.
func (a *App) Failed() <-chan error { return a.failed }

// Reload brings up a new generation of every group and swaps it in. The error
// says which could not be started; those serve on as they were.
func (a *App) Reload(ctx context.Context) error {
	var failures []error
	for _, g := range a.options.Site.Groups {
		if err := a.groups[g.Name].Reload(ctx); err != nil {
			failures = append(failures, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	return errors.Join(failures...)
}

func (a *App) reloadGroup(ctx context.Context, name string) error {
	return a.groups[name].Reload(ctx)
}

// drain stops accepting and waits until the requests under way are answered,
// at most for the longest graceful-timeout or until ctx ends.
func (a *App) drain(ctx context.Context) error {
	var errs []error
	for _, l := range a.sockets {
		errs = append(errs, l.Close())
	}
	a.serving.Wait()
	a.front.Drain()
	limit := time.Duration(0)
	for _, g := range a.options.Site.Groups {
		limit = max(limit, g.GracefulTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := a.front.WaitDrained(ctx); err != nil && limit > 0 {
		a.log.Warn("requests were still under way at the end of the drain", "connections", a.front.Open())
	}
	return errors.Join(errs...)
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
