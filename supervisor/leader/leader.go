package leader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/memory"
	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// Options say what a leader leads.
type Options struct {
	Site  *site.Site
	Group *site.Group
	// Control is the connection to the supervisor that started this leader, in
	// direct mode: its end is the leader's. nil means that Listener is set.
	Control *net.UnixConn
	// Listener takes the connections of supervisors, one at a time. It makes the
	// leader a systemd service: the unit has the environment of env and env-file
	// already, and a start that fails before the leader was ever ready ends it.
	// Run closes it, and leaves its path alone.
	Listener *net.UnixListener
	// Notifier tells systemd how the leader is; nil tells nobody.
	Notifier *sd.Notifier
	// Watchdog is the time within which systemd wants to hear that the leader is
	// alive (WatchdogSec=); 0 means that it does not.
	Watchdog time.Duration
	// Executable is the wsgid program that becomes the worker; "" means the
	// program that is running.
	Executable string
	// Watch has processes report the source files they load, for --reload.
	Watch bool
	// Software is the value of SERVER_SOFTWARE; "" means "wsgid".
	Software string
	// Logger takes the leader's records and the processes' output; nil discards.
	Logger *slog.Logger
}

// Leader is the leader of one daemon group. Run may be called once.
type Leader struct {
	options Options
	log     atomic.Pointer[slog.Logger] // replaced when the generation is known
	env     []string
	oom     oomCounter

	courier    atomic.Pointer[courier] // to a supervisor that wants the records about processes
	delivering sync.WaitGroup          // couriers

	events chan event
	done   chan struct{} // closed when Run returns
	pulse  pulse
	rest   memory.Rest // after each process's start

	// The rest belongs to Run's goroutine.
	session    *session   // the current supervisor's connection; nil without
	waiting    []*session // connections that wait until the current one ends
	generation int        // as the supervisor calls it; 0 before it has
	retired    bool       // no other supervisor is waited for
	orphan     alarm      // ends the leader that nobody attaches to
	alone      alarm      // starts the processes without a supervisor
	leaving    bool       // told to end; the supervisor brings up another generation
	leaveBy    alarm      // the end of the patience with that

	processes map[int]*process
	last      int // number of the newest process
	renewal   int // number of the latest loss of a supervisor
	failures  int // in a row, without a process that served for a while
	lastText  string
	deployed  release
	heavy     bool // it was said that new processes exceed maximum-memory
	unweighed bool // it was said that memory cannot be seen
	begun     bool // the first processes were started
	ready     bool // every process was ready at the same time
	stopping  bool
	refusal   string // why the script may not be executed; "" when it may
	farewell  string // why the supervisor wants the end
	fatal     error  // why the leader gives up
}

