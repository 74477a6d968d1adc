package group

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// dismissTime is how long a leader that is not wanted has to end.
const dismissTime = 30 * time.Second

// errNotWanted says that nobody wants a generation any more.
var errNotWanted = errors.New("the group is being stopped")

// met is a leader that has said who it is.
type met struct {
	hello   wire.Message
	conn    *net.UnixConn
	control *wire.Conn
}

// errSilent says that a leader has had connect-timeout. systemd starts one in
// 50 ms, on a machine that boots in seconds.
var errSilent = errors.New("the leader does not answer within connect-timeout")

// meet connects to the leader of a slot, which may start it, and hears who it is:
// within connect-timeout, the one limit on all of that.
func (g *Group) meet(ctx context.Context, conf *site.Group, slot string) (met, error) {
	if conf.ConnectTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, conf.ConnectTimeout, errSilent)
		defer cancel()
		defer func() {
			if errors.Is(context.Cause(ctx), errSilent) {
				g.slotBusy()
			}
		}()
	}
	conn, err := g.options.Launcher.Launch(ctx, g.name, slot)
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
		return met{}, err
	}
	hello, control, err := g.greet(ctx, conf, conn)
	if err != nil {
		return met{}, errors.Join(err, conn.Close())
	}
	return met{hello: hello, conn: conn, control: control}, nil
}

// slotBusy tells the owner that a leader does not answer: it may be that of a supervisor
// that finishes its requests.
func (g *Group) slotBusy() {
	if g.options.SlotBusy != nil {
		g.options.SlotBusy()
	}
}

// clearingTimes are the pauses between tries to meet a leader where another may
// have ended a moment ago. Until systemd has cleared up after that one, it closes
// connections to the socket (FlushPending=, systemd.socket(5)); that takes it
// some milliseconds.
func clearingTimes() []time.Duration {
	return []time.Duration{30 * time.Millisecond, 120 * time.Millisecond, 480 * time.Millisecond}
}

// meetNext is meet for a slot whose last leader may still be ending.
func (g *Group) meetNext(ctx context.Context, conf *site.Group, slot string) (met, error) {
	if g.options.Unit == nil {
		return g.meet(ctx, conf, slot) // a child of this process, and a new one
	}
	for _, pause := range clearingTimes() {
		m, err := g.meet(ctx, conf, slot)
		if !mayPass(err) {
			return m, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return met{}, err
		}
	}
	return g.meet(ctx, conf, slot)
}

// mayPass reports whether a failure to meet a leader may be over in a moment: systemd is
// clearing up, or has not yet opened the socket of a group that is new.
func mayPass(err error) bool {
	for _, e := range []error{io.EOF, unix.ECONNRESET, unix.ENOENT, unix.ECONNREFUSED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// meetNew is meetNext for a leader that has no processes yet. One that has, as
// somebody started it by hand or another supervisor left it, is ended: they may
// have imported what the application was an hour ago.
func (g *Group) meetNew(ctx context.Context, conf *site.Group, slot string) (met, error) {
	m, err := g.meetNext(ctx, conf, slot)
	if err != nil || m.hello.Process == 0 && m.hello.Generation == 0 {
		return m, err
	}
	g.log.Info("a leader was left in the slot of the next generation; ending it", "slot", slot, "pid", m.hello.PID)
	m.dismiss(g)
	return g.meetNext(ctx, conf, slot)
}

// meetWarm is meetNext for the leader that a supervisor before this one has left. It
// is ended if the site file has other scripts of access control, or other applications, by
// now: its processes would not know what the front end sends them by those.
func (g *Group) meetWarm(ctx context.Context, conf *site.Group, slot string) (met, error) {
	m, err := g.meetNext(ctx, conf, slot)
	if err != nil || m.hello.Process == 0 || m.hello.Text == g.options.Site.LoadedFiles(g.name) {
		return m, err
	}
	g.log.Info("the scripts that the site file names are others; starting the processes anew", "slot", slot, "pid", m.hello.PID)
	m.dismiss(g)
	return g.meetNext(ctx, conf, slot)
}

// dismiss ends a leader, and waits for that.
func (m met) dismiss(g *Group) {
	defer m.conn.Close()
	defer m.control.Discard()
	_ = m.conn.SetReadDeadline(time.Now().Add(dismissTime))
	g.tell(m.control, wire.Message{Type: wire.Attach, Generation: m.hello.Generation})
	g.tell(m.control, wire.Message{Type: wire.Shutdown})
	for {
		message, err := m.control.Receive()
		if err != nil {
			return
		}
		wire.CloseAll(message.Descriptors)
	}
}

// begin makes a leader's generation, and starts the goroutine that listens to it.
// install, called with the group's lock before anything is heard of the
// processes, gives the generation its place; false means that it has none.
// release is where a link on the way to the application is to lead; "" leaves that
// to the leader.
func (g *Group) begin(m met, conf *site.Group, slot, release string, install func(*generation) bool) (*generation, error) {
	g.mu.Lock()
	number := m.hello.Generation // of a leader that served a supervisor before
	if number == 0 {
		number = g.number + 1
	}
	g.number = max(g.number, number)
	gen := newGeneration(g, conf, number, slot, m.control)
	gen.pinned = release
	wanted := !g.stopped && install(gen)
	g.mu.Unlock()
	if !wanted {
		return nil, errors.Join(errNotWanted, m.conn.Close())
	}
	gen.attach()
	g.running.Go(gen.listen)
	g.happened(Started, gen)
	return gen, nil
}

// greet waits for a leader's first message and looks who it is.
func (g *Group) greet(ctx context.Context, conf *site.Group, conn *net.UnixConn) (wire.Message, *wire.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	control := wire.NewConn(conn)
	m, err := control.Receive()
	defer wire.CloseAll(m.Descriptors)
	switch {
	case ctx.Err() != nil:
		return m, nil, context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET):
		control.Discard()
		return m, nil, &endedError{err}
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

// endedError says that a leader said nothing. How it was noticed tells people
// nothing.
type endedError struct{ err error }

func (*endedError) Error() string   { return "the leader ended before it answered" }
func (e *endedError) Unwrap() error { return e.err }

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
