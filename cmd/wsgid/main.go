// Wsgid serves Python WSGI applications as systemd services.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// run gives the exit status: 2 for a wrong command line, 1 for any other failure.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRootCommand().ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		exit = &exitError{code: 2, err: err}
	}
	if exit.err != nil {
		fmt.Fprintln(os.Stderr, "wsgid:", exit.err)
	}
	return exit.code
}

// exitError carries an exit status out of a subcommand. A nil err means that
// everything has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "wsgid",
		Short:         "serve Python WSGI applications",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRunCommand(), newNewCommand(), newCheckCommand(), newVersionCommand(), newServeCommand(), newSucceedCommand(), newReloadCommand(), newReopenCommand(), newStatusCommand(), newUpgradeCommand(), newRollbackCommand(), newDrainCommand(), newUndrainCommand(), newRefreshCommand(), newLeaderCommand(), newWorkerCommand(), newScriptCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}
