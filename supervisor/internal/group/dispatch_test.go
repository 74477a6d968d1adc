package group

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func TestLeastBusyProcessThenLastIdleThread(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(2, 2)
	a := r.request("/a")
	w[0][0].take(wire.Request) // the first thread of the first process
	b := r.request("/b")
	w[1][0].take(wire.Request)
	c := r.request("/c")
	w[0][1].take(wire.Request)
	w[0][1].answer("c")
	c.answered(200)
	w[0][0].answer("a") // idle last
	a.answered(200)
	r.status("two idle threads", func(s Status) bool { return s.Busy == 1 })
	d := r.request("/d")
	w[0][0].serve()
	if d.answered(200).body != "/d" {
		t.Errorf("got %q", d.body)
	}
	w[1][0].answer("b")
	b.answered(200)
	if n := b.x.Note; n.Process != 2 || n.PID != 1002 || n.Generation != 1 || n.Dispatched.IsZero() {
		t.Errorf("note %+v", n)
	}
	eventually(t, "the frames to be recycled", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.recycled == 1 })
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	var clients []*client
	for i := range 5 {
		clients = append(clients, r.request(fmt.Sprint("/", i)))
	}
	if s := r.group.Status(); s.Queued != 4 || s.Busy != 1 || s.Processes != 1 || s.Wanted != 2 || s.Python != "3.13.1" {
		t.Errorf("status %+v", s)
	}
	for i, c := range clients {
		w[0][0].serve()
		if c.answered(200).body != fmt.Sprint("/", i) {
			t.Errorf("request %d got %q", i, c.body)
		}
	}
	if q := clients[4].x.Note.Queued; q <= 0 {
		t.Errorf("queued for %v", q)
	}
}

func TestQueueLimit(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.QueueLimit = 1 })
	_, w := r.start(1, 1)
	first, second := r.request("/1"), r.request("/2")
	third := r.request("/3").answered(503)
	if !strings.Contains(third.fields, "Retry-After: 1\r\n") || !strings.Contains(third.text, "id/3") || third.recycled != 1 {
		t.Errorf("fields %q, text %q, recycled %d times", third.fields, third.text, third.recycled)
	}
	w[0][0].serve()
	first.answered(200)
	w[0][0].serve()
	second.answered(200)
}

func TestQueueTimeout(t *testing.T) {
	const timeout = 100 * time.Millisecond
	r := newRig(t, func(g *site.Group) { g.QueueTimeout = timeout })
	_, w := r.start(1, 1)
	served := r.request("/served")
	began := time.Now()
	first, second := r.request("/1"), r.request("/2")
	first.answered(504)
	second.answered(504)
	if d := time.Since(began); d < timeout || d > timeout+500*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
	r.once(abnormal, "id/1", "cause=queue-timeout")
	w[0][0].serve()
	served.answered(200)
	w[0][0].idle()
}

// Deadlines of a queue to the nanosecond, without processes.
func TestQueueTimeoutIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t}
		g := New(Options{Site: &site.Site{Name: "s"}, Group: &site.Group{Name: "g", QueueLimit: 10, QueueTimeout: time.Minute}, Logger: silent()})
		r.group = g
		began := time.Now()
		first := r.request("/1")
		time.Sleep(30 * time.Second)
		second := r.request("/2")
		<-first.done
		if d := time.Since(began); d != time.Minute {
			t.Errorf("the first was answered after %v", d)
		}
		<-second.done
		if d := time.Since(began); d != 90*time.Second {
			t.Errorf("the second was answered after %v", d)
		}
	})
}

func TestCancel(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	served, cancelled, last := r.request("/served"), r.request("/cancelled"), r.request("/last")
	if !r.group.Cancel(cancelled.x) {
		t.Error("Cancel found nothing")
	}
	await(t, "the end", cancelled.done)
	if !cancelled.aborted || cancelled.recycled != 1 {
		t.Errorf("aborted %v, recycled %d times", cancelled.aborted, cancelled.recycled)
	}
	if r.group.Cancel(cancelled.x) || r.group.Cancel(served.x) {
		t.Error("Cancel found what is not queued")
	}
	w[0][0].serve()
	served.answered(200)
	w[0][0].serve()
	if last.answered(200).body != "/last" {
		t.Errorf("got %q", last.body)
	}
}

func TestGoneWhileQueued(t *testing.T) {
	t.Run("thread comes free", func(t *testing.T) {
		r := newRig(t, nil)
		_, w := r.start(1, 1)
		served := r.request("/served")
		gone := r.request("/gone", func(c *client) { c.gone = true })
		last := r.request("/last")
		w[0][0].serve()
		served.answered(200)
		await(t, "the end", gone.done)
		w[0][0].serve()
		if last.answered(200).body != "/last" || !gone.aborted {
			t.Errorf("got %q", last.body)
		}
	})
	t.Run("process comes up", func(t *testing.T) {
		r := newRig(t, nil)
		r.group.Start()
		l := await(t, "a leader", r.leaders)
		gone := r.request("/gone", func(c *client) { c.gone = true })
		last := r.request("/last")
		w := l.process(1, 1)
		await(t, "the end", gone.done)
		w[0].serve()
		if last.answered(200).body != "/last" || !gone.aborted {
			t.Errorf("got %q", last.body)
		}
	})
}

