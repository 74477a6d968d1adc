package sd

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"
)

func TestBarrier(t *testing.T) {
	t.Parallel()
	m := manage(t)
	n, _ := m.notifier()
	n.Status("a")
	n.Status("b") // is not due yet
	done := make(chan error, 1)
	go func() { done <- n.Barrier(t.Context()) }()
	var got []string
	var fds []int
	for len(fds) == 0 {
		var text string
		text, fds = m.await()
		got = append(got, text)
	}
	if want := []string{"STATUS=a", "STATUS=b", "BARRIER=1"}; !slices.Equal(got, want) || len(fds) != 1 {
		t.Errorf("got %q and descriptors %v, want %q and one", got, fds, want)
	}
	select {
	case err := <-done:
		t.Fatalf("returned before the manager was done: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	closeAll(fds)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBarrierOfABusyManager(t *testing.T) {
	t.Parallel()
	m := manage(t)
	n, _ := m.notifier()
	m.overwhelm()
	n.Ready("a")
	done := make(chan error, 1)
	go func() { done <- n.Barrier(t.Context()) }()
	var got []string
	for {
		text, fds := m.await()
		if text != "other" {
			got = append(got, text)
		}
		if closeAll(fds); len(fds) > 0 {
			break
		}
	}
	if want := []string{"READY=1\nSTATUS=a", "BARRIER=1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBarrierGivesUp(t *testing.T) {
	t.Parallel()
	errLate := errors.New("too late")
	for _, c := range []struct {
		name    string
		prepare func(*fakeManager, *Notifier)
		want    error
	}{
		{"the manager does not answer", func(*fakeManager, *Notifier) {}, errLate},
		{"the manager does not read", func(m *fakeManager, _ *Notifier) { m.overwhelm() }, errLate},
		{"the manager is gone", func(m *fakeManager, _ *Notifier) { os.Remove(m.path) }, os.ErrNotExist},
		{"closed", func(_ *fakeManager, n *Notifier) { n.Close() }, os.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := manage(t)
			n, _ := m.notifier()
			c.prepare(m, n)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errLate)
			defer cancel()
			if err := n.Barrier(ctx); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
