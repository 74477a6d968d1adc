package sd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Barrier returns when systemd has dealt with everything that was sent before,
// a waiting status included. That takes it a few milliseconds, unless it is
// reloading. It is for the time before an exit or an exec: systemd ignores
// datagrams whose sender it no longer finds.
func (n *Notifier) Barrier(ctx context.Context) error {
	if n == nil {
		return nil
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot wait for systemd: %w", err)
	}
	defer ours.Close()
	err = n.sendBarrier(ctx, unix.UnixRights(int(theirs.Fd())))
	// Once systemd closes its copy as well there is nobody left who could write.
	if err := errors.Join(err, theirs.Close()); err != nil {
		return fmt.Errorf("cannot wait for systemd: %w", err)
	}
	if err := waitForEnd(ctx, ours); err != nil {
		return fmt.Errorf("cannot wait for systemd: %w", err)
	}
	return nil
}

func (n *Notifier) sendBarrier(ctx context.Context, rights []byte) error {
	for {
		err := n.tryBarrier(rights)
		if !busy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(retryInterval):
		}
	}
}

// tryBarrier returns an error for which busy is true when something has to wait.
func (n *Notifier) tryBarrier(rights []byte) error {
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return os.ErrClosed
	}
	n.statusAt = time.Time{} // or the status might wait for its turn
	n.flushLocked()
	if len(n.kept) > 0 || n.stale {
		return unix.EAGAIN
	}
	return n.sendLocked("BARRIER=1", rights)
}

// waitForEnd returns nil once the pipe has no writer any more.
func waitForEnd(ctx context.Context, pipe *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = pipe.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := pipe.Read(make([]byte, 1))
	switch {
	case err == io.EOF:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}
