package group

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// generation is one activation of a slot: a leader and its processes. Its
// fields are guarded by the group's lock.
type generation struct {
	group     *Group
	number    int
	slot      string
	conf      *site.Group // as its leader was started, or as that was found
	control   *wire.Conn
	began     time.Time
	processes map[int]*process
	order     []*process // by number, for dispatch

	ready   chan struct{} // closed when every process is ready
	failed  chan struct{} // closed when a process could not be started before that
	ended   chan struct{} // closed when the leader has let go
	idle    chan struct{} // closed when it gets no more requests and has none
	reason  string        // why it failed
	why     string        // it ends; "" for a reload or the end of the site
	release string        // where a link on the way to the application led; "" without one
	pinned  string        // release, if it was asked for
	retired bool          // gets no further requests
	leaving bool          // its leader was told to end
	refusal string        // why its script may not be executed any more; "" when it may
	kept    bool          // its leader goes on, for another supervisor
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

func (gen *generation) failedBecause() error { return &StartError{Reason: gen.reasonNow()} }

// StartError says why a process could not be started; for an application that
// cannot be imported that is the traceback.
type StartError struct{ Reason string }

func (e *StartError) Error() string { return "cannot start the application: " + e.Reason }

// end has the leader stop its processes and waits for its end; the end of ctx
// has it kill them.
func (gen *generation) end(ctx context.Context) {
	g := gen.group
	for _, t := range gen.retire() {
		t.shut()
	}
	g.happened(Drained, gen)
	gen.shutDown(ctx)
	g.mu.Lock()
	if g.draining == gen {
		g.draining = nil
	}
	g.mu.Unlock()
	g.changed()
}

// retire has the generation get no more requests, and returns its threads.
func (gen *generation) retire() []*thread {
	gen.group.mu.Lock()
	defer gen.group.mu.Unlock()
	return gen.retireLocked()
}

func (gen *generation) retireLocked() []*thread {
	gen.retired = true
	var threads []*thread
	for _, p := range gen.processes {
		p.retiring = true
		for _, t := range p.threads {
			if t != nil {
				threads = append(threads, t)
			}
		}
	}
	return threads
}

// killTime is how long a leader has to end once it was told to kill its
// processes. After that the connection is closed, which ends it too; a leader
// that ignores even that is left to whoever started it.
const killTime = 5 * time.Second

// farewell is why the generation ends.
func (gen *generation) farewell() string {
	g := gen.group
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case gen.why != "":
		return gen.why
	case g.stopped:
		return "shutdown"
	}
	return "reload"
}

// shutDown has the leader end. Its own processes have shutdown-timeout for
// that, which the leader keeps.
func (gen *generation) shutDown(ctx context.Context) {
	g := gen.group
	g.tell(gen.control, wire.Message{Type: wire.Shutdown, Kill: ctx.Err() != nil, Text: gen.farewell()})
	orderly := time.After(gen.conf.ShutdownTimeout + killTime)
	if gen.conf.ShutdownTimeout == 0 {
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

// listen handles the leader's messages until it lets go.
func (gen *generation) listen() {
	defer close(gen.ended)
	defer gen.leaderEnded()
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

// leaderEnded says so, unless the leader was left to another supervisor.
func (gen *generation) leaderEnded() {
	gen.group.mu.Lock()
	kept := gen.kept
	gen.group.mu.Unlock()
	if !kept {
		gen.group.happened(Ended, gen)
	}
}

func (gen *generation) handle(m wire.Message) {
	p := gen.process(m)
	switch m.Type {
	case wire.ProcessFailed:
		gen.fail(m.Text, m.Status)
	case wire.FilesLoaded:
		if loaded := gen.group.options.FilesLoaded; loaded != nil {
			loaded(m.Files)
		}
	case wire.GroupReady:
		gen.becomeReady(m.Text)
	case wire.ScriptChanged:
		gen.group.follow(gen)
	case wire.Forbidden:
		gen.forbid(m.Text)
	case wire.Metrics:
		gen.answerMetrics(m)
	case wire.Leaving:
		gen.group.leave(gen)
	default:
		if p != nil && gen.handleProcess(p, m) {
			return // the descriptors have found their owner
		}
	}
	wire.CloseAll(m.Descriptors)
}

// becomeReady takes note that every process is ready.
func (gen *generation) becomeReady(release string) {
	g := gen.group
	g.mu.Lock()
	gen.release = release
	select {
	case <-gen.ready: // a leader says it once
		g.mu.Unlock()
		return
	default:
		close(gen.ready)
	}
	current := gen == g.current
	if current {
		g.failure = ""
		g.lastUsed = time.Now()
		g.settleLocked()
		g.watchActivityLocked()
	}
	g.mu.Unlock()
	if current {
		g.installed(gen)
	}
}

// installed tells the owner which generation is the current one.
func (g *Group) installed(gen *generation) {
	if g.options.Installed != nil {
		g.options.Installed(g.name, Where{Slot: gen.slot, Generation: gen.number, Release: gen.release, Pinned: gen.pinned})
	}
	g.happened(Serves, gen)
	g.changed()
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
		g.changed()
	case wire.Expired:
		g.wish(p, m.Text)
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

// fail takes note that a process could not be started, and what requests are
// answered for that, 0 for the usual.
func (gen *generation) fail(reason string, status int) {
	g := gen.group
	g.mu.Lock()
	gen.reason = reason
	if status == 403 {
		g.denied = reason
	}
	select {
	case <-gen.failed:
	case <-gen.ready:
	default:
		close(gen.failed)
	}
	current := gen == g.current
	if current {
		g.rollFailedLocked(reason)
	}
	g.mu.Unlock()
	if current {
		g.setFailure(reason)
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
	switch {
	case !gen.isReady():
		gen.lostEarly()
	case errors.Is(err, io.EOF):
		g.log.Error("the leader has ended"+g.whereToLook(gen.slot), "generation", gen.number)
	default:
		g.log.Error("the connection to the leader broke", "generation", gen.number, "err", err)
	}
	g.changed()
	g.relaunch(gen)
}

// lostEarly handles the end of a leader that was never ready. What it had to say
// of that is in its own log; here one line is enough.
func (gen *generation) lostEarly() {
	g := gen.group
	if gen.reasonNow() == "" {
		g.setFailure("the leader ended before its processes were ready")
	}
	g.mu.Lock()
	reason := g.failure
	g.mu.Unlock()
	g.sayOnce("cannot start the application: "+lastLine(reason), gen.slot, "generation", gen.number)
}

// lastLine is what a Python traceback comes to.
func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// isReady reports whether every process has been ready.
func (gen *generation) isReady() bool {
	select {
	case <-gen.ready:
		return true
	default:
		return false
	}
}

// reasonNow is why the generation failed, as far as that is known.
func (gen *generation) reasonNow() string {
	gen.group.mu.Lock()
	defer gen.group.mu.Unlock()
	return gen.reason
}
