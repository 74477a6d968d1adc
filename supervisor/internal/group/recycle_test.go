package group

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// exchange has a request served by the worker.
func (r *rig) exchange(w *worker, path string) {
	r.t.Helper()
	c := r.request(path)
	w.send(timed(pathOf(w.take(wire.Request))))
	c.answered(200)
}

// timed is a whole response that says how long it took, as the program's do.
func timed(body string) []byte {
	b := make([]byte, wire.HeaderSize, 100)
	h := wire.Header{Kind: wire.Response, Flags: wire.Last, Head: 6, Body: uint32(len(body)), P: 10, Q: 20}
	h.Put(b)
	return append(append(b, "200 OK"...), body...)
}

func TestMaximumRequests(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.MaximumRequests = 1, 3 })
	l, w := r.start(1, 1)
	old := w[0][0]
	for range 3 {
		r.exchange(old, "/x")
	}
	if m := l.expect(wire.Replace); m.Process != 1 {
		t.Fatalf("process %d is to be replaced", m.Process)
	}
	// Until the replacement is ready the old process serves on.
	for range 5 {
		r.exchange(old, "/y")
	}
	fresh := l.process(2, 1)[0]
	if m := l.expect(wire.StopProcess); m.Process != 1 || m.Kill {
		t.Errorf("told %+v", m)
	}
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 1, Text: "exit code 0"})
	old.ended()
	for range 3 {
		r.exchange(fresh, "/z")
	}
	if m := l.expect(wire.Replace); m.Process != 2 {
		t.Errorf("process %d is to be replaced", m.Process)
	}
}

// Requests under way finish in the process that is replaced.
func TestRecycleWaitsForRequests(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.MaximumRequests = 1, 1 })
	l, w := r.start(1, 2)
	c := r.request("/first")
	held := r.request("/held")
	f, g := w[0][0].take(wire.Request), w[0][1].take(wire.Request)
	w[0][0].send(timed(pathOf(f)))
	c.answered(200)
	l.expect(wire.Replace)
	fresh := l.process(2, 1)[0]
	eventually(t, "the new process to take over", func() bool {
		r.group.mu.Lock()
		defer r.group.mu.Unlock()
		return r.group.current.processes[1].retiring
	})
	r.exchange(fresh, "/next")
	for {
		select {
		case m := <-l.messages:
			if m.Type == wire.StopProcess {
				t.Fatal("the process is stopped amid a request")
			}
			continue
		case <-time.After(50 * time.Millisecond):
		}
		break
	}
	w[0][1].send(timed(pathOf(g)))
	held.answered(200)
	if m := l.expect(wire.StopProcess); m.Process != 1 {
		t.Errorf("told %+v", m)
	}
}

// A group replaces one process at a time, and all that are due in the end.
func TestRecycleOneAtATime(t *testing.T) {
	r := newRig(t, nil)
	l, _ := r.start(2, 1)
	l.tell(wire.Message{Type: wire.Expired, Process: 2, Text: "cpu-time-limit"})
	l.tell(wire.Message{Type: wire.Expired, Process: 1, Text: "maximum-memory: a lot"})
	if m := l.expect(wire.Replace); m.Process != 2 {
		t.Errorf("process %d is to be replaced", m.Process)
	}
	select {
	case m := <-l.messages:
		t.Fatalf("told %+v amid the replacement of another process", m)
	case <-time.After(50 * time.Millisecond):
	}
	r.status("the reason", func(s Status) bool { return s.Recycling == "cpu-time-limit" && s.Recycled == 0 })
	l.process(3, 1)
	l.expect(wire.StopProcess)
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 2, Text: "exit code 0"})
	if m := l.expect(wire.Replace); m.Process != 1 {
		t.Errorf("process %d is to be replaced", m.Process)
	}
	l.process(4, 1)
	l.expect(wire.StopProcess)
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 1, Text: "exit code 0"})
	r.status("both", func(s Status) bool { return s.Recycling == "" && s.Recycled == 2 && s.Cause == "maximum-memory: a lot" })
}

func TestRestartInterval(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.RestartInterval = 1, 50*time.Millisecond })
	l, _ := r.start(1, 1)
	if m := l.expect(wire.Replace); m.Process != 1 {
		t.Errorf("process %d is to be replaced", m.Process)
	}
}

// While the code does not import, the old process serves on and Status says why.
func TestRecycleSuspended(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes, g.MaximumRequests = 1, 1 })
	l, w := r.start(1, 1)
	r.exchange(w[0][0], "/x")
	l.expect(wire.Replace)
	l.tell(wire.Message{Type: wire.ProcessStarted, Process: 2, PID: 2})
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 2, Text: "SyntaxError"})
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 2, Text: "exit code 1"})
	r.status("the suspension", func(s Status) bool { return s.Suspended == "SyntaxError" })
	r.exchange(w[0][0], "/y")
	l.process(3, 1)
	l.expect(wire.StopProcess)
	r.status("the end of it", func(s Status) bool { return s.Suspended == "" && s.Failure == "" })
}

func TestJitter(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		n := jitter(100)
		if n < 90 || n > 100 {
			t.Fatalf("jitter(100) = %d", n)
		}
		seen[n] = true
	}
	if len(seen) < 5 {
		t.Errorf("jitter gives only %v", seen)
	}
	if jitter(3) != 3 {
		t.Error("a small limit is changed")
	}
}
