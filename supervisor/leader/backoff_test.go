package leader

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackOff(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for failures := range 10 {
		got = append(got, backOff(failures))
	}
	want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := backOff(1 << 30); got != 30*time.Second {
		t.Errorf("after very many failures: %s", got)
	}
}

// bare is a leader that starts nothing: it only keeps time.
func bare() *Leader {
	l := &Leader{events: make(chan event), done: make(chan struct{}), processes: map[int]*process{}}
	l.log.Store(slog.New(slog.DiscardHandler))
	return l
}

// waitRespawn is how long it takes until a replacement is to be started.
func waitRespawn(t *testing.T, l *Leader) time.Duration {
	t.Helper()
	began := time.Now()
	if e := <-l.events; e.kind != respawn {
		t.Fatalf("got event %d", e.kind)
	}
	return time.Since(began)
}

func TestReplacementDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := bare()
		defer close(l.done)
		for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
			l.replace(&process{leader: l, number: i + 1})
			if got := waitRespawn(t, l); got != want {
				t.Errorf("replacement %d after %s, want %s", i+1, got, want)
			}
		}
	})
}

// TestDeathSoonAfterReady: being ready for a moment is no success.
func TestDeathSoonAfterReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := bare()
		defer close(l.done)
		l.failures = 2
		p := &process{leader: l, number: 1, readyAt: time.Now()}
		time.Sleep(soundAfter - time.Millisecond)
		l.replace(p)
		if got, want := waitRespawn(t, l), 2*time.Second; got != want {
			t.Errorf("the replacement comes after %s, want %s", got, want)
		}
		if l.failures != 3 {
			t.Errorf("%d failures are counted, want 3", l.failures)
		}
	})
}

// TestNoRespawnAfterTheEnd: a delay that is under way when Run returns ends
// without anybody to tell.
func TestNoRespawnAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := bare()
		l.replace(&process{leader: l, number: 1})
		close(l.done)
		time.Sleep(time.Minute)
		synctest.Wait() // a goroutine that still waits would fail the test
		if len(l.processes) != 0 {
			t.Error("a process was started")
		}
	})
}
