package group

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// What happens when a thread's connection, a process or a leader ends.

// causeWait is how long the log line of a lost request waits for the cause of
// its process's end.
const causeWait = time.Second

// threadEnded handles the end of a thread's connection. The thread counts as
// busy until its process offers a new connection for it.
func (g *Group) threadEnded(t *thread, err error) {
	p := t.process
	g.mu.Lock()
	t.lost = true
	if !t.busy && !t.replaced {
		t.busy = true
		p.busy++
	}
	p.idle = slices.DeleteFunc(p.idle, func(other *thread) bool { return other == t })
	t.endSlowLocked()
	g.mu.Unlock()
	if !t.sending.TryLock() {
		t.shut() // whoever is sending need not wait for the worker any more
		t.sending.Lock()
	}
	t.mu.Lock()
	j := t.job
	t.job.failed, t.ended = true, true
	t.mu.Unlock()
	unread := t.takeUnread()
	ahead := g.forgetAhead(t)
	t.sending.Unlock()
	for i, x := range slices.Backward(ahead) {
		g.lostRequest(t, newJob(x, time.Now()), err, i >= len(ahead)-unread)
	}
	if j.response != nil && t.takeOver() {
		g.lostRequest(t, j, err, unread > len(ahead) || j.sendFailed || j.cutShort(err))
	}
	if j.response != nil && j.body.end() {
		t.mu.Lock()
		t.job = job{}
		t.mu.Unlock()
	}
	if isBroken(err) {
		g.log.Error("a worker broke the rules of its connection; ending the process", "process", p.number, "pid", p.pid, "err", err)
		g.mu.Lock()
		p.retiring, p.told = true, true // it gets no more requests
		control := p.generation.control
		g.mu.Unlock()
		g.tell(control, wire.Message{Type: wire.Replace, Process: p.number})
		g.tell(control, wire.Message{Type: wire.StopProcess, Process: p.number, Kill: true})
	}
	g.drained(p)
}

// isBroken reports whether err is the worker's fault and not just the end of
// the connection.
func isBroken(err error) bool {
	return !errors.Is(err, io.EOF) && !errors.Is(err, errStray) && !errors.Is(err, syscall.ECONNRESET) &&
		!errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrClosed)
}

// lostRequest deals with the request of a thread that has ended. Untouched is one that
// the process had not read whole when it ended: it was never begun.
func (g *Group) lostRequest(t *thread, j job, err error, untouched bool) {
	p := t.process
	if untouched && !j.started && j.tries < mostTries && j.body.unused() {
		g.retry(j)
		return
	}
	j.response.Error(j.serial, 502, Page(502, "The process that served the request has ended.", j.requestID()), IDField(j.requestID()))
	if isBroken(err) {
		g.logEnd(p, j, "broken frame: "+err.Error(), "")
		return
	}
	g.mu.Lock()
	if !p.exited {
		p.ends = append(p.ends, j)
	}
	known, cause := p.exited, p.cause
	g.mu.Unlock()
	if known {
		g.logEnd(p, j, "worker process died: "+cause, "")
		return
	}
	time.AfterFunc(causeWait, func() { g.logUnexplained(p, j) })
}

// logUnexplained logs a lost request whose process has not been heard to end.
func (g *Group) logUnexplained(p *process, j job) {
	g.mu.Lock()
	n := len(p.ends)
	p.ends = slices.DeleteFunc(p.ends, func(other job) bool { return other.frame == j.frame && other.serial == j.serial })
	found := len(p.ends) < n
	g.mu.Unlock()
	if found {
		g.logEnd(p, j, "the worker closed the connection", "")
	}
}

// mostTries bounds how often a request that no process had taken is given to
// another one.
const mostTries = 3

// retry puts a request first in the queue. The caller has taken it over, so
// nobody else uses its exchange.
func (g *Group) retry(j job) {
	x := j.exchange
	x.tries = j.tries + 1
	g.putBack(x)
}

// putBack puts a request that no process has seen first in the queue.
func (g *Group) putBack(x *Exchange) {
	g.mu.Lock()
	if g.stopped {
		g.mu.Unlock()
		refuseStopped([]*Exchange{x})
		return
	}
	g.queueFirstLocked(x)
	g.mu.Unlock()
	g.feed()
}

// queueFirstLocked puts a request first in the queue.
func (g *Group) queueFirstLocked(x *Exchange) {
	g.queue.pushFront(x)
	if g.queueTimer != nil && g.queueTimer.Stop() {
		g.queueTimer = nil // set for a younger request
	}
	g.armQueueLocked()
}

// refuseStopped answers requests that would go back to the queue, were the site not
// being stopped.
func refuseStopped(refused []*Exchange) {
	for _, x := range refused {
		x.fail(503, "The site is being stopped.", "")
	}
}

// unused reports whether nothing of the body was handed out.
func (b *Body) unused() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.asked && !b.over
}

// logEnd writes the one line about a request that ended abnormally.
func (g *Group) logEnd(p *process, j job, cause, stack string) {
	attrs := append(j.describe(), "generation", p.generation.number, "process", p.number, "pid", p.pid, "cause", cause)
	message := "request ended abnormally"
	if stack != "" {
		message += "\n" + stack
	}
	g.log.Error(message, attrs...)
}

// logQueued writes that line for a request that no thread had.
func (g *Group) logQueued(x *Exchange, cause string) {
	j := job{frame: x.Frame, began: x.submitted}
	g.log.Error("request ended abnormally", append(j.describe(), "cause", cause)...)
}

// applicationFailed answers a request whose application raised an exception.
// The traceback is in the log already, under the same request id. The exception
// mod_wsgi.RequestTimeout asks for the status 504, any other one for none.
func (g *Group) applicationFailed(t *thread, j job, status int, summary string) {
	sentence := "The application did not answer in time."
	if status != 504 {
		status, sentence = 500, "The application failed."
	}
	j.response.Error(j.serial, status, Page(status, sentence, j.requestID()), IDField(j.requestID()))
	g.logEnd(t.process, j, "application error: "+summary, "")
}
