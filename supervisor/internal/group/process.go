package group

import (
	"slices"
	"strings"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// process is one worker process of a generation. Its fields are guarded by the
// group's lock.
type process struct {
	generation *generation
	number     int // in its leader's life, from 1
	pid        int
	version    string // of Python

	threads  []*thread
	idle     []*thread // the most recently idle one last
	busy     int       // threads with a request, lost ones included
	load     load
	slow     int // threads that are slow
	ready    bool
	retiring bool   // gets no further requests
	told     bool   // StopProcess was sent
	why      string // it retires; "" when it does not, or with its generation
	stuck    bool   // a thread did not answer within request-timeout
	exited   bool
	cause    string // of its end, once it has exited

	mostRequests uint64      // after which it is replaced; 0 none
	ageTimer     *time.Timer // nil without restart-interval
	wish         string      // why it should be replaced although it could go on; "" if it should not

	// ends are abnormal ends of requests that wait for the process's exit to
	// be logged with its cause.
	ends []job
	// dumps are requests whose stack was asked for.
	dumps []dump
}

type dump struct {
	thread *thread
	job    job
}

// offer takes connections of threads from first on.
func (g *Group) offer(p *process, first int, fds []int) {
	for index := first; len(fds) >= wire.ThreadDescriptors; index++ {
		t, err := newThread(p, index, [wire.ThreadDescriptors]int(fds))
		fds = fds[wire.ThreadDescriptors:]
		if err == nil && !g.adopt(p, t) {
			t.close()
			continue
		}
		if err == nil {
			g.running.Add(1) // until disconnect
			if err = t.watch(g.nextLoop()); err != nil {
				g.running.Done()
			}
		}
		if err != nil {
			g.log.Error("cannot use a worker's connection", "process", p.number, "pid", p.pid, "err", err)
			continue
		}
		if p.isReady(g) {
			g.release(t)
		}
	}
	wire.CloseAll(fds)
}

func (p *process) isReady(g *Group) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return p.ready
}

// adopt lists a thread, in the place of one whose connection was lost.
func (g *Group) adopt(p *process, t *thread) bool {
	var replaced *thread
	defer func() {
		if replaced != nil {
			replaced.shut() // after the lock
		}
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	const mostThreads = 1 << 16 // mod_wsgi's bound
	if p.exited || t.index < 0 || t.index >= mostThreads {
		return false
	}
	for len(p.threads) <= t.index {
		p.threads = append(p.threads, nil)
	}
	if old := p.threads[t.index]; old != nil {
		if !old.lost {
			// Its end has not been noticed yet.
			old.lost, replaced = true, old
			p.idle = slices.DeleteFunc(p.idle, func(other *thread) bool { return other == old })
		}
		old.replaced = true
		t.ident = old.ident
		if old.busy {
			old.busy = false
			p.busy--
		}
	}
	p.threads[t.index] = t
	if p.ready {
		// release makes it idle.
		t.busy = true
		p.busy++
	}
	return true
}

// becomeReady lets requests in.
func (g *Group) becomeReady(p *process) {
	g.mu.Lock()
	p.ready = true
	// The first thread is the first to be used: the program starts one thread
	// after the other, as they are needed.
	for i := len(p.threads) - 1; i >= 0; i-- {
		if t := p.threads[i]; t != nil && !t.lost {
			p.idle = append(p.idle, t)
		}
	}
	serving := p.generation == g.current
	recovered := serving && g.said != ""
	if serving {
		g.failure, g.said, p.generation.reason = "", "", ""
	}
	g.limitLifeLocked(p)
	relieved := g.relieveLocked(p.generation)
	g.mu.Unlock()
	if recovered {
		g.log.Info("the application has been started after earlier failures", "generation", p.generation.number)
	}
	if serving {
		g.feed()
	}
	if relieved != nil {
		g.retire(relieved, relieved.wish)
	}
	g.changed()
}

// retire stops giving the process requests, and asks for another in its place
// unless that has come up already.
func (g *Group) retire(p *process, why string) {
	g.mu.Lock()
	if p.retiring || p.exited {
		g.mu.Unlock()
		return
	}
	p.retiring, p.why = true, why
	replaced := g.recycled == p
	control := p.generation.control
	g.mu.Unlock()
	if !replaced {
		g.log.Warn("replacing a worker process", "generation", p.generation.number, "process", p.number, "pid", p.pid, "cause", why)
		g.tell(control, wire.Message{Type: wire.Replace, Process: p.number})
	}
	g.stopRetired(p, false)
	limit, key := p.generation.drainLimit()
	time.AfterFunc(limit, func() { g.stopLate(p, key) })
}

// stopLate ends a retiring process that still has requests at the drain limit.
func (g *Group) stopLate(p *process, key string) {
	g.mu.Lock()
	var busy []*thread
	if !p.exited && !p.told {
		busy = p.busyThreads()
	}
	g.mu.Unlock()
	g.abort(busy, key)
	g.stopRetired(p, true)
}

// stopRetired ends a retiring process once its requests are done; force does
// not wait for them.
func (g *Group) stopRetired(p *process, force bool) {
	g.mu.Lock()
	idle := p.busy == 0 || (p.stuck && p.busy <= p.stuckThreads())
	waiting := len(p.dumps) > 0 && !force
	if !p.retiring || p.exited || p.told || waiting || (!idle && !force) {
		g.mu.Unlock()
		return
	}
	p.told = true
	kill := p.stuck && p.busy > 0 // it would not end by itself within shutdown-timeout
	control, why := p.generation.control, p.why
	g.mu.Unlock()
	g.tell(control, wire.Message{Type: wire.StopProcess, Process: p.number, Kill: kill, Text: why})
}

// stuckThreads counts the threads whose request was given up on.
func (p *process) stuckThreads() int {
	n := 0
	for _, t := range p.threads {
		if t != nil && t.busy && t.givenUp() {
			n++
		}
	}
	return n
}

func (t *thread) givenUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.job.failed || t.lost
}

// exit handles the end of a process.
func (g *Group) exit(p *process, cause string) {
	g.mu.Lock()
	p.exited, p.ready, p.cause = true, false, cause
	ends, dumps := p.ends, p.dumps
	p.ends, p.dumps = nil, nil
	p.idle = nil
	delete(p.generation.processes, p.number)
	p.generation.orderLocked()
	threads := p.threads
	if p.ageTimer != nil {
		p.ageTimer.Stop()
	}
	g.recycledEndedLocked(p)
	g.rolledLocked(p)
	g.mu.Unlock()
	for _, j := range ends {
		g.logEnd(p, j, "worker process died: "+cause, "")
	}
	for _, d := range dumps {
		g.logEnd(p, d.job, "request-timeout", "")
	}
	for _, t := range threads {
		if t != nil {
			t.shut()
		}
	}
}

// stacks takes what the fault handler of a process wrote.
func (g *Group) stacks(p *process, text string) {
	g.mu.Lock()
	dumps := p.dumps
	p.dumps = nil
	idents := make([]string, len(dumps))
	for i, d := range dumps {
		idents[i] = d.thread.ident
	}
	g.mu.Unlock()
	for i, d := range dumps {
		g.logEnd(p, d.job, "request-timeout", stackOf(text, idents[i]))
	}
	if len(dumps) == 0 && text != "" {
		g.log.Warn("stacks of a worker process\n"+strings.TrimSpace(text), "process", p.number, "pid", p.pid)
	}
	g.stopRetired(p, false)
}
