package control

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

// How long after a connection has ended or failed the next one is tried: twice
// as long each time, and as at first again after one that lasted.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = time.Minute
)

// trouble is why there is no bus, as far as the log makes a difference.
type trouble int

const (
	none    trouble = iota
	absent          // there is nobody to talk to
	refused         // the bus does not want this program there
)

// run keeps the site on the bus until ctx ends.
func (b *Bus) run(ctx context.Context) {
	defer b.finish()
	said := none
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		began := time.Now()
		conn, err := b.connect(ctx)
		if err == nil {
			said = none
			err = b.serve(ctx, conn)
		}
		if ctx.Err() != nil {
			return
		}
		said = b.tell(said, conn != nil, err)
		if time.Since(began) > longestWait {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// tell logs why there is no bus, unless that has been said.
func (b *Bus) tell(said trouble, lost bool, err error) trouble {
	now := absent
	var answer dbus.Error
	if errors.As(err, &answer) {
		now = refused
	}
	switch {
	case now == said:
	case lost:
		b.log.Warn("the D-Bus connection has ended; trying again", "err", err)
	case now == refused:
		b.log.Warn("not on D-Bus for now, because the bus refuses it; the control socket takes the same verbs\n"+
			"hint: the bus wants the policy "+BusInterface+".conf, and users and groups to exist when it reads that", "err", err)
	default:
		b.log.Info("there is no D-Bus here; the control socket takes the same verbs", "err", err)
	}
	return now
}

// connect connects to the bus and takes the names. Before ctx ends or busTime
// has passed for an answer it returns.
func (b *Bus) connect(ctx context.Context) (*dbus.Conn, error) {
	stream, err := b.options.Connect(ctx)
	if err != nil {
		return nil, err
	}
	socket := busSocket{stream, bufio.NewReader(stream)}
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	_ = socket.SetReadDeadline(time.Now().Add(busTime))
	conn, err := dbus.NewConn(socket, dbus.WithSignalHandler(nameWatch{b}))
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	if err := b.introduce(ctx, conn); err != nil {
		b.offline()
		return nil, errors.Join(err, conn.Close())
	}
	_ = socket.SetReadDeadline(time.Time{})
	return conn, nil
}

// introduce does what must come in this order: the object is complete before
// the bus passes a call on, signals wait from before the name is known, and the
// policy's name is there before the site's own.
func (b *Bus) introduce(ctx context.Context, conn *dbus.Conn) error {
	if err := b.exportObject(ctx, conn); err != nil {
		return err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err != nil {
		return err
	}
	if err := conn.Hello(); err != nil {
		return err
	}
	b.mu.Lock()
	b.online, b.pending, b.overrun = true, nil, false
	b.mu.Unlock()
	// The policy names org.wsgid.Site1 itself as a destination, and that holds for
	// everyone who is in the queue for the name (see packaging/dbus).
	if _, err := conn.RequestName(BusInterface, 0); err != nil {
		return err
	}
	_, err := conn.RequestName(b.name, dbus.NameFlagAllowReplacement|dbus.NameFlagReplaceExisting)
	return err
}

// offline forgets what nobody is going to hear any more.
func (b *Bus) offline() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online, b.pending, b.owner = false, nil, false
}

var (
	errLost    = errors.New("the bus has ended or has closed the connection")
	errOverrun = errors.New("the bus takes signals too slowly")
)

// serve sends what there is to say until ctx or the connection ends.
func (b *Bus) serve(ctx context.Context, conn *dbus.Conn) error {
	defer conn.Close()
	defer b.offline()
	owner, known := false, false
	for {
		now, err := b.flush(conn)
		if err != nil {
			return err
		}
		if now != owner || !known {
			b.tellOwner(now)
		}
		owner, known = now, true
		select {
		case <-b.wake:
		case <-conn.Context().Done():
			return errLost
		case <-ctx.Done():
			b.finish()
			b.leave(conn)
			return nil
		}
	}
}

func (b *Bus) tellOwner(owner bool) {
	if owner {
		b.log.Info("on D-Bus", "name", b.name)
	} else {
		b.log.Info("another supervisor of the site has its D-Bus name", "name", b.name)
	}
}

// flush sends what is pending, and reports whether the name is this
// supervisor's.
func (b *Bus) flush(conn *dbus.Conn) (owner bool, err error) {
	b.mu.Lock()
	owner, overrun, pending := b.owner, b.overrun, b.pending
	b.pending = nil
	b.mu.Unlock()
	for _, e := range pending {
		if err := conn.Emit(BusPath, e.name, e.body...); err != nil {
			return owner, errors.Join(errLost, err)
		}
	}
	if overrun {
		return owner, errOverrun
	}
	return owner, nil
}

// leave says what is still to be said and gives the names back; the answers to
// that come after all that was written before. Errors make no difference now.
func (b *Bus) leave(conn *dbus.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), busTime)
	defer cancel()
	if _, err := b.flush(conn); err != nil {
		return
	}
	for _, name := range []string{b.name, BusInterface} {
		conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ReleaseName", 0, name)
	}
}

// nameWatch takes the signals that a connection is sent. Those of the bus about
// the site's name are all that matter; strangers may send any others.
type nameWatch struct{ bus *Bus }

// DeliverSignal is called for one signal after the other, in their order.
func (w nameWatch) DeliverSignal(_, _ string, s *dbus.Signal) {
	if s.Sender != "org.freedesktop.DBus" || len(s.Body) != 1 || s.Body[0] != w.bus.name {
		return
	}
	switch s.Name {
	case "org.freedesktop.DBus.NameAcquired":
		w.bus.setOwner(true)
	case "org.freedesktop.DBus.NameLost":
		w.bus.setOwner(false)
	}
}

func (b *Bus) setOwner(owner bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owner = owner
	b.poke()
}
