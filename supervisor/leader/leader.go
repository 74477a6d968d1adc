package leader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// Options say what a leader leads.
type Options struct {
	Site  *site.Site
	Group *site.Group
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
	log     *slog.Logger
	env     []string
	control *wire.Conn

	events    chan event
	done      chan struct{} // closed when Run returns
	processes map[int]*process
	last      int // number of the newest process
	failures  int // in a row, without a process that served for a while
	lastText  string
	ready     bool // GroupReady was sent
	stopping  bool
}

// event is something that happened to the leader. One goroutine handles them
// in turn, so nothing else touches the leader's state.
type event struct {
	kind    eventKind
	process *process     // all but fromSupervisor
	message wire.Message // fromSupervisor
	fields  []string     // fromWorker
	fds     []int        // fromWorker
	text    string       // exited, dumped
	err     error        // fromSupervisor: the connection ended
}

type eventKind int

const (
	fromSupervisor eventKind = iota
	fromWorker
	dumped  // the fault handler wrote stacks
	exited  // the process has ended
	due     // start-up or stop has taken too long
	respawn // the delay before a replacement is over
)

// New checks what can be checked before anything is started: the group's
// environment files. It starts nothing.
func New(o Options) (*Leader, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Executable == "" {
		o.Executable = "/proc/self/exe"
	}
	if o.Software == "" {
		o.Software = "wsgid"
	}
	env, err := environment(o.Group)
	if err != nil {
		return nil, err
	}
	return &Leader{
		options:   o,
		log:       o.Logger.With("site", o.Site.Name, "group", o.Group.Name),
		env:       env,
		events:    make(chan event),
		done:      make(chan struct{}),
		processes: map[int]*process{},
	}, nil
}

// Run starts the processes and serves the control connection until the
// supervisor closes it or ctx ends; then it stops them all. The error is nil
// for an orderly end.
func (l *Leader) Run(ctx context.Context, conn *net.UnixConn) error {
	l.control = wire.NewConn(conn)
	defer close(l.done)
	go l.receive()
	for range l.options.Group.Processes {
		l.start()
	}
	stop := ctx.Done()
	var result error
	for !l.stopping || len(l.processes) > 0 {
		select {
		case e := <-l.events:
			if err := l.handle(e); err != nil && result == nil {
				result = err
			}
		case <-stop:
			stop = nil
			l.stopAll(false)
		}
	}
	return errors.Join(result, l.control.Close())
}

// receive turns control messages into events until the connection ends.
func (l *Leader) receive() {
	for {
		m, err := l.control.Receive()
		l.post(event{kind: fromSupervisor, message: m, err: err})
		if err != nil {
			l.control.Discard()
			return
		}
	}
}

// post delivers an event, or drops it once Run has returned.
func (l *Leader) post(e event) {
	select {
	case l.events <- e:
	case <-l.done:
		wire.CloseAll(e.fds)
		wire.CloseAll(e.message.Descriptors)
	}
}

func (l *Leader) handle(e event) error {
	switch e.kind {
	case fromSupervisor:
		return l.handleMessage(e)
	case fromWorker:
		l.handleWorker(e.process, e.fields, e.fds)
	case dumped:
		l.tell(wire.Message{Type: wire.Stacks, Process: e.process.number, PID: e.process.pid, Text: e.text})
	case exited:
		l.handleExit(e.process, e.text)
	case due:
		l.handleDue(e.process)
	case respawn:
		if !l.stopping {
			l.start()
		}
	default:
		return fmt.Errorf("internal error: leader event %d", e.kind)
	}
	return nil
}

func (l *Leader) handleMessage(e event) error {
	if e.err != nil {
		l.stopAll(false)
		if errors.Is(e.err, io.EOF) || errors.Is(e.err, net.ErrClosed) {
			return nil
		}
		return e.err
	}
	wire.CloseAll(e.message.Descriptors) // the supervisor has no reason to send any
	if e.message.Type == wire.Shutdown {
		l.stopAll(e.message.Kill)
		return nil
	}
	p := l.processes[e.message.Process]
	if p == nil {
		return nil // it has ended meanwhile, which the supervisor will hear
	}
	switch e.message.Type {
	case wire.Replace:
		if !p.retiring {
			p.retiring = true
			l.start()
		}
	case wire.StopProcess:
		p.retiring = true
		l.stop(p, e.message.Kill)
	case wire.DumpStacks:
		p.dumpStacks()
	default:
		return fmt.Errorf("cannot handle control message %q: it is not one for a leader", e.message.Type)
	}
	return nil
}

// tell sends a message to the supervisor. A failure needs no handling here:
// the receiving side sees the end of the same connection.
func (l *Leader) tell(m wire.Message) {
	if err := l.control.Send(m); err != nil && !l.stopping {
		l.log.Debug("cannot reach the supervisor", "err", err)
	}
}

func (l *Leader) start() {
	l.last++
	p, err := l.spawn(l.last)
	if err != nil {
		l.noteFailure("cannot start a worker process", err.Error(), "process", l.last)
		l.tell(wire.Message{Type: wire.ProcessFailed, Process: l.last, Text: err.Error()})
		l.failures++
		l.respawnAfter(backOff(l.failures))
		return
	}
	l.processes[p.number] = p
	if !p.failed {
		p.startDeadline(l.options.Group.StartupTimeout)
	}
}

func (l *Leader) respawnAfter(delay time.Duration) {
	time.AfterFunc(delay, func() { l.post(event{kind: respawn}) })
}

// stopAll ends every process; kill does not wait for any, and may come after
// an orderly stop has begun.
func (l *Leader) stopAll(kill bool) {
	if l.stopping && !kill {
		return
	}
	l.stopping = true
	for _, p := range l.processes {
		p.retiring = true
		l.stop(p, kill)
	}
}
