package group

import (
	"context"
	"errors"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// roll begins a Roll and returns what comes of it.
func (r *rig) roll() <-chan error {
	done := make(chan error, 1)
	go func() { done <- r.group.Roll(context.Background(), r.group.conf()) }()
	return done
}

func TestRoll(t *testing.T) {
	r := newRig(t, nil)
	l, _ := r.start(2, 1)
	done := r.roll()
	for next := 3; next <= 4; next++ {
		old := l.expect(wire.Replace).Process
		if len(done) > 0 {
			t.Fatal("Roll returns amid it")
		}
		l.process(next, 1)
		if m := l.expect(wire.StopProcess); m.Process != old || m.Kill {
			t.Errorf("told %+v, not to stop process %d", m, old)
		}
		l.tell(wire.Message{Type: wire.ProcessExited, Process: old, Text: "exit code 0"})
	}
	if err := await(t, "the roll", done); err != nil {
		t.Error(err)
	}
	if s := r.group.Status(); s.Processes != 2 || s.Generation != 1 {
		t.Errorf("status %+v", s)
	}
}

// A replacement that cannot be started ends it: what is not replaced serves on.
func TestRollFails(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(2, 1)
	done := r.roll()
	old := l.expect(wire.Replace).Process
	l.tell(wire.Message{Type: wire.ProcessStarted, Process: 3, PID: 3})
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 3, Text: "SyntaxError"})
	var failed *StartError
	if err := await(t, "the roll", done); !errors.As(err, &failed) || failed.Reason != "SyntaxError" {
		t.Errorf("Roll: %v", err)
	}
	first, second := r.request("/x"), r.request("/x")
	w[0][0].serve()
	w[1][0].serve()
	first.answered(200)
	second.answered(200)
	// When the code is mended the leader's next try takes the place that was asked
	// for, and no other process is replaced.
	l.process(4, 1)
	if m := l.expect(wire.StopProcess); m.Process != old {
		t.Errorf("told %+v", m)
	}
	l.tell(wire.Message{Type: wire.ProcessExited, Process: old, Text: "exit code 0"})
	select {
	case m := <-l.messages:
		t.Errorf("told %+v", m)
	default:
	}
}

func TestRollOfNothing(t *testing.T) {
	r := newRig(t, nil)
	if err := await(t, "the roll", r.roll()); err != nil {
		t.Error(err)
	}
}
