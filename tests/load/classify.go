package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// isEnd: the peer ended the connection, one way or the other. EPIPE is what a write
// gets when the end has been seen already.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// connectKind names what went wrong with a connect.
func connectKind(ctx context.Context, err error) Kind {
	switch {
	case ctx.Err() != nil:
		return Abandoned
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	}
	return ConnectError
}

// failureKind names what went wrong under a request. written is the error of sending
// it, nil when all of it was sent; read that of reading the answer, not nil.
func failureKind(ctx context.Context, c *conn, written, read error) Kind {
	var bad malformed
	var content contentError
	switch {
	case errors.As(read, &bad):
		return Malformed
	case errors.As(read, &content):
		return WrongContent
	case isTimeout(read) && ctx.Err() != nil:
		return Abandoned
	case isTimeout(read):
		return Timeout
	case !isEnd(read):
		return OtherError
	case c.inlet.count == 0 && c.reused():
		return ClosedReused
	// The kernel reports a reset once: a write may have had it.
	case errors.Is(read, syscall.ECONNRESET) || errors.Is(written, syscall.ECONNRESET):
		return Reset
	case c.inlet.count == 0:
		return ClosedFresh
	}
	return Truncated
}

// cause is what went wrong without the addresses, which are the same in every line.
func cause(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return err.Error()
}
