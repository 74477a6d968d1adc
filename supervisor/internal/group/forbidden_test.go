package group

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// TestForbiddenAtTheStart: a script of another owner is answered 403, not 503, until
// it can be started.
func TestForbiddenAtTheStart(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.Processes = 1 })
	r.group.Start()
	l := await(t, "a leader", r.leaders)
	early := r.request("/early")
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "it is bob's", Status: 403})
	early.answered(403)
	r.request("/1").answered(403)
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 2, Text: "SyntaxError"})
	for limit := time.Now().Add(within); ; {
		x := r.request("/2")
		await(t, "the answer", x.done)
		if x.status == 503 {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("another failure is answered 403")
		}
	}
	w := l.process(3, 2)
	l.tell(wire.Message{Type: wire.GroupReady})
	for limit := time.Now().Add(within); r.group.Status().Processes == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("no process is ready")
		}
	}
	served := r.request("/3")
	w[0].serve()
	served.answered(200)
}

// TestForbiddenLater: nothing begins any more, what is under way ends, and the word
// can be taken back.
func TestForbiddenLater(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 1)
	running := r.request("/running")
	w[0][0].take(wire.Request)
	queued := r.request("/queued")
	l.tell(wire.Message{Type: wire.Forbidden, Text: "it is bob's"})
	queued.answered(403)
	r.request("/refused").answered(403)
	w[0][0].answer("done")
	running.answered(200)
	r.once("the script may not be executed; requests are answered 403: it is bob's")
	l.tell(wire.Message{Type: wire.Forbidden})
	go func() {
		if f, err := w[0][0].receive(); err == nil && f.Kind == wire.Request {
			w[0][0].answer("again")
		}
	}()
	for limit := time.Now().Add(within); ; {
		x := r.request("/again")
		await(t, "the answer", x.done)
		if x.status == 200 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("status %d", x.status)
		}
	}
}