// New checks what can be checked before anything is started: the group's
// environment files. It starts nothing.
func New(o Options) (*Leader, error) {
	if (o.Control == nil) == (o.Listener == nil) {
		return nil, errors.New("internal error: a leader needs a control connection or a listener")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Executable == "" {
		o.Executable = "/proc/self/exe"
	}
	if o.Software == "" {
		o.Software = "wsgid"
	}
	env, err := environment(o.Site.Python, o.Group, o.Listener != nil)
	if err != nil {
		return nil, err
	}
	l := &Leader{
		options:   o,
		env:       env,
		oom:       oomCounter{path: ownMemoryEvents()},
		events:    make(chan event),
		done:      make(chan struct{}),
		processes: map[int]*process{},
	}
	l.log.Store(o.Logger.With("site", o.Site.Name, "group", o.Group.Name))
	return l, nil
}

// unit reports whether the leader is a systemd service.
func (l *Leader) unit() bool { return l.options.Listener != nil }

func (l *Leader) logger() *slog.Logger { return l.log.Load() }

// Run leads until it is told to end: by the supervisor, by the end of ctx, or,
// when there is no supervisor any more, by time. The end of ctx lets an attached
// supervisor bring up another generation first, see Hurry. Then it stops the
// processes. The error is nil for an orderly end.
func (l *Leader) Run(ctx context.Context) error {
	defer close(l.done)
	l.oom.note()
	l.open()
	l.watchScripts()
	l.beginPulse()
	stop := ctx.Done()
	var result error
	for !l.stopping || len(l.processes) > 0 {
		l.showStatus()
		select {
		case e := <-l.events:
			if err := l.handle(e); err != nil && result == nil {
				result = err
			}
		case <-stop:
			stop = nil
			l.leave()
		case <-l.pulse.alarm.C():
			l.handlePulse()
		case <-l.alone.C():
			l.begin("")
		case <-l.orphan.C():
			l.logger().Info("no supervisor has attached; ending")
			l.stopAll(false)
		case <-l.leaveBy.C():
			l.logger().Warn("the supervisor has not let go in time; ending")
			l.stopAll(false)
		}
	}
	l.close()
	return errors.Join(l.fatal, result)
}

// open begins to listen to whoever is to attach.
func (l *Leader) open() {
	if !l.unit() {
		l.take(newSession(l.options.Control))
		return
	}
	l.options.Listener.SetUnlinkOnClose(false) // the path is systemd's
	l.alone.set(aloneTime)
	l.orphan.set(max(l.options.Group.OrphanTimeout, attachTime))
	go l.acceptAll()
}

// close ends every connection. Nothing is to be waited for any more.
func (l *Leader) close() {
	for _, a := range []*alarm{&l.pulse.alarm, &l.alone, &l.orphan, &l.leaveBy} {
		a.stop()
	}
	l.keepRecords()
	l.delivering.Wait() // not longer than lastTime
	if l.session != nil {
		l.session.close()
	}
	l.showStatus()
}

// Hurry ends the leader at once: requests under way are lost. It may be called
// from any goroutine.
func (l *Leader) Hurry() { l.post(event{kind: hurried}) }

// leaveMargin is for what takes time beside the timeouts of the site file:
// systemd starts the other slot, the supervisor notices and answers.
const leaveMargin = 5 * time.Second

// leave begins the end that was asked for from outside.
func (l *Leader) leave() {
	if !l.attached() || l.stopping {
		l.stopAll(false)
		return
	}
	g := l.options.Group
	drain := g.EvictionTimeout
	if drain == 0 {
		drain = g.GracefulTimeout
	}
	l.leaving = true
	l.tell(wire.Message{Type: wire.Leaving})
	l.leaveBy.set(g.StartupTimeout + drain + g.ShutdownTimeout + leaveMargin)
	l.setPulse()
}

func (l *Leader) handle(e event) error {
	switch e.kind {
	case fromSupervisor:
		return l.handleMessage(e)
	case connected:
		l.queue(e.session)
	case unattached:
		l.handleUnattached(e.session)
	case fromWorker:
		l.handleWorker(e.process, e.fields, e.fds)
	case dumped:
		l.handleStacks(e.process, e.text)
	case exited:
		l.handleExit(e.process, e.state)
	case due:
		l.handleDue(e.process)
	case scriptChanged:
		l.handleScriptChanged()
	case ownerChanged:
		l.handleOwnerChanged()
	case respawn:
		l.start()
	case hurried:
		l.stopAll(true)
	default:
		return fmt.Errorf("internal error: leader event %d", e.kind)
	}
	return nil
}

// event is something that happened to the leader. One goroutine handles them
// in turn, so nothing else touches the leader's state.
type event struct {
	kind    eventKind
	session *session     // fromSupervisor, connected, unattached
	message wire.Message // fromSupervisor
	err     error        // fromSupervisor: the connection ended
	process *process     // the others, but for respawn
	fields  []string     // fromWorker
	fds     []int        // fromWorker
	text    string       // dumped
	state   *os.ProcessState
}

type eventKind int

const (
	fromSupervisor eventKind = iota
	connected                // somebody who may has connected
	unattached               // a connection has had its time to send Attach
	fromWorker
	dumped        // the fault handler wrote stacks
	exited        // the process has ended
	due           // start-up or stop has taken too long
	respawn       // the delay before a replacement is over
	scriptChanged // script-reloading
	ownerChanged  // script-user, script-group
	hurried       // end at once
)

// post delivers an event, or drops it once Run has returned.
func (l *Leader) post(e event) {
	select {
	case l.events <- e:
	case <-l.done:
		wire.CloseAll(e.fds)
		wire.CloseAll(e.message.Descriptors)
		if e.kind == connected {
			e.session.close()
		}
	}
}

// alarm is a timer for Run's select. The zero alarm never rings.
type alarm struct{ timer *time.Timer }

func (a *alarm) set(d time.Duration) {
	if a.timer == nil {
		a.timer = time.NewTimer(d)
		return
	}
	a.timer.Reset(d)
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// C is nil, which no select chooses, before the alarm was ever set.
func (a *alarm) C() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}
