package group

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// Launcher brings up a leader in a slot and returns the control connection to
// it. Direct mode starts a child process; under systemd it is a connect to the
// slot's socket.
type Launcher interface {
	Launch(ctx context.Context, group, slot string) (*net.UnixConn, error)
}

// Options are what a Group is made of.
type Options struct {
	Site     *site.Site
	Group    *site.Group
	Launcher Launcher
	Logger   *slog.Logger
	// Collect says whether Logger gets the log records about processes, too; nil
	// means that their leaders keep them. It is asked about each generation.
	Collect func() bool
	// FilesLoaded is told the source files that processes load, in watch mode;
	// nil ignores them.
	FilesLoaded func(files []string)
	// Loops carry the responses; at least one.
	Loops []*loop.Loop

	// Slot and Generation are those of the leader that a supervisor before this
	// one has left; "" and 0 when there is none.
	Slot       string
	Generation int
	// Fresh says that there is none in Slot: one that is found there all the same was
	// started by somebody else, and is ended.
	Fresh bool
	// Pinned is the release that the groups's leader was asked for; "" for the
	// present one.
	Pinned string
	// CheckUser says whether a leader may run as uid; nil means that it runs as
	// whoever started it.
	CheckUser func(g *site.Group, uid uint32) error
	// Unit names the unit of a slot's leader for people who look for what went
	// wrong; nil means that there are no units.
	Unit func(group, slot string) string
	// SlotBusy is called when the leader in a slot does not answer; nil means never.
	SlotBusy func()
	// Happened is called when a generation has started, serves, has drained, or has
	// ended; nil means never.
	Happened func(e Event, group string, generation int)
	// Changed is called after something that Status shows has changed, and
	// Installed when a generation has become the current one; nil means never.
	Changed   func()
	Installed func(group string, at Where)
}

// Where says where a group's current generation is.
type Where struct {
	Slot       string
	Generation int
	Release    string // directory that a link on the way to the application led to; "" without one
	Pinned     string // Release, if a rollback asked for it
}

// Event is something that happens to a generation.
type Event int

// The events.
const (
	Started Event = iota // its leader has answered
	Serves               // it takes requests
	Drained              // it has finished its last request, or was cut off
	Ended                // its leader has ended
)

func (g *Group) happened(e Event, gen *generation) {
	if g.options.Happened != nil {
		g.options.Happened(e, g.name, gen.number)
	}
}

// Group is a daemon group.
type Group struct {
	options Options
	name    string
	config  atomic.Pointer[site.Group] // of the current generation, see conf
	log     *slog.Logger
	running sync.WaitGroup // goroutines of generations and threads

	reloading sync.Mutex // held by Reload: one at a time
	cutting   sync.Mutex // held by CutOff: a second call waits for what the first ends

	mu       sync.Mutex
	current  *generation // nil while there is none
	starting *generation
	draining *generation
	queue    queue
	ahead    int           // requests that were sent to threads before their turn
	failure  string        // why no process can be started, "" while that is not so
	denied   string        // the latest such reason that is one of the script's owner
	said     string        // what of that was logged last
	settled  chan struct{} // closed when the first start has succeeded or failed
	stopped  bool
	stopping chan struct{} // closed by Stop
	number   int           // of the newest generation
	losses   int           // leaders in a row that ended soon after their start
	turn     int           // of the loops
	reviving bool          // a goroutine brings up a current generation
	asleep   bool          // its leader was let go until the next request
	pinned   string        // release that the current generation was asked to run; "" for any
	bed      string        // slot to wake up in
	trying   string        // slot in which a current generation is, or was, brought up
	quiet    chan struct{} // see Quiesce; nil while nobody waits
	rolling  *roll         // see Roll; nil while there is none
	recycled *process      // is being replaced although it could go on; nil when none is
	renewals int           // how many have been, and why the last one was
	renewal  string
	lastUsed time.Time // when a request last came or was under way

	// life ends with Stop. What waits for a leader that is to be started waits no
	// longer than that.
	life    context.Context
	endLife context.CancelFunc

	metrics   string    // what processes were told last that asked for figures
	metricsAt time.Time // when

	queueTimer      *time.Timer
	limitTimer      *time.Timer // nil while not armed
	requestTimer    *time.Timer // nil while not armed
	silenceTimer    *time.Timer // nil while not armed
	inactivityTimer *time.Timer // nil while not armed
	slowTimer       *time.Timer // nil while not armed
	slowAt          time.Time   // when it goes off
}

// New returns a group that has no processes yet.
func New(o Options) *Group {
	life, endLife := context.WithCancel(context.Background())
	g := &Group{
		options: o, name: o.Group.Name, stopping: make(chan struct{}), settled: make(chan struct{}),
		life: life, endLife: endLife, lastUsed: time.Now(),
		log: o.Logger.With("site", o.Site.Name, "group", o.Group.Name),
	}
	g.config.Store(o.Group)
	return g
}

