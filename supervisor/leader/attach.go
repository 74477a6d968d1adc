package leader

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// handleMessage handles what a supervisor says, or that it has gone.
func (l *Leader) handleMessage(e event) error {
	if e.session != l.session {
		wire.CloseAll(e.message.Descriptors)
		return nil // only the current one has a goroutine that receives
	}
	if e.err != nil {
		return l.lost(e.session, e.err)
	}
	err := l.obey(e.session, e.message)
	wire.CloseAll(e.message.Descriptors)
	if err != nil && l.unit() {
		l.logger().Error("letting the supervisor go", "err", err)
		e.session.conn.Close() // receive tells
		return nil
	}
	return err
}

func (l *Leader) obey(s *session, m wire.Message) error {
	switch {
	case !s.attached && m.Type == wire.Attach:
		l.attach(s, m)
	case !s.attached || m.Type == wire.Attach:
		return fmt.Errorf("cannot handle control message %q: a supervisor attaches first, and once", m.Type)
	case m.Type == wire.Retire:
		l.retired = true
	case m.Type == wire.Shutdown:
		l.farewell = m.Text
		l.stopAll(m.Kill)
	default:
		return l.obeyAbout(l.processes[m.Process], m)
	}
	return nil
}

// obeyAbout handles a message about a process; nil is one that has ended
// meanwhile, which the supervisor will hear.
func (l *Leader) obeyAbout(p *process, m wire.Message) error {
	switch m.Type {
	case wire.Replace:
		if p != nil && !p.retiring {
			p.retiring = true
			l.start()
		}
	case wire.StopProcess:
		if p != nil {
			p.retiring, p.farewell = true, m.Text
			l.stop(p, m.Kill)
		}
	case wire.DumpStacks:
		if p != nil {
			p.dumpStacks()
		}
	case wire.Metrics:
		if p != nil {
			_ = p.say("metrics\x00" + strconv.Itoa(m.Index) + "\x00" + m.Text) // one that does not hear it does not wait for ever
		}
	case wire.Interrupt:
		if p != nil {
			// What does not reach a process has no effect there, and the supervisor
			// will see that.
			_ = p.say("interrupt\x00" + strconv.Itoa(m.Index) + "\x00" + m.Text)
		}
	default:
		return fmt.Errorf("cannot handle control message %q: it is not one for a leader", m.Type)
	}
	return nil
}

// attach introduces everything that the leader has to a supervisor.
func (l *Leader) attach(s *session, m wire.Message) {
	s.attached = true
	if s.timer != nil {
		s.timer.Stop()
	}
	l.orphan.stop()
	l.alone.stop()
	l.generation = m.Generation
	l.log.Store(l.options.Logger.With("site", l.options.Site.Name, "group", l.options.Group.Name, "generation", m.Generation))
	l.collectFor(m.Descriptors)
	if l.stopping {
		return
	}
	l.begin(m.Text)
	for _, number := range slices.Sorted(maps.Keys(l.processes)) {
		l.introduce(l.processes[number])
	}
	if l.lastText != "" {
		l.tell(wire.Message{Type: wire.ProcessFailed, Process: l.last, Text: l.lastText})
	}
	if l.refusal != "" {
		l.tell(wire.Message{Type: wire.Forbidden, Text: l.refusal})
	}
	l.tellGroupReady()
}

// introduce tells the supervisor about a process, as soon as there is something
// to tell. While a process renews its connections there is not: the supervisor
// gives requests to the lowest of a process's threads first, whose connection
// must be there by then.
func (l *Leader) introduce(p *process) {
	if !l.attached() || l.knows(p) || p.stopped || !p.greeted || p.renewed != p.renewal {
		return
	}
	p.introduced = l.session
	l.tell(wire.Message{Type: wire.ProcessStarted, Process: p.number, PID: p.pid, Text: p.version})
	for _, m := range p.offers.take() {
		m.Process = p.number
		l.tell(m)
		wire.CloseAll(m.Descriptors)
	}
	for _, index := range slices.Sorted(maps.Keys(p.idents)) {
		l.tell(wire.Message{Type: wire.ThreadIdent, Process: p.number, Index: index, Text: p.idents[index]})
	}
	if !p.readyAt.IsZero() {
		l.tell(wire.Message{Type: wire.ProcessReady, Process: p.number, PID: p.pid})
	}
	if p.expired != "" {
		l.tell(p.expiry())
	}
}

// tellGroupReady says once to each supervisor that every process has been ready.
// Another one than the first hears so when there is a process to serve, or none
// is about to be.
func (l *Leader) tellGroupReady() {
	if !l.ready || !l.attached() || l.session.groupReady {
		return
	}
	known, renewing := 0, 0
	for _, p := range l.processes {
		switch {
		case p.readyAt.IsZero() || p.retiring:
		case l.knows(p):
			known++
		default:
			renewing++
		}
	}
	if known == 0 && renewing > 0 {
		return
	}
	l.session.groupReady = true
	l.tell(wire.Message{Type: wire.GroupReady, Text: l.deployed.target})
}
