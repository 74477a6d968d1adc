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
			return failure(runLeader(c.Context(), f, args[0], args[1]))
		},
	}
	c.Flags().BoolVar(&f.direct, "direct", false, "the control connection is descriptor 3 and the site file descriptor 4")
	c.Flags().StringVar(&f.path, "path", "", "the site file's name in messages")
	c.Flags().BoolVar(&f.watch, "watch", false, "report the source files that processes load")
	c.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json")
	return c
}

func runLeader(ctx context.Context, f leaderFlags, name, group string) error {
	if !f.direct {
		return errors.New("wsgid leader needs the descriptors that its supervisor gives it: it is started by wsgid itself")
	}
	logger, err := logs.New(f.logFormat, os.Stderr, slog.LevelInfo)
	if err != nil {
		return err
	}
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
	l, err := leader.New(leader.Options{Site: s, Group: g, Watch: f.watch, Software: software(), Logger: logger})
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	return l.Run(ctx, conn)
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

// failure makes an error one of running, not of usage: exit status 1.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: 1, err: err}
}
