package group

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// helloTime is how long a leader has to answer a connection. systemd starts one
// in 50 ms, on a machine that boots in seconds.
const helloTime = 30 * time.Second

// errNotWanted says that nobody wants a generation any more.
var errNotWanted = errors.New("the group is being stopped")

// launch connects to a leader in a slot, which may start it, and starts the
// goroutine that listens to it. install, called with the group's lock before
// anything is heard of the processes, gives the generation its place; false
// means that it has none.
func (g *Group) launch(ctx context.Context, conf *site.Group, slot string, install func(*generation) bool) (*generation, error) {
	conn, err := g.options.Launcher.Launch(ctx, g.name, slot)
	if err != nil {
		return nil, err
	}
	hello, control, err := g.greet(ctx, conf, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	g.mu.Lock()
	number := hello.Generation // of a leader that served a supervisor before
	if number == 0 {
		number = g.number + 1
	}
	g.number = max(g.number, number)
	gen := newGeneration(g, conf, number, slot, control)
	wanted := !g.stopped && install(gen)
	g.mu.Unlock()
	if !wanted {
		return nil, errors.Join(errNotWanted, conn.Close())
	}
	g.tell(control, wire.Message{Type: wire.Attach, Generation: number})
	g.running.Go(gen.listen)
	return gen, nil
}

// greet waits for a leader's first message and looks who it is.
func (g *Group) greet(ctx context.Context, conf *site.Group, conn *net.UnixConn) (wire.Message, *wire.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(helloTime))
	control := wire.NewConn(conn)
	m, err := control.Receive()
	defer wire.CloseAll(m.Descriptors)
	switch {
	case ctx.Err() != nil:
		return m, nil, ctx.Err()
	case err != nil:
		control.Discard()
		return m, nil, fmt.Errorf("the leader does not answer: %w", err)
	case m.Type != wire.Hello || m.Version != wire.LinkVersion:
		return m, nil, fmt.Errorf("the leader speaks another version of the link (%d, not %d)", m.Version, wire.LinkVersion)
	}
	if err := g.checkIdentity(conf, m.Descriptors); err != nil {
		return m, nil, err
	}
	return m, control, conn.SetReadDeadline(time.Time{})
}

// checkIdentity looks as whom a leader runs. It is shown by a socket that the
// leader made: that of the slot was made by systemd.
func (g *Group) checkIdentity(conf *site.Group, proof []int) error {
	if g.options.CheckUser == nil {
		return nil
	}
	if len(proof) != 1 {
		return errors.New("the leader does not say who it is")
	}
	credentials, err := unix.GetsockoptUcred(proof[0], unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("cannot see who the leader is: %w", err)
	}
	return g.options.CheckUser(conf, credentials.Uid)
}

func newGeneration(g *Group, conf *site.Group, number int, slot string, control *wire.Conn) *generation {
	return &generation{
		group: g, conf: conf, number: number, slot: slot, control: control, began: time.Now(),
		processes: map[int]*process{},
		ready:     make(chan struct{}), failed: make(chan struct{}),
		ended: make(chan struct{}), idle: make(chan struct{}),
	}
}
