package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrNotRunning says that nobody listens at the control socket.
var ErrNotRunning = errors.New("the site is not running")

// Error is what a supervisor says about a request that it could not fulfil.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// Call asks the supervisor that listens at path, waits for what comes of it and
// returns what it says. The error is an *Error when it said why not, and
// ErrNotRunning when there is nobody to say anything.
func Call(ctx context.Context, path string, request Request) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "", ErrNotRunning
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("cannot connect to %s: %w (root and members of group wsgi may)", path, os.ErrPermission)
	case err != nil:
		return "", fmt.Errorf("cannot connect to the supervisor: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return "", fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	var reply Reply
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("the supervisor ended before it answered: %w", err)
	}
	if reply.Error != "" {
		return reply.Text, &Error{reply.Error}
	}
	return reply.Text, nil
}