// Name is the group's name.
func (g *Group) Name() string { return g.name }

// conf is the group's section of the site file as it counts now; a reload may
// bring another.
func (g *Group) conf() *site.Group { return g.config.Load() }

func (g *Group) nextLoop() *loop.Loop {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	return g.options.Loops[g.turn%len(g.options.Loops)]
}

// drainLimit is how long requests of a process or generation that is replaced
// may go on.
func (g *Group) drainLimit() time.Duration { return g.conf().GracefulTimeout }

// Submit takes a request. It answers at once, gives it to a thread, or queues
// it; it does not wait for any of that.
func (g *Group) Submit(x *Exchange) {
	x.submitted, x.tries, x.slow = time.Now(), 0, false
	x.Reset()
	x.seal()
	g.mu.Lock()
	switch {
	case g.stopped:
		g.mu.Unlock()
		x.fail(503, "The site is being stopped.", "Connection: close\r\n")
		return
	case g.failure != "" && !g.servingLocked():
		answer := g.failureAnswerLocked()
		g.mu.Unlock()
		answer(x)
		return
	case g.current != nil && g.current.refusal != "":
		g.mu.Unlock()
		forbidden(x)
		return
	}
	if !x.IgnoreActivity {
		g.lastUsed = x.submitted
	}
	if x.Slow > 0 {
		g.armSlowLocked(x.submitted, x.Slow)
	}
	if g.queue.length == 0 {
		if t := g.pickLocked(false); t != nil {
			g.takeLocked(t)
			g.mu.Unlock()
			g.dispatch(t, x)
			return
		}
	}
	if g.queue.length >= g.conf().QueueLimit && !x.Admitted {
		g.submitToFull(x)
		return
	}
	g.queue.push(x)
	g.armQueueLocked()
	g.armLimitLocked()
	g.wakeLocked()
	g.mu.Unlock()
}

// submitToFull takes a request when the queue is full: nothing is refused while
// a thread is idle. The caller holds the lock, which is released.
func (g *Group) submitToFull(x *Exchange) {
	t := g.pickLocked(true)
	if t == nil {
		g.mu.Unlock()
		x.fail(503, "Too many requests are waiting.", retryAfter)
		return
	}
	g.takeLocked(t)
	g.queue.push(x)
	first := g.queue.pop()
	g.mu.Unlock()
	g.dispatch(t, first)
}

// retryAfter tells clients and proxies to come back; a second is the shortest
// that the field can say.
const retryAfter = "Retry-After: 1\r\n"

// Cancel takes a request whose client has gone away out of the queue. It
// reports whether it was there; then the caller owns the exchange again and
// the response is aborted.
func (g *Group) Cancel(x *Exchange) bool {
	g.mu.Lock()
	queued, at := x.queued, x.ahead
	if queued {
		g.queue.remove(x)
	}
	g.mu.Unlock()
	if at != nil {
		queued = g.cancelAhead(at, x)
	}
	if queued {
		x.abandon()
	}
	return queued
}

// abandon ends an exchange that nobody waits for.
func (x *Exchange) abandon() {
	response, serial, frame := x.Response, x.Serial, x.Frame
	x.Body.cancel()
	response.Abort(serial)
	frame.recycle()
}

// servingLocked reports whether some process takes requests.
func (g *Group) servingLocked() bool {
	if g.current == nil {
		return false
	}
	for _, p := range g.current.processes {
		if p.ready && !p.retiring {
			return true
		}
	}
	return false
}

// pickLocked chooses the thread for a request: in the process with the fewest
// requests the thread that became idle last, whose memory is still in the
// processor's caches. It returns nil when none is idle, or when those that are
// would only get into each other's way; every takes one of those as well.
func (g *Group) pickLocked(every bool) *thread {
	if g.current == nil {
		return nil
	}
	var best *process
	for _, p := range g.current.order {
		if p.ready && !p.retiring && len(p.idle) > 0 && (every || p.mayTake()) && (best == nil || p.busy < best.busy) {
			best = p
		}
	}
	if best == nil {
		return nil
	}
	t := best.idle[len(best.idle)-1]
	best.idle = best.idle[:len(best.idle)-1]
	return t
}

func (g *Group) takeLocked(t *thread) {
	t.busy = true
	t.process.busy++
	g.armRequestLocked()
}

