package leader

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

const (
	// attachTime is how long a connection may stay without Attach.
	attachTime = 10 * time.Second
	// aloneTime is after how long without a supervisor a leader that systemd
	// started begins by itself: somebody has started the unit by hand.
	aloneTime = time.Second
	// sendTime is how long a supervisor may not read before it is given up. Its
	// own watchdog is of that order.
	sendTime = 10 * time.Second
	// maxWaiting bounds the connections that wait for their turn.
	maxWaiting = 4
)

// session is the connection of one supervisor.
type session struct {
	conn       *net.UnixConn
	control    *wire.Conn
	attached   bool
	groupReady bool // GroupReady was sent
	timer      *time.Timer
}

func (s *session) close() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.conn.Close()
}

// send is bounded in time, because the event loop waits for it.
func (s *session) send(m wire.Message) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		return err
	}
	return s.control.Send(m)
}

// attached reports whether there is a supervisor that listens.
func (l *Leader) attached() bool { return l.session != nil && l.session.attached }

// knows reports whether the supervisor has been told about a process, and is
// told what happens to it.
func (l *Leader) knows(p *process) bool { return l.session != nil && p.introduced == l.session }

// tell sends a message to the supervisor, if there is one. One that cannot be
// reached has gone, which the end of the same connection tells.
func (l *Leader) tell(m wire.Message) {
	if !l.attached() {
		return
	}
	if err := l.session.send(m); err != nil {
		if !l.stopping {
			l.logger().Debug("cannot reach the supervisor", "err", err)
		}
		var broken *net.OpError
		if errors.As(err, &broken) {
			l.session.conn.Close() // or the rest of a message would never come
		}
	}
}

// queue takes a connection that was let in: at once, or when its turn comes.
func (l *Leader) queue(s *session) {
	switch {
	case l.stopping || len(l.waiting) >= maxWaiting:
		s.close()
	case l.session != nil:
		l.waiting = append(l.waiting, s)
	default:
		l.take(s)
	}
}

func newSession(conn *net.UnixConn) *session {
	return &session{conn: conn, control: wire.NewConn(conn)}
}

// take makes a connection the current one and greets it.
func (l *Leader) take(s *session) {
	l.session = s
	if err := l.greet(s); err != nil {
		l.logger().Debug("cannot greet the supervisor", "err", err)
		s.conn.Close() // receive tells
	}
	if l.unit() {
		s.timer = time.AfterFunc(attachTime, func() { l.post(event{kind: unattached, session: s}) })
	}
	go l.receive(s)
}

// greet sends Hello with a socket that this process has made.
func (l *Leader) greet(s *session) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer wire.CloseAll(fds[:])
	return s.send(wire.Message{
		Type: wire.Hello, Version: wire.LinkVersion, PID: os.Getpid(), Generation: l.generation, Process: l.last,
		Text: l.options.Site.LoadedFiles(l.options.Group.Name), Descriptors: fds[:1],
	})
}

// receive turns control messages into events until the connection ends.
func (l *Leader) receive(s *session) {
	for {
		m, err := s.control.Receive()
		if err != nil {
			s.control.Discard()
		}
		l.post(event{kind: fromSupervisor, session: s, message: m, err: err})
		if err != nil {
			return
		}
	}
}

func (l *Leader) handleUnattached(s *session) {
	if s == l.session && !s.attached {
		l.logger().Warn("a supervisor has connected and not attached; letting it go")
		s.conn.Close() // receive tells
	}
}

// lost handles the end of the supervisor's connection.
func (l *Leader) lost(s *session, err error) error {
	s.close()
	l.session = nil
	l.keepRecords()
	switch {
	case l.stopping:
	case !l.unit() || l.retired || l.leaving || s.attached && l.options.Group.OrphanTimeout == 0:
		l.stopAll(false)
	default:
		l.orphaned(s)
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	if l.unit() {
		l.logger().Error("the connection to the supervisor broke", "err", err)
		return nil
	}
	return err
}

// orphaned goes on without the supervisor of s, for another one.
func (l *Leader) orphaned(s *session) {
	if s.attached {
		l.orphan.set(l.options.Group.OrphanTimeout)
		l.release()
	}
	if len(l.waiting) > 0 {
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.take(next)
		return
	}
	if s.attached {
		l.logger().Info("the supervisor has gone; keeping the processes for the next one", "orphan_timeout", l.options.Group.OrphanTimeout)
	}
}

// release prepares the processes for another supervisor: the connections that
// the last one had are of no use any more.
func (l *Leader) release() {
	l.renewal++
	for _, p := range l.processes {
		p.abandoned = p.retiring
		if p.offered && !p.stopped {
			l.renew(p)
		}
	}
	l.endAbandoned()
}

// renew has a process make new connections for its threads.
func (l *Leader) renew(p *process) {
	p.renewal = l.renewal
	if err := p.say("renew\x00" + strconv.Itoa(p.renewal)); err != nil {
		l.logger().Error("a worker process does not take messages; ending it", "process", p.number, "pid", p.pid, "err", err)
		l.stop(p, true)
	}
}

// endAbandoned ends processes that a supervisor wanted replaced and did not
// live to end, as soon as there are enough others.
func (l *Leader) endAbandoned() {
	for _, p := range l.processes {
		if p.abandoned && !p.stopped && l.serving() >= l.options.Group.Processes {
			l.stop(p, false)
		}
	}
}
