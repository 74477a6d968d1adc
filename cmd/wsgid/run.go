package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/logs"
	"github.com/wsgid/wsgid/units/site"
)

// runFlags are the command line of `wsgid run`. The zero value of a number or
// a string leaves the site file's key, or its default, alone.
type runFlags struct {
	config    string
	listen    []string
	processes int
	threads   int
	python    string
	reload    bool
	accessLog string
	logFormat string
}

const runLong = `Serve a WSGI application in the foreground.

The application is a file (app.py, or app.py:NAME for a callable that is not
called "application"), a module (package.module:NAME), or what a site file says
(--config). Ctrl-C ends the requests under way, then everything; a second
Ctrl-C ends at once.`

func newRunCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:     "run [APPLICATION]",
		Short:   "serve an application in the foreground",
		Long:    runLong,
		Example: "  wsgid run app.py\n  wsgid run mysite.wsgi:application --processes 2 --listen :8000\n  wsgid run --config blog.toml --reload",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && f.config == "" {
				return errors.New("name an application (app.py, package.module:callable) or a site file (--config FILE)")
			}
			if len(args) == 1 && f.config != "" {
				return errors.New("an application and --config exclude each other: the site file names its applications")
			}
			s, err := siteToRun(f, args)
			if err != nil {
				return failure(err)
			}
			for _, line := range noEffect(s) {
				fmt.Fprintln(os.Stderr, "wsgid:", line)
			}
			return failure(serve(c.Context(), f, s))
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "", "serve this site `FILE`")
	flags.StringArrayVar(&f.listen, "listen", nil, "listen at `ADDR`: HOST:PORT, :PORT or unix:PATH; may be repeated (default 127.0.0.1:8000)")
	flags.IntVar(&f.processes, "processes", 0, "processes of each daemon group")
	flags.IntVar(&f.threads, "threads", 0, "threads of each process")
	flags.StringVar(&f.python, "python", "", "`INTERPRETER` to run: a path, or a name in PATH")
	flags.BoolVar(&f.reload, "reload", false, "bring up a new generation when a loaded source file changes (for development)")
	flags.StringVar(&f.accessLog, "access-log", "", "write an access log to `FILE`; - is standard output")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	return c
}

// serve runs the site until a signal ends it.
func serve(ctx context.Context, f runFlags, s *site.Site) error {
	logger, err := logs.New(f.logFormat, os.Stderr, slog.LevelInfo)
	if err != nil {
		return err
	}
	listeners, err := listenAll(s.Listen, s.Socket)
	if err != nil {
		return err
	}
	direct := &supervisor.Direct{
		SiteFile: s.Encode(), Name: s.Name, Path: s.Path, Logger: logger,
		Arguments: []string{"--log-format", f.logFormat, "--watch=" + strconv.FormatBool(f.reload)},
	}
	app, err := supervisor.New(supervisor.Options{
		Site: s, Listeners: listeners, Launcher: direct, Software: software(), Watch: f.reload, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer reopenOnSignal(app, logger)()
	scripts, stop := context.WithCancel(ctx)
	defer direct.Wait()
	defer stop()
	for _, g := range s.Services {
		direct.StartService(scripts, g)
	}
	return runApp(ctx, app, direct, s, listeners)
}

// runApp starts the App, says so, waits for the end and stops it.
func runApp(ctx context.Context, app *supervisor.App, direct *supervisor.Direct, s *site.Site, listeners []net.Listener) error {
	err := app.Start()
	if err == nil {
		switch waitErr := app.WaitReady(ctx); {
		case waitErr == nil:
			announce(s, listeners)
		case ctx.Err() == nil:
			fmt.Fprintf(os.Stderr, "wsgid: %s is not served yet: the application cannot be started; requests get 503 while wsgid tries again\n", s.Name)
			announce(s, listeners)
		}
		select {
		case <-ctx.Done():
		case err = <-app.Failed():
		}
	}
	// A second signal cuts the drain short.
	hurry, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = errors.Join(err, app.Stop(hurry))
	direct.Wait()
	return err
}

func announce(s *site.Site, listeners []net.Listener) {
	for _, l := range listeners {
		at := "unix:" + l.Addr().String()
		if l.Addr().Network() == "tcp" {
			at = "http://" + l.Addr().String()
		}
		if s.TLS != nil && slices.ContainsFunc(s.TLS.Listen, func(t site.Listener) bool { return t.Names(l.Addr().Network(), l.Addr().String()) }) {
			at = strings.Replace(at, "http:", "https:", 1)
		}
		for _, g := range s.Groups {
			fmt.Printf("wsgid: serving %s (%s) at %s with %s x %s\n", s.Name, applicationOf(s, g), at,
				count(g.Processes, "process", "processes"), count(g.Threads, "thread", "threads"))
		}
		if len(s.Groups) == 0 {
			fmt.Printf("wsgid: serving %s (files) at %s without processes\n", s.Name, at)
		}
	}
	for _, g := range s.Services {
		fmt.Printf("wsgid: running service script %s (%s)\n", g.Name, g.Script+g.Module)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// applicationOf names what a group runs.
func applicationOf(s *site.Site, g *site.Group) string {
	var names []string
	for _, a := range s.Applications(g.Name) {
		name := a.Script
		switch {
		case a.Directory != "":
			name = a.Directory + "/*" + a.Suffix
		case name == "":
			name = a.Module + ":" + a.Callable
		}
		names = append(names, name)
	}
	names = append(names, s.DispatchScripts(g.Name)...)
	return strings.Join(slices.Compact(names), ", ")
}
