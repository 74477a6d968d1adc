package group

import (
	"slices"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// Requests ahead of their turn.
//
// Where a request takes a few microseconds, most of its price is that a thread is put
// to sleep and woken for it. So a process whose requests only compute, and for a moment,
// runs one thread at a time, which also never waits for the GIL; and while requests
// queue, the next ones are sent to that thread before it is through. It receives them
// one after the other, without sleeping in between.
//
// A request that is ahead still waits as if in the queue: what the thread has not
// received is taken back, whole, from its end of the socket. That happens when the
// thread has been busy with one request for stallTime, when the client of a request that
// is ahead goes away, and when the connection ends.

const (
	// mostAhead is how many requests one thread may have ahead, and aheadTime the time
	// in which it should be through with them. The kernel's queue takes eleven packets
	// where net.unix.max_dgram_qlen is as the kernel has it (unix(7)).
	mostAhead = 8
	aheadTime = shortRequest
	// aheadSize is the largest request that goes ahead, in bytes, so that mostAhead of
	// them have room in the socket.
	aheadSize = 8 << 10
)

// room is how many requests a thread of the process may have ahead.
func (p *process) room() int {
	if !p.quick() {
		return 0
	}
	const longest = float64(aheadTime / time.Microsecond)
	return int(min(mostAhead, longest/max(1, p.load.wall)))
}

// quick reports whether the process is to run one thread at a time. It is not while a
// thread of it is slow.
func (p *process) quick() bool { return p.slow == 0 && p.load.quick() }

// fill sends queued requests ahead to a thread that works. What it cannot send waits in
// the queue.
func (g *Group) fill(t *thread) {
	if !t.sending.TryLock() {
		return
	}
	var broken error
	var refused []*Exchange
	for {
		g.mu.Lock()
		x := g.nextAheadLocked(t)
		if x == nil {
			g.mu.Unlock()
			break
		}
		if x.Client.Gone() {
			g.mu.Unlock()
			x.abandon()
			continue
		}
		x.ahead, t.ahead = t, append(t.ahead, x)
		g.ahead++
		g.armLimitLocked()
		frame := x.Frame.Bytes
		g.mu.Unlock()
		// From here on x may be over and in use again at any moment, unless this fails.
		if err := t.sendPacket(frame); err != nil {
			refused, broken = g.notSent(t, x, err)
			break
		}
	}
	t.sending.Unlock()
	if broken != nil {
		t.shut() // the loop sees the end and gives the requests to others
	}
	refuseStopped(refused)
}

// nextAheadLocked takes the request out of the queue that the thread may be sent ahead;
// nil if there is none.
func (g *Group) nextAheadLocked(t *thread) *Exchange {
	p, x := t.process, g.queue.first
	switch {
	case x == nil || x.Body != nil || len(x.Frame.Bytes) > aheadSize:
		return nil
	case !t.busy || t.lost || p.retiring || p.exited || g.current != p.generation || len(t.ahead) >= p.room():
		return nil
	case !t.simple():
		return nil
	}
	return g.queue.pop()
}

// simple reports whether the thread has a request to which nothing more is to be sent.
func (t *thread) simple() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.job.response != nil && t.job.body == nil && !t.job.failed && !t.job.interrupted
}

// notSent puts the request back that could not be sent ahead. The error is nil if the
// thread can go on: its socket was full. The caller holds sending.
func (g *Group) notSent(t *thread, x *Exchange, err error) (refused []*Exchange, broken error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x.ahead != t {
		// It is the thread's own by now, which will not get it.
		t.setSendFailed()
		return nil, err
	}
	refused = g.backLocked(t, len(t.ahead)-1)
	if err == syscall.EAGAIN {
		return refused, nil
	}
	return refused, err
}

// promoteLocked makes the next request that is ahead the thread's own: it has ended the
// one before, so it receives this one, or has.
func (g *Group) promoteLocked(t *thread) {
	x := t.ahead[0]
	t.ahead = slices.Delete(t.ahead, 0, 1)
	x.ahead = nil
	g.ahead--
	g.armRequestLocked()
	if !t.assign(x) {
		g.queue.pushFront(x) // not reached: whoever ends a thread has marked it lost
	}
}

// takeBack takes from a thread what is ahead and was not received. The caller feeds
// other threads.
func (g *Group) takeBack(t *thread) {
	g.mu.Lock()
	n := len(t.ahead)
	g.mu.Unlock()
	if n == 0 {
		return // sending may be held for long where nothing is ahead
	}
	t.sending.Lock()
	g.mu.Lock()
	unread := t.takeUnread()
	var failed error
	if unread > len(t.ahead) {
		// The thread has not even received the request that is its own.
		unread, failed = len(t.ahead), t.sendAgain()
	}
	refused := g.backLocked(t, len(t.ahead)-unread)
	g.mu.Unlock()
	t.sending.Unlock()
	if failed != nil {
		t.shut()
	}
	refuseStopped(refused)
}

// sendAgain sends the thread's own request once more, which was taken from its socket.
// The caller holds sending.
func (t *thread) sendAgain() error {
	t.mu.Lock()
	frame := t.job.frame
	t.mu.Unlock()
	if frame == nil {
		return syscall.EPIPE // it has answered what it has not received
	}
	err := t.sendPacket(frame.Bytes[:min(len(frame.Bytes), wire.MaxPacket)])
	if err != nil {
		t.setSendFailed()
	}
	return err
}

// backLocked puts the requests that are ahead at a thread, from the position first on,
// back to the front of the queue. It returns those that are to be refused instead,
// because the site is being stopped.
func (g *Group) backLocked(t *thread, first int) (refused []*Exchange) {
	back := t.ahead[first:]
	for _, x := range slices.Backward(back) {
		x.ahead = nil
		g.ahead--
		if g.stopped {
			refused = append(refused, x)
			continue
		}
		g.queueFirstLocked(x)
	}
	clear(back)
	t.ahead = t.ahead[:first]
	return refused
}

// forgetAhead takes everything from a thread that is ahead, received or not.
func (g *Group) forgetAhead(t *thread) []*Exchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := t.ahead
	for _, x := range all {
		x.ahead = nil
	}
	g.ahead -= len(all)
	t.ahead = nil
	return all
}

// stalledLocked finds the threads of quick processes that are busy with one request for
// longer than such a request takes, and those among them that have others ahead. Their
// processes may run more threads until that request is done.
func (g *Group) stalledLocked(now time.Time) (ahead []*thread) {
	for _, gen := range g.generationsLocked() {
		for _, p := range gen.processes {
			quick := p.quick()
			for _, t := range p.threads {
				if t == nil || !t.busy || t.lost || t.slow || (!quick && len(t.ahead) == 0) {
					continue
				}
				began, counting := t.counting()
				if counting && now.Sub(began) < stallTime || !counting && len(t.ahead) == 0 {
					continue
				}
				t.slow = true
				p.slow++
				if len(t.ahead) > 0 {
					ahead = append(ahead, t)
				}
			}
		}
	}
	return ahead
}

// endSlowLocked takes note that a thread has ended its request.
func (t *thread) endSlowLocked() {
	if t.slow {
		t.slow = false
		t.process.slow--
	}
}

// cancelAhead takes a request whose client has gone away from the thread at which it is
// ahead. It reports whether that had not received it.
func (g *Group) cancelAhead(t *thread, x *Exchange) bool {
	g.takeBack(t)
	g.mu.Lock()
	queued := x.queued
	if queued {
		g.queue.remove(x)
	}
	g.mu.Unlock()
	g.feed()
	return queued
}
