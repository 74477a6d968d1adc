package group

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// generation is one activation of a slot: a leader and its processes. Its
// fields are guarded by the group's lock.
type generation struct {
	group     *Group
	number    int
	slot      string
	control   *wire.Conn
	began     time.Time
	processes map[int]*process
	order     []*process // by number, for dispatch

	ready   chan struct{} // closed when every process is ready
	failed  chan struct{} // closed when a process could not be started before that
	ended   chan struct{} // closed when the leader has let go
	idle    chan struct{} // closed when it gets no more requests and has none
	reason  string        // why it failed
	retired bool          // gets no further requests
}

// Start brings up the first generation and returns once its leader runs; the
// processes may still be starting, or failing. The error is that of the launch.
func (g *Group) Start(ctx context.Context) error {
	_, err := g.launch(ctx, "a", func(gen *generation) bool { g.current = gen; return true })
	return err
}

// WaitReady waits until every process of the current generation is ready, or
// one has failed to start; then the error says why.
func (g *Group) WaitReady(ctx context.Context) error {
	g.mu.Lock()
	gen := g.current
	g.mu.Unlock()
	if gen == nil {
		return errors.New("the group has not been started")
	}
	return gen.wait(ctx)
}

// wait waits for the generation's processes.
func (gen *generation) wait(ctx context.Context) error {
	select {
	case <-gen.ready:
		return nil
	case <-gen.failed:
		return gen.failedBecause()
	case <-gen.ended:
		return errors.New("the leader ended before its processes were ready")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (gen *generation) failedBecause() error {
	gen.group.mu.Lock()
	defer gen.group.mu.Unlock()
	return &StartError{Reason: gen.reason}
}

// StartError says why a process could not be started; for an application that
// cannot be imported that is the traceback.
type StartError struct{ Reason string }

func (e *StartError) Error() string { return "cannot start the application: " + e.Reason }

// errNotWanted says that nobody wants a generation any more.
var errNotWanted = errors.New("the group is being stopped")

// launch starts a leader and the goroutine that listens to it. install, called
// with the group's lock before anything is heard of the leader, gives the
// generation its place; false means that it has none.
func (g *Group) launch(ctx context.Context, slot string, install func(*generation) bool) (*generation, error) {
	conn, err := g.options.Launcher.Launch(ctx, g.options.Group.Name, slot)
	if err != nil {
		return nil, fmt.Errorf("cannot start the leader of group %s: %w", g.options.Group.Name, err)
	}
	g.mu.Lock()
	g.number++
	gen := &generation{
		group: g, number: g.number, slot: slot, control: wire.NewConn(conn), began: time.Now(),
		processes: map[int]*process{},
		ready:     make(chan struct{}), failed: make(chan struct{}),
		ended: make(chan struct{}), idle: make(chan struct{}),
	}
	wanted := !g.stopped && install(gen)
	g.mu.Unlock()
	if !wanted {
		return nil, errors.Join(errNotWanted, conn.Close())
	}
	g.running.Go(gen.listen)
	return gen, nil
}

// Reload brings up a new generation beside the current one and swaps them when
// every process is ready. When one cannot be started, the new generation is
// ended, the old one serves on, and the error says why. Reload returns when
// the old generation has drained, or at the drain limit; ctx ends only the
// wait for readiness. A call that comes during another waits for it.
func (g *Group) Reload(ctx context.Context) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.mu.Lock()
	old := g.current
	g.mu.Unlock()
	if old == nil {
		return errors.New("cannot reload a group that was not started")
	}
	slot := "a"
	if old.slot == "a" {
		slot = "b"
	}
	gen, err := g.launch(ctx, slot, func(gen *generation) bool { g.starting = gen; return true })
	if err != nil {
		return err
	}
	if err := gen.wait(ctx); err != nil {
		g.mu.Lock()
		g.starting = nil
		g.mu.Unlock()
		gen.end(context.Background())
		return err
	}
	g.swap(gen)
	g.log.Info("new generation serves", "generation", gen.number, "slot", gen.slot)
	g.feed()
	old.drain(g.drainLimit())
	return nil
}

// swap makes gen the generation that gets requests.
func (g *Group) swap(gen *generation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current.retired = true
	g.draining = g.current
	g.current, g.starting = gen, nil
	g.failure = ""
}

// drain waits for the requests of a generation that gets no more, then ends it.
func (gen *generation) drain(limit time.Duration) {
	gen.checkIdle()
	select {
	case <-gen.idle:
	case <-gen.ended:
	case <-time.After(limit):
		gen.group.abortAll(gen, "graceful-timeout")
	}
	gen.end(context.Background())
}

// checkIdle closes idle when the generation has nothing left to do.
func (gen *generation) checkIdle() {
	g := gen.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if !gen.retired {
		return
	}
	for _, p := range gen.processes {
		if p.busy > 0 {
			return
		}
	}
	select {
	case <-gen.idle:
	default:
		close(gen.idle)
	}
}

// end has the leader stop its processes and waits for its end; the end of ctx
// has it kill them.
func (gen *generation) end(ctx context.Context) {
	g := gen.group
	g.mu.Lock()
	gen.retired = true
	var threads []*thread
	for _, p := range gen.processes {
		p.retiring = true
		threads = append(threads, p.threads...)
	}
	g.mu.Unlock()
	for _, t := range threads {
		if t != nil {
			t.shut()
		}
	}
	gen.shutDown(ctx)
	g.mu.Lock()
	if g.draining == gen {
		g.draining = nil
	}
	g.mu.Unlock()
}

// killTime is how long a leader has to end once it was told to kill its
// processes. After that the connection is closed, which ends it too; a leader
// that ignores even that is left to whoever started it.
const killTime = 5 * time.Second

// shutDown has the leader end. Its own processes have shutdown-timeout for
// that, which the leader keeps.
func (gen *generation) shutDown(ctx context.Context) {
	g := gen.group
	g.tell(gen.control, wire.Message{Type: wire.Shutdown, Kill: ctx.Err() != nil})
	orderly := time.After(g.options.Group.ShutdownTimeout + killTime)
	if g.options.Group.ShutdownTimeout == 0 {
		orderly = nil // no limit
	}
	select {
	case <-gen.ended:
		return
	case <-orderly:
	case <-ctx.Done():
	}
	g.tell(gen.control, wire.Message{Type: wire.Shutdown, Kill: true})
	select {
	case <-gen.ended:
	case <-time.After(killTime):
		g.log.Error("the leader does not end; leaving it behind", "generation", gen.number)
		gen.control.Close()
		<-gen.ended
	}
}

// abortAll ends the requests that a generation still has.
func (g *Group) abortAll(gen *generation, why string) {
	g.mu.Lock()
	var busy []*thread
	for _, p := range gen.processes {
		for _, t := range p.threads {
			if t != nil && t.busy {
				busy = append(busy, t)
			}
		}
	}
	g.mu.Unlock()
	for _, t := range busy {
		if j, answered := t.steal(time.Time{}, 503, "The application was stopped before it answered."); answered {
			g.logEnd(t.process, j, why, "")
		}
	}
}

// listen handles the leader's messages until it lets go.
func (gen *generation) listen() {
	defer close(gen.ended)
	defer gen.control.Close()
	for {
		m, err := gen.control.Receive()
		if err != nil {
			gen.lost(err)
			return
		}
		gen.handle(m)
	}
}

func (gen *generation) handle(m wire.Message) {
	p := gen.process(m)
	switch m.Type {
	case wire.ProcessFailed:
		gen.fail(m.Text)
	case wire.FilesLoaded:
		if loaded := gen.group.options.FilesLoaded; loaded != nil {
			loaded(m.Files)
		}
	case wire.GroupReady:
		close(gen.ready)
	default:
		if p != nil && gen.handleProcess(p, m) {
			return // the descriptors have found their owner
		}
	}
	wire.CloseAll(m.Descriptors)
}

// handleProcess handles a message about a process. It reports whether it took
// the descriptors.
func (gen *generation) handleProcess(p *process, m wire.Message) (took bool) {
	g := gen.group
	switch m.Type {
	case wire.ProcessStarted:
		g.mu.Lock()
		p.pid, p.version = m.PID, m.Text
		g.mu.Unlock()
	case wire.ThreadsOffered:
		g.offer(p, m.Index, m.Descriptors)
		return true
	case wire.ThreadIdent:
		g.mu.Lock()
		if m.Index >= 0 && m.Index < len(p.threads) && p.threads[m.Index] != nil {
			p.threads[m.Index].ident = m.Text
		}
		g.mu.Unlock()
	case wire.ProcessReady:
		g.becomeReady(p)
	case wire.ProcessExited:
		g.exit(p, m.Text)
		gen.checkIdle()
	case wire.Stacks:
		g.stacks(p, m.Text)
	default:
		g.log.Error("internal error: a leader sent a message that is not one of its own", "type", string(m.Type))
	}
	return false
}

// process finds the process that a message is about; nil when it is about none
// or about one that has ended. The first messages about a process make it.
func (gen *generation) process(m wire.Message) *process {
	g := gen.group
	g.mu.Lock()
	defer g.mu.Unlock()
	p := gen.processes[m.Process]
	if p == nil && (m.Type == wire.ProcessStarted || m.Type == wire.ThreadsOffered) {
		p = &process{generation: gen, number: m.Process, pid: m.PID}
		gen.processes[m.Process] = p
		gen.orderLocked()
	}
	return p
}

func (gen *generation) orderLocked() {
	gen.order = gen.order[:0:0]
	for _, p := range gen.processes {
		gen.order = append(gen.order, p)
	}
	slices.SortFunc(gen.order, func(a, b *process) int { return a.number - b.number })
}

// fail takes note that a process could not be started.
func (gen *generation) fail(reason string) {
	g := gen.group
	g.mu.Lock()
	gen.reason = reason
	select {
	case <-gen.failed:
	case <-gen.ready:
	default:
		close(gen.failed)
	}
	var waiting []*Exchange
	if gen == g.current {
		g.failure = reason
		if !g.servingLocked() {
			waiting = g.flushLocked()
		}
	}
	g.mu.Unlock()
	for _, x := range waiting {
		x.fail(503, "The application cannot be started; the log says why.", retryAfter)
	}
}

// flushLocked empties the queue.
func (g *Group) flushLocked() []*Exchange {
	var all []*Exchange
	for x := g.queue.pop(); x != nil; x = g.queue.pop() {
		all = append(all, x)
	}
	return all
}

// lost handles the end of the control connection.
func (gen *generation) lost(err error) {
	g := gen.group
	gen.control.Discard()
	g.mu.Lock()
	expected := gen.retired || g.stopped || gen != g.current
	var processes []*process
	for _, p := range gen.processes {
		processes = append(processes, p)
	}
	g.mu.Unlock()
	for _, p := range processes {
		g.exit(p, "its leader has ended")
	}
	if expected {
		return
	}
	if errors.Is(err, io.EOF) {
		g.log.Error("the leader has ended", "generation", gen.number)
	} else {
		g.log.Error("the connection to the leader broke", "generation", gen.number, "err", err)
	}
	g.relaunch(gen)
}

// generationsLocked are those alive.
func (g *Group) generationsLocked() []*generation {
	all := make([]*generation, 0, 3)
	for _, gen := range []*generation{g.current, g.starting, g.draining} {
		if gen != nil && !slices.Contains(all, gen) {
			all = append(all, gen)
		}
	}
	return all
}
