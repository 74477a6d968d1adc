package group

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// How an exchange begins and ends on its thread.

// assign gives the thread a request. The caller has marked it busy and holds
// sending. False means that the thread's connection has ended.
func (t *thread) assign(x *Exchange) bool {
	now := time.Now()
	p := t.process
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	x.Note = Note{
		Queued: now.Sub(x.submitted), Dispatched: now,
		Group: p.generation.group.name, Process: p.number, PID: p.pid, Generation: p.generation.number,
	}
	t.job = newJob(x, now)
	return true
}

func newJob(x *Exchange, began time.Time) job {
	j := job{
		exchange: x, response: x.Response, serial: x.Serial, frame: x.Frame, body: x.Body, began: began, tries: x.tries,
		submitted: x.submitted, ignored: x.IgnoreActivity,
	}
	if x.watched() {
		j.slow = x.Slow
	}
	return j
}

func (t *thread) setSendFailed() {
	t.mu.Lock()
	t.job.sendFailed = true
	t.mu.Unlock()
}

// takeOver marks the client as answered. It returns false if it was already.
func (t *thread) takeOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.job.over
	t.job.over = true
	return first
}

// note handles what Start, Data or SendFile said: the exchange is over for the
// client, well or not.
func (t *thread) note(j job, err error) {
	if t.takeOver() {
		t.judge(j, err)
	}
}

// judge answers and logs a response that the engine would not take. That is the
// application's fault, a 500 as in mod_wsgi; 502 is for what became of a process.
func (t *thread) judge(j job, err error) {
	if err == nil || errors.Is(err, http1.ErrGone) {
		return
	}
	g := t.process.generation.group
	j.response.Error(j.serial, 500, Page(500, "The application's response is not valid.", j.requestID()), IDField(j.requestID()))
	g.logEnd(t.process, j, "invalid response: "+err.Error(), "")
}

// finish ends the thread's work on an exchange of which the client has been
// given everything; err is what the engine said of it.
func (t *thread) finish(j job, err error) error {
	t.judge(j, err)
	// A slow client has all it will get in its spool: the next one need not wait.
	t.stray, t.paused, t.bulk = 0, false, false
	t.keepTimes(j.began)
	if j.body.end() {
		t.free()
	}
	return nil
}

// keepTimes takes what the frame that ended the exchange says of its times.
func (t *thread) keepTimes(began time.Time) {
	g := t.process.generation.group
	g.mu.Lock()
	t.cpu, t.wall = t.frame.P, t.frame.Q
	t.served, t.lastBegan = t.served+1, began
	g.mu.Unlock()
}

// free makes the thread take the next request.
func (t *thread) free() {
	t.mu.Lock()
	if t.job.interrupted {
		t.mu.Unlock()
		return // the connection ends, and with it what is left of the request
	}
	frame, failed := t.job.frame, t.job.failed
	t.job = job{}
	t.mu.Unlock()
	// The sender of the request may not yet have seen that its write is done, or
	// the log may still want the frame of a request that was given up on; then it
	// is left to the garbage collector.
	if !failed && t.sending.TryLock() {
		frame.recycle()
		t.sending.Unlock()
	}
	t.process.generation.group.release(t)
}

func (j *job) requestID() string {
	if j.frame == nil {
		return ""
	}
	return string(environValue(j.frame.Bytes, RequestIDKey))
}

// steal ends a client's wait for a thread that does not answer: with an error
// status when nothing was sent, by aborting the connection when something was.
// It reports whether there was anybody to answer. A began that is not zero
// names the request that is meant, by the time at which it began.
func (t *thread) steal(began time.Time, status int, sentence string) (job, bool) {
	t.mu.Lock()
	j := t.job
	if j.response == nil || (!began.IsZero() && !j.began.Equal(began)) {
		t.mu.Unlock()
		return job{}, false
	}
	answered := j.over
	t.job.over, t.job.failed = true, true
	t.mu.Unlock()
	if answered {
		return j, false
	}
	j.body.cancel()
	j.response.Error(j.serial, status, Page(status, sentence, j.requestID()), IDField(j.requestID()))
	return j, true
}

// describe is what a log line says of the request.
func (j *job) describe() []any {
	if j.frame == nil {
		return nil
	}
	b := j.frame.Bytes
	return []any{
		"request_id", j.requestID(),
		"method", string(environValue(b, "REQUEST_METHOD")),
		"path", string(withoutQuery(environValue(b, "REQUEST_URI"))),
		"age", time.Since(j.began).Round(time.Millisecond),
		"head_sent", strconv.FormatBool(j.started),
	}
}

// withoutQuery cuts the query off a target: it may hold what is not for logs.
func withoutQuery(target []byte) []byte {
	path, _, _ := bytes.Cut(target, []byte("?"))
	return path
}