func TestRequestTimeout(t *testing.T) {
	const timeout = 150 * time.Millisecond
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = timeout })
	l, w := r.start(2, 2)
	l.tell(wire.Message{Type: wire.ThreadIdent, Process: 1, Index: 0, Text: "4660"})
	began := time.Now()
	late := r.request("/late")
	w[0][0].take(wire.Request)
	late.answered(504)
	if d := time.Since(began); d < timeout || d > timeout+500*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
	if m := l.expect(wire.Replace); m.Process != 1 {
		t.Errorf("process %d is replaced", m.Process)
	}
	if m := l.expect(wire.DumpStacks); m.Process != 1 {
		t.Errorf("stacks of process %d are dumped", m.Process)
	}
	// It gets no more requests; the other process does.
	next := r.request("/next")
	w[1][0].serve()
	next.answered(200)
	l.tell(wire.Message{Type: wire.Stacks, Process: 1, Text: "Thread 0x0000000000001234 (most recent call first):\n  File \"app.py\", line 3 in spin\n\nThread 0x0000000000005678:\n  File \"other.py\", line 1\n"})
	if m := l.expect(wire.StopProcess); m.Process != 1 || !m.Kill {
		t.Errorf("stop %+v", m)
	}
	r.once(abnormal, "id/late", "cause=request-timeout", "line 3 in spin", "process=1")
	if r.logged("other.py") != 0 {
		t.Error("the log has the stack of another thread")
	}
	// What the thread says at last goes nowhere.
	w[0][0].answer("too late")
	if late.body != "" {
		t.Errorf("got %q", late.body)
	}
	time.Sleep(dumpTime + 100*time.Millisecond)
	if n := r.logged("stacks of a worker process"); n != 0 {
		t.Errorf("%d log lines about stacks that nobody wrote", n)
	}
}

func TestTimeoutAfterTheHead(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = 100 * time.Millisecond })
	l, w := r.start(1, 2)
	late := r.request("/late")
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.Response, 0, 0, "200 OK", "part"))
	await(t, "the end", late.done)
	if !late.aborted || late.status != 200 {
		t.Errorf("aborted %v, status %d", late.aborted, late.status)
	}
	l.expect(wire.Replace)
	r.once(abnormal, "id/late", "head_sent=true")
}

// A request that ends just before its time is over costs its process nothing.
func TestNoTimeoutForOneThatHasEnded(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = time.Hour })
	r.endsInTime(r.group.expire, wire.Replace)
}

// endsInTime has act, which is for a request whose time is over, come when it has ended
// and the thread has the next one. Nothing is to happen to that, and the leader is not to be
// told of it.
func (r *rig) endsInTime(act func(*thread, time.Time), told wire.MessageType) {
	t := r.t
	t.Helper()
	l, w := r.start(1, 1)
	first := r.request("/1")
	w[0][0].take(wire.Request)
	r.group.mu.Lock()
	late, _ := r.group.overdueLocked(time.Now().Add(2 * time.Hour))
	r.group.mu.Unlock()
	if len(late) != 1 {
		t.Fatalf("%d requests are overdue", len(late))
	}
	w[0][0].answer("in time")
	first.answered(200)
	second := r.request("/2")
	w[0][0].take(wire.Request)
	act(late[0].thread, late[0].began)
	second.waiting()
	w[0][0].answer("2")
	second.answered(200)
	r.group.Stop(t.Context())
	for m := range l.messages {
		if m.Type == told || m.Type == wire.DumpStacks {
			t.Errorf("the leader was told %+v", m)
		}
	}
}

// The late answer of a thread that was given up on, in more than one piece, is
// passed over whole, and no part of it read as another frame.
func TestLateAnswerInPieces(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = 50 * time.Millisecond })
	l, w := r.start(1, 2)
	late := r.request("/late")
	w[0][0].take(wire.Request)
	late.answered(504)
	l.expect(wire.DumpStacks)
	answer := raw(wire.Response, wire.Last, 0, "200 OK", strings.Repeat("x", 100_000))
	w[0][0].send(answer[:50])
	time.Sleep(5 * time.Millisecond)
	w[0][0].send(answer[50:60_000])
	time.Sleep(5 * time.Millisecond)
	w[0][0].send(answer[60_000:])
	r.status("the thread to be free", func(s Status) bool { return s.Busy == 0 })
	if r.logged("broke the rules") != 0 {
		t.Error("a late answer was taken for a broken frame")
	}
}
