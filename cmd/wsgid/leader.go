package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/leader"
	"github.com/wsgid/wsgid/supervisor/logs"
	"github.com/wsgid/wsgid/units/site"
)

type leaderFlags struct {
	direct    bool
	config    string
	path      string
	watch     bool
	logFormat string
}

func newLeaderCommand() *cobra.Command {
	var f leaderFlags
	c := &cobra.Command{
		Use:    "leader SITE GROUP",
		Short:  "start and watch the processes of a daemon group (wsgid and systemd run this)",
		Args:   cobra.ExactArgs(2),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			logger, err := logs.New(f.logFormat, os.Stderr, slog.LevelInfo)
			if err != nil {
				return err
			}
			if f.direct {
				return failure(leadDirectly(c.Context(), f, logger, args[0], args[1]))
			}
			err = leader.Serve(c.Context(), leader.Service{
				ConfigDirectory: f.config, Site: args[0], Group: args[1], Software: software(), Logger: logger,
			})
			return serviceFailure(err, logger.With("site", args[0], "group", args[1]))
		},
	}
	c.Flags().StringVar(&f.config, "config-directory", "/etc/wsgi", "`DIRECTORY` of the site files")
	c.Flags().BoolVar(&f.direct, "direct", false, "the control connection is descriptor 3 and the site file descriptor 4")
	c.Flags().StringVar(&f.path, "path", "", "with --direct, the site file's name in messages")
	c.Flags().BoolVar(&f.watch, "watch", false, "with --direct, report the source files that processes load")
	c.Flags().StringVar(&f.logFormat, "log-format", "auto", "auto, journal, text or json")
	return c
}

// leadDirectly leads for the supervisor that has started this process.
func leadDirectly(ctx context.Context, f leaderFlags, logger *slog.Logger, name, group string) error {
	leader.IgnoreSignals()
	s, err := readSite(name, f.path)
	if err != nil {
		return err
	}
	g := s.Group(group)
	if g == nil {
		return fmt.Errorf("site %s has no group %s", name, group)
	}
	conn, err := controlConn()
	if err != nil {
		return err
	}
	l, err := leader.New(leader.Options{Site: s, Group: g, Control: conn, Watch: f.watch, Software: software(), Logger: logger})
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	l.HurryOnSignal(ctx)
	return l.Run(ctx)
}

// readSite reads the site file that the supervisor placed on a descriptor.
func readSite(name, path string) (*site.Site, error) {
	file := os.NewFile(supervisor.LeaderSiteFD, "site file")
	defer file.Close()
	source, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the site file: %w", err)
	}
	return site.Parse(name, path, source)
}

func controlConn() (*net.UnixConn, error) {
	file := os.NewFile(supervisor.LeaderControlFD, "control connection")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("cannot use the control connection: %w", err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("the control connection is no UNIX socket"), conn.Close())
	}
	return unix, nil
}

func newWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Short:  "become a worker process (a leader runs this)",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			// The leader has been told why; it logs it with what it knows.
			_ = leader.RunWorker()
			return &exitError{code: 1}
		},
	}
}

// serviceFailure is failure for a service of systemd: in the journal the reason has
// the priority of an error, and the fields of the logger.
func serviceFailure(err error, logger *slog.Logger) error {
	if err == nil || os.Getenv("JOURNAL_STREAM") == "" {
		return failure(err)
	}
	logger.Error(err.Error())
	return &exitError{code: 1}
}

// failure makes an error one of running, not of usage: exit status 1.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: 1, err: err}
}
