package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lingerWithin bounds the wait for the server's close after "Connection: close".
const lingerWithin = 250 * time.Millisecond

// conn is a connection to the server.
type conn struct {
	net.Conn
	socket  syscall.RawConn
	inlet   *inlet
	reader  *bufio.Reader // over inlet
	sent    int           // requests
	release func() bool   // from the context that cuts it off
}

// connect gives a connection that the end of ctx cuts off; within bounds the connect.
func connect(ctx context.Context, dial func(context.Context) (net.Conn, error), within time.Duration) (*conn, error) {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	raw, err := dial(bounded)
	if err != nil {
		return nil, err
	}
	holder, ok := raw.(syscall.Conn)
	if !ok {
		raw.Close()
		return nil, fmt.Errorf("cannot look into the socket of a %T: it is no syscall.Conn", raw)
	}
	socket, err := holder.SyscallConn()
	if err != nil {
		raw.Close()
		return nil, err
	}
	c := &conn{Conn: raw, socket: socket, inlet: &inlet{source: raw}}
	c.reader = bufio.NewReaderSize(c.inlet, 16<<10)
	// A deadline in the past ends reads and writes that wait.
	c.release = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

func (c *conn) hangUp() {
	c.release()
	_ = c.Close() // every answer wanted has been read
}

// begin prepares for the next request.
func (c *conn) begin(ctx context.Context, deadline time.Time) error {
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	// The context's own deadline may just have been overwritten.
	if ctx.Err() != nil {
		_ = c.SetDeadline(time.Unix(1, 0))
	}
	c.inlet.begin()
	c.sent++
	return nil
}

// reused: the connection has carried a request before the present one.
func (c *conn) reused() bool { return c.sent > 1 }

// state is what the socket has to say when nothing is expected.
type state int

const (
	silent state = iota // open, nothing to read
	ended               // closed or reset by the server
	speaks              // there are bytes
)

// look tells what the socket has, without waiting and without taking anything.
func (c *conn) look() (state, []byte) {
	if n := c.reader.Buffered(); n > 0 {
		waiting, _ := c.reader.Peek(n)
		return speaks, waiting
	}
	buffer := make([]byte, clipped)
	var n int
	var err error
	if failed := c.socket.Control(func(fd uintptr) {
		for {
			n, _, err = unix.Recvfrom(int(fd), buffer, unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}); failed != nil {
		return ended, nil
	}
	switch {
	case errors.Is(err, unix.EAGAIN):
		return silent, nil
	case err != nil || n == 0:
		return ended, nil
	default:
		return speaks, buffer[:n]
	}
}

// linger waits for the server's close, which has been asked for.
func (c *conn) linger() (state, []byte) {
	_ = c.SetReadDeadline(time.Now().Add(lingerWithin))
	if rest, err := c.reader.Peek(1); err == nil {
		rest, _ = c.reader.Peek(max(len(rest), c.reader.Buffered()))
		return speaks, rest
	} else if isTimeout(err) {
		return silent, nil
	}
	return ended, nil
}

// inlet remembers when bytes came, and the first of them.
type inlet struct {
	source net.Conn
	last   time.Time // right after the read that brought bytes last
	count  int64     // bytes since begin
	first  []byte
}

func (i *inlet) begin() { i.count, i.first = 0, i.first[:0] }

func (i *inlet) Read(b []byte) (int, error) {
	n, err := i.source.Read(b)
	if n > 0 {
		i.last = time.Now()
		i.count += int64(n)
		if room := clipped - len(i.first); room > 0 {
			i.first = append(i.first, b[:min(n, room)]...)
		}
	}
	return n, err
}
