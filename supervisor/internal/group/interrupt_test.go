package group

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// interrupting starts a group of one process whose first request has had its time.
func interrupting(t *testing.T, patience time.Duration) (r *rig, l *leader, w []*worker) {
	t.Helper()
	r = newRig(t, func(g *site.Group) { g.RequestTimeout, g.InterruptTimeout = 100*time.Millisecond, patience })
	l, all := r.start(1, 1)
	w = all[0]
	late := r.request("/late")
	w[0].take(wire.Request)
	late.answered(504)
	if m := l.expect(wire.DumpStacks); m.Process != 1 {
		t.Errorf("stacks of process %d are dumped", m.Process)
	}
	if m := l.expect(wire.Interrupt); m.Process != 1 || m.Index != 0 || m.Text != "id/late" {
		t.Errorf("the leader is told %+v", m)
	}
	return r, l, w
}

// TestInterrupt: the thread gets its next request on its next connection, however
// its last one has ended, and the process stays.
func TestInterrupt(t *testing.T) {
	for name, last := range map[string][][]byte{
		"failure":          {raw(wire.Failed, wire.Last, 504, "mod_wsgi.RequestTimeout", "")},
		"answer":           {raw(wire.Response, wire.Last, 0, "200 OK", "late")},
		"answer, failure":  {raw(wire.Response, wire.Last, 0, "200 OK", "late"), raw(wire.Failed, wire.Last, 504, "", "")},
		"part of a frame":  {raw(wire.Response, 0, 0, "200 OK", "late")[:20]},
		"a frame in a gap": {raw(wire.Response, 0, 0, "200 OK", "late")[:24], raw(wire.Failed, wire.Last, 504, "", "")},
		"nothing":          {{}},
	} {
		t.Run(name, func(t *testing.T) {
			r, l, w := interrupting(t, 300*time.Millisecond)
			next := r.request("/next")
			w[0].send(last...)
			w[0].idle()
			next.waiting()
			w[0].close()
			l.offer(1, 0, 1)[0].serve()
			next.answered(200)
			time.Sleep(400 * time.Millisecond) // until there is no patience any more
			r.group.Stop(t.Context())
			for m := range l.messages {
				if m.Type == wire.Replace || m.Type == wire.StopProcess {
					t.Errorf("the leader was told %+v", m)
				}
			}
			r.once(abnormal, "id/late", "cause=request-timeout")
		})
	}
}

// TestInterruptWithoutEffect: a thread that does not come back costs its process.
func TestInterruptWithoutEffect(t *testing.T) {
	for name, last := range map[string][]byte{
		"nothing": {},
		"answer":  raw(wire.Response, wire.Last, 0, "200 OK", "late"),
	} {
		t.Run(name, func(t *testing.T) {
			_, l, w := interrupting(t, 200*time.Millisecond)
			w[0].send(last)
			w[0].idle()
			if m := l.expect(wire.Replace); m.Process != 1 {
				t.Errorf("process %d is replaced", m.Process)
			}
			if m := l.expect(wire.StopProcess); m.Process != 1 || !m.Kill {
				t.Errorf("stop %+v", m)
			}
		})
	}
}

// TestInterruptSparesTheNext: a request that has ended when its interrupt is due is
// not interrupted, and neither is the thread's next one.
func TestInterruptSparesTheNext(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout, g.InterruptTimeout = time.Hour, time.Hour })
	r.endsInTime(r.group.interrupt, wire.Interrupt)
}

// TestApplicationRaisesRequestTimeout: the status is that of mod_wsgi.
func TestApplicationRaisesRequestTimeout(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	x := r.request("/gives-up")
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.Failed, wire.Last, 504, "mod_wsgi.RequestTimeout: enough", ""))
	x.answered(504)
	r.once(abnormal, "id/gives-up", "mod_wsgi.RequestTimeout: enough")
	again := r.request("/again")
	w[0][0].serve()
	again.answered(200)
}