// dispatch sends a request to a thread that the caller has taken. A thread
// that turns out to be dead has not seen it: another one gets it.
func (g *Group) dispatch(t *thread, x *Exchange) {
	frame := x.Frame.Bytes
	// threadEnded waits for sending: so either it sees this request and how the
	// sending went, or assign sees that it has been.
	t.sending.Lock()
	if !t.assign(x) {
		t.sending.Unlock()
		g.putBack(x)
		return
	}
	// From here on x may be over and in use again at any moment.
	if err := t.sendRequest(frame); err != nil {
		t.shut() // the loop sees the end and gives the request to another
	}
}

// release makes a thread idle, or gives it the request that waits longest.
func (g *Group) release(t *thread) {
	for {
		g.mu.Lock()
		p := t.process
		if t.cpu != 0 || t.wall != 0 {
			p.load.note(t.cpu, t.wall)
			t.cpu, t.wall = 0, 0
		}
		if p.mostRequests > 0 && p.load.finished >= p.mostRequests && p.wish == "" {
			g.wishLocked(p, "maximum-requests")
		}
		t.endSlowLocked()
		if len(t.ahead) > 0 && !t.lost {
			g.promoteLocked(t)
			g.mu.Unlock()
			g.fill(t)
			return
		}
		if t.lost || p.retiring || p.exited || g.current != p.generation {
			if t.busy { // not if another took the place of a lost one
				t.busy = false
				p.busy--
			}
			g.mu.Unlock()
			g.drained(p)
			return
		}
		var x *Exchange
		if p.busy <= p.running() {
			x = g.queue.pop()
		}
		if x == nil {
			t.busy = false
			p.busy--
			p.idle = append(p.idle, t)
			if g.quiet != nil && g.queue.length == 0 {
				close(g.quiet)
				g.quiet = nil
			}
			g.armLimitLocked() // requests may queue, if this process runs fewer threads now
			g.mu.Unlock()
			return
		}
		g.armRequestLocked()
		g.mu.Unlock()
		if x.Client.Gone() {
			x.abandon()
			continue
		}
		g.dispatch(t, x)
		g.fill(t)
		return
	}
}

// feed gives queued requests to idle threads, after some came up.
func (g *Group) feed() {
	for {
		g.mu.Lock()
		if g.queue.length == 0 {
			g.armLimitLocked()
			g.mu.Unlock()
			return
		}
		t := g.pickLocked(false)
		if t == nil {
			g.armLimitLocked()
			g.mu.Unlock()
			return
		}
		g.takeLocked(t)
		x := g.queue.pop()
		g.mu.Unlock()
		if x.Client.Gone() {
			x.abandon()
			g.release(t)
			continue
		}
		g.dispatch(t, x)
	}
}

// drained looks whether a process or generation that gets no more requests has
// finished its last.
func (g *Group) drained(p *process) {
	g.stopRetired(p, false)
	p.generation.checkIdle()
}

// tell sends a control message. Its failure needs no handling: the goroutine
// that receives from the same connection sees its end.
func (g *Group) tell(control *wire.Conn, m wire.Message) {
	if err := control.Send(m); err != nil {
		g.log.Debug("cannot reach the leader", "err", err)
	}
}

// changed tells the owner that something in Status has.
func (g *Group) changed() {
	if g.options.Changed != nil {
		g.options.Changed()
	}
}

// Status is what a group is doing.
type Status struct {
	Generation int
	Slot       string // "" when there is no generation
	Release    string // see Where
	Asleep     bool   // no processes until the next request
	Starting   int    // generation that is being brought up, 0 when none is
	Draining   int    // generation that finishes its last requests, 0 when none does
	Processes  int    // that take requests
	Wanted     int
	Threads    int // per process
	Busy       int // threads with a request
	Queued     int
	Failure    string // why processes cannot be started; "" when they can
	Python     string // version, "" before a process has said
	// Suspended is why no process is replaced at present although one should be;
	// "" when that is not so.
	Suspended string
	// Recycled counts the processes that were replaced although they could have gone
	// on, and Cause is why the last one was. Recycling is why one is being replaced
	// now; "" when none is.
	Recycled         int
	Cause, Recycling string
}

// Status returns a consistent picture.
func (g *Group) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{
		Wanted: g.conf().Processes, Threads: g.conf().Threads,
		Queued: g.queue.length + g.ahead, Failure: g.failure, Asleep: g.asleep,
	}
	if g.starting != nil {
		s.Starting = g.starting.number
	}
	if g.draining != nil {
		s.Draining = g.draining.number
	}
	if g.current == nil {
		return s
	}
	s.Generation, s.Slot, s.Suspended = g.current.number, g.current.slot, g.suspendedLocked()
	s.Release = g.current.release
	s.Recycled, s.Cause = g.renewals, g.renewal
	if p := g.recycled; p != nil {
		s.Recycling = p.wish
	}
	for _, p := range g.current.processes {
		s.Busy += p.busy
		s.Python = p.version
		if p.ready && !p.retiring {
			s.Processes++
		}
	}
	return s
}
