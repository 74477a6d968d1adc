package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// failurePause is the least time between a failure and the next request, so that a
// server that is away is not hammered.
const failurePause = 5 * time.Millisecond

// worker is one client: one request at a time.
type worker struct {
	client   *Client
	number   int // among all of the client
	group    int // index into Options.Workers
	what     Workers
	random   *rand.Rand
	sequence int // of requests

	conn   *conn // nil: none
	buffer []byte
}

// result is how one request ended.
type result struct {
	worker    *worker
	id        string
	kind      Kind
	detail    string // what went wrong, for people
	ordinal   int    // of the request on its connection, 1 for the first; 0: no connection
	status    int    // 0: none came
	identity  identity
	received  []byte // the first bytes of the answer
	announced bool   // the answer says that the connection ends

	began time.Time // before the connect, or before the first byte was written
	ended time.Time // right after the last byte was read
}

func (w *worker) run(ctx context.Context) {
	defer w.finish()
	// Workers of a kind do not keep step with each other.
	pause := time.Duration(w.random.Float64() * float64(w.what.Think))
	for w.pause(ctx, pause) {
		failed := w.exchange(ctx)
		pause = time.Duration((0.5 + w.random.Float64()) * float64(w.what.Think))
		if failed {
			pause = max(pause, failurePause)
		}
	}
}

// pause waits and reports whether there is to be another request.
func (w *worker) pause(ctx context.Context, length time.Duration) bool {
	if length > 0 {
		due := time.Now().Add(length)
		timer := time.NewTimer(length)
		defer timer.Stop()
		select {
		case <-timer.C:
			w.client.record.late(due, time.Now())
		case <-w.client.stop:
		case <-ctx.Done():
		}
	}
	select {
	case <-w.client.stop:
		return false
	default:
		return ctx.Err() == nil
	}
}

// exchange makes one request and reports whether it failed.
func (w *worker) exchange(ctx context.Context) (failed bool) {
	request := w.next()
	r := &result{worker: w, id: request.id, began: time.Now()}
	w.client.record.begin(w, r.began)
	w.try(ctx, &request, r)
	if w.conn != nil {
		r.ordinal = w.conn.sent
	}
	// Before anything else is waited for: the moment of an answer is part of the record.
	kind := w.client.record.end(r)
	w.afterwards(kind, r)
	return kind.Failed()
}

// try makes the request and fills in the result.
func (w *worker) try(ctx context.Context, request *request, r *result) {
	limit := request.what.For + w.client.options.Timeout
	if !w.connected(ctx, limit, r) {
		r.ended = time.Now()
		return
	}
	c := w.conn
	if err := c.begin(ctx, r.began.Add(limit)); err != nil {
		r.kind, r.detail, r.ended = OtherError, cause(err), time.Now()
		return
	}
	w.buffer = request.appendHead(w.buffer[:0], w.client.options.Host)
	w.client.record.underWay(w)
	want, written := request.send(c, w.buffer, r.began, ctx.Done())
	if err := w.receive(request, want, r); err != nil {
		r.kind, r.detail, r.ended = failureKind(ctx, c, written, err), cause(err), time.Now()
		if written != nil {
			r.detail = cause(written) + ", then " + r.detail
		}
	}
	if r.kind != OK {
		r.received = append([]byte(nil), c.inlet.first...)
	}
}

// afterwards looks at the end of the answer, and ends a connection that carries no more.
func (w *worker) afterwards(kind Kind, r *result) {
	switch {
	case w.conn == nil:
		return
	case kind != OK && kind != Slow && kind != WrongStatus:
	case w.conn.reader.Buffered() > 0:
		_, waiting := w.conn.look()
		w.event(Unasked, waiting)
	case w.what.Job == GetClose:
		w.seeClosed()
	case !r.announced:
		return
	}
	w.hangUp()
}

// connected sees to a connection that can be written to.
func (w *worker) connected(ctx context.Context, limit time.Duration, r *result) bool {
	if w.conn != nil {
		switch is, waiting := w.conn.look(); is {
		case silent:
			return true
		case ended:
			w.event(ClosedIdle, nil)
		case speaks:
			w.event(Unasked, waiting)
		}
		w.hangUp()
	}
	c, err := connect(ctx, w.client.options.Dial, limit)
	if err != nil {
		r.kind, r.detail = connectKind(ctx, err), cause(err)
		return false
	}
	w.conn = c
	return true
}

// receive reads the answer and fills in what it says. The error is of the connection or
// of what came on it.
func (w *worker) receive(request *request, want expected, r *result) error {
	c := w.conn
	head, err := readHead(c.reader)
	if err != nil {
		return err
	}
	r.status, r.identity, r.announced = head.status, head.identity, head.closes
	var other anything
	switch {
	case head.status != 200:
		want = &other
	case head.identity.id != request.id:
		r.kind, r.ended = Foreign, c.inlet.last
		r.detail = fmt.Sprintf("the answer is for %q", head.identity.id)
		return nil
	}
	if err := head.readBody(c.reader, want); err != nil {
		return err
	}
	r.ended = c.inlet.last
	if head.status != 200 {
		r.kind, r.detail = WrongStatus, "body "+clip(other.beginning)
	}
	return nil
}

// seeClosed waits for the server's end of a connection that was to be closed.
func (w *worker) seeClosed() {
	switch is, waiting := w.conn.linger(); is {
	case silent:
		w.event(LeftOpen, nil)
	case speaks:
		w.event(Unasked, waiting)
	}
}

// event records what happened on the connection between two requests.
func (w *worker) event(kind Kind, received []byte) {
	now := time.Now()
	w.client.record.event(&result{
		worker: w, kind: kind, ordinal: w.conn.sent, received: append([]byte(nil), received...), began: now, ended: now,
	})
}

// finish looks once more at what the last answer left behind.
func (w *worker) finish() {
	if w.conn == nil {
		return
	}
	if is, waiting := w.conn.look(); is == speaks {
		w.event(Unasked, waiting)
	}
	w.hangUp()
}

func (w *worker) hangUp() {
	if w.conn != nil {
		w.conn.hangUp()
		w.conn = nil
	}
}

// name is the job and which of the workers that do it, as options count them.
func (w *worker) name() string { return fmt.Sprintf("%v %d", w.what.Job, w.number) }
