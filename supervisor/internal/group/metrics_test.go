package group

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// TestMetrics: a process that asks hears about the whole group, and as often as it
// asks only what is not older than metricsAge.
func TestMetrics(t *testing.T) {
	r := newRig(t, nil)
	r.group.options.Site.ServerMetrics = true
	l, w := r.start(2, 2)
	for range 3 {
		x := r.request("/done")
		w[0][0].serve()
		x.answered(200)
	}
	running := r.request("/running")
	w[0][0].take(wire.Request)
	ask := func(process, number int) groupMetrics {
		t.Helper()
		l.tell(wire.Message{Type: wire.Metrics, Process: process, Index: number})
		m := l.expect(wire.Metrics)
		if m.Process != process || m.Index != number {
			t.Errorf("the answer is for %d and %d", m.Process, m.Index)
		}
		var seen groupMetrics
		if err := json.Unmarshal([]byte(m.Text), &seen); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	seen := ask(2, 7)
	if seen.Processes != 2 || seen.Threads != 2 || seen.Generation != 1 || len(seen.Each) != 2 || len(seen.Each[0].Workers) != 2 {
		t.Fatalf("got %+v", seen)
	}
	first, other := seen.Each[0].Workers[0], seen.Each[1].Workers[1]
	if first.Status != "W" || first.Requests != 3 || first.Start < first.Stop-1 || first.LastUsed == 0 || first.Request == "" {
		t.Errorf("the thread at work: %+v", first)
	}
	if other.Status != "_" || other.Requests != 0 || other.LastUsed != 0 || other.Request != "" {
		t.Errorf("a thread that was never used: %+v", other)
	}
	w[0][0].answer("done")
	running.answered(200)
	if again := ask(1, 8); again.Now != seen.Now && again.Now-seen.Now < metricsAge.Seconds() {
		t.Errorf("figures were made again after %v", again.Now-seen.Now)
	}
	time.Sleep(2 * metricsAge)
	if later := ask(1, 9); later.Each[0].Workers[0].Requests != 4 || later.Each[0].Workers[0].Status != "_" {
		t.Errorf("later: %+v", later)
	}
}

// TestMetricsAreOff: a site file without the key keeps them.
func TestMetricsAreOff(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 1)
	l.tell(wire.Message{Type: wire.Metrics, Process: 1, Index: 1})
	x := r.request("/")
	w[0][0].serve()
	x.answered(200)
	r.group.Stop(t.Context())
	for m := range l.messages {
		if m.Type == wire.Metrics {
			t.Errorf("told %q", m.Text)
		}
	}
}
