package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/service"
)

func newReopenCommand() *cobra.Command {
	var d service.Directories
	var all bool
	c := &cobra.Command{
		Use:   "reopen {SITE | --all}",
		Short: "open the log files by their names again (for logrotate)",
		Long: `Open the log files of a site by their names again, after they were renamed. The
command ends when nothing is written to the old files any more. A file that cannot
be opened is written to under its old name, and the exit status is 1. Nothing is
restarted or reloaded.`,
		Args: func(c *cobra.Command, args []string) error {
			if all {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if all {
				return failure(reopenAll(c.Context(), d))
			}
			return failure(ask(c.Context(), d, args[0], reopenRequest()))
		},
	}
	addDirectories(c, &d)
	c.Flags().BoolVar(&all, "all", false, "the log files of every site that runs; none is no error")
	c.Flags().Bool("wait", true, "wait until it is done, as the command always does")
	return c
}

func reopenRequest() control.Request { return control.Request{Verb: "reopen", Wait: true} }

// reopenAll asks every supervisor that has, or had, a runtime directory; one that
// fails does not keep the others from it.
func reopenAll(ctx context.Context, d service.Directories) error {
	entries, err := os.ReadDir(d.Runtime)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look for sites: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := ask(ctx, d, entry.Name(), reopenRequest()); !errors.Is(err, control.ErrNotRunning) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reopenOnSignal has SIGUSR1 open the log files again, as it does under systemd,
// until the function that it returns is called.
func reopenOnSignal(app *supervisor.App, log *slog.Logger) (stop func()) {
	caught, stopped := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(caught, syscall.SIGUSR1)
	go func() {
		defer close(stopped)
		for range caught {
			if err := app.Reopen(); err != nil {
				log.Error("cannot reopen every log file; the old one is used on", "err", err)
			}
		}
	}()
	return func() {
		signal.Stop(caught)
		close(caught)
		<-stopped
	}
}
