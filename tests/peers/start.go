package peers

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Workplace makes a directory that the servers' user goes through, which the caller
// removes, and has this process adopt what servers leave behind. name goes into the
// directory's.
func Workplace(name string) (dir string, account Account, err error) {
	if err := AdoptOrphans(); err != nil {
		return "", Account{}, err
	}
	if account, err = WorkAccount(); err != nil {
		return "", Account{}, err
	}
	if dir, err = os.MkdirTemp("", "wsgid-"+name+"-"); err != nil {
		return "", Account{}, fmt.Errorf("cannot make working directory: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		_ = os.Remove(dir)
		return "", Account{}, fmt.Errorf("cannot open working directory to all: %w", err)
	}
	return dir, account, nil
}

// SignalContext ends with the first signal that asks the program to stop. SIGPIPE is
// caught too, and only dropped: dying of a closed standard output would leave the servers
// running.
func SignalContext() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return ctx, func() {
		signal.Stop(pipe)
		stop()
	}
}
