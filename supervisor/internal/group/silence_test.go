package group

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func silenceRig(t *testing.T) *rig {
	return newRig(t, func(g *site.Group) { g.SocketTimeout = 200 * time.Millisecond })
}

// begin takes a request and sends the head of its response.
func (w *worker) begin(c *client) {
	w.t.Helper()
	w.take(wire.Request)
	w.send(raw(wire.Response, 0, 0, "200 OK", "a"))
	await(w.t, "the head", c.begun)
}

// A process that says nothing more inside a response costs the client that, seen, and
// the log one line; the thread serves on when it has ended all the same.
func TestSilence(t *testing.T) {
	r := silenceRig(t)
	_, w := r.start(1, 1)
	c := r.request("/silent")
	w[0][0].begin(c)
	c.answered(200)
	if !c.aborted {
		t.Error("the response looks complete")
	}
	r.once(abnormal, "cause=socket-timeout", "id/silent", "pid=1001", "head_sent=true")
	next := r.request("/next")
	w[0][0].send(raw(wire.Data, wire.Last, 0, "", "too late"))
	w[0][0].serve()
	if next.answered(200); next.body != "/next" || c.body != "a" {
		t.Errorf("the next request gets %q, the silent one %q", next.body, c.body)
	}
}

// Silence is counted anew from each piece, and after a pause that was the client's.
func TestSilenceIsNotTheWholeResponse(t *testing.T) {
	r := silenceRig(t)
	_, w := r.start(1, 2)
	slow := r.request("/slow", func(c *client) { c.full = true })
	w[0][0].begin(slow)
	steady := r.request("/steady")
	w[0][1].begin(steady)
	for range 4 {
		time.Sleep(100 * time.Millisecond)
		w[0][1].send(raw(wire.Data, 0, 0, "", "b"))
	}
	slow.waiting()
	slow.mu.Lock()
	slow.full = false
	room := slow.room
	slow.mu.Unlock()
	room()
	w[0][0].send(raw(wire.End, 0, 0, "", ""))
	w[0][1].send(raw(wire.End, 0, 0, "", ""))
	if slow.answered(200); slow.aborted {
		t.Error("the response that the client did not read was aborted")
	}
	if steady.answered(200); steady.aborted || steady.body != "abbbb" {
		t.Errorf("aborted: %t, with %q", steady.aborted, steady.body)
	}
}

// A request for whose response nothing has come has request-timeout alone.
func TestNoSilenceBeforeTheHead(t *testing.T) {
	r := silenceRig(t)
	_, w := r.start(1, 1)
	c := r.request("/long")
	w[0][0].take(wire.Request)
	time.Sleep(400 * time.Millisecond)
	c.waiting()
	w[0][0].answer("at last")
	c.answered(200)
}

// A process that has had both times is one line in the log for its request, and is
// replaced all the same.
func TestSilenceThenTimeout(t *testing.T) {
	r := newRig(t, func(g *site.Group) {
		g.SocketTimeout, g.RequestTimeout = 50*time.Millisecond, 300*time.Millisecond
	})
	l, w := r.start(1, 2)
	c := r.request("/both")
	w[0][0].begin(c)
	c.answered(200)
	l.expect(wire.Replace)
	l.tell(wire.Message{Type: wire.Stacks, Process: 1, Text: "Thread 0x1"})
	l.expect(wire.StopProcess)
	r.once(abnormal, "id/both")
	r.once("stacks of a worker process")
}
