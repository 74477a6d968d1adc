package loop

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const soon = 5 * time.Second

// recorder is a Handler that hands its events over.
type recorder chan Event

func (r recorder) Ready(e Event) { r <- e }

func start(t *testing.T) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// pair makes two connected sockets; the test's end closes with the test.
func pair(t *testing.T) (watched, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func expect(t *testing.T, events recorder, what string) Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(soon):
		t.Fatalf("no event within %v: %s", soon, what)
		return 0
	}
}

// flush waits until the loop has handled all that happened before.
func flush(t *testing.T, l *Loop) {
	t.Helper()
	for range 2 { // a posted call may run in the round that was under way
		done := make(chan struct{})
		l.Post(func() { close(done) })
		select {
		case <-done:
		case <-time.After(soon):
			t.Fatal("a posted call was not made")
		}
	}
}

func (r recorder) none(t *testing.T, what string) {
	t.Helper()
	select {
	case e := <-r:
		t.Fatalf("event %#x: %s", e, what)
	default:
	}
}

func send(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func TestReading(t *testing.T) {
	t.Parallel()
	l := start(t)
	watched, far := pair(t)
	events := make(recorder, 16)
	if _, err := l.Add(watched, Reading, events); err != nil {
		t.Fatal(err)
	}
	send(t, far)
	if e := expect(t, events, "a byte"); !e.Readable() || e.Writable() || e.HungUp() {
		t.Errorf("event %#x for a byte", e)
	}
	flush(t, l)
	events.none(t, "input that is left unread is not reported again")
	send(t, far)
	expect(t, events, "a second byte")
	// A peer that reads makes room, which nobody asked about.
	if _, err := unix.Write(watched, make([]byte, 1<<12)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Read(far, make([]byte, 1<<12)); err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	events.none(t, "room for output was not asked about")
	if err := unix.Shutdown(far, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if e := expect(t, events, "the end of input"); !e.HungUp() || !e.Readable() {
		t.Errorf("event %#x for the end of input", e)
	}
}

func TestWatchReportsWhatIsThere(t *testing.T) {
	t.Parallel()
	l := start(t)
	watched, _ := pair(t)
	events := make(recorder, 16)
	s, err := l.Add(watched, Reading, events)
	if err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	events.none(t, "nothing to read")
	if err := s.Watch(Both); err != nil {
		t.Fatal(err)
	}
	if e := expect(t, events, "room that was there before"); !e.Writable() {
		t.Errorf("event %#x for room", e)
	}
}

// TestRemove: a descriptor that was closed and is in use again does not reach
// the handler of the old one.
func TestRemove(t *testing.T) {
	t.Parallel()
	l := start(t)
	watched, far := pair(t)
	old := make(recorder, 16)
	s, err := l.Add(watched, Reading, old)
	if err != nil {
		t.Fatal(err)
	}
	send(t, far)
	expect(t, old, "a byte")
	// Both in the loop's goroutine: an event for the old source may be fetched
	// in the same batch.
	next, nextFar := pair(t)
	fresh := make(recorder, 16)
	added := make(chan error, 1)
	l.Post(func() {
		send(t, far)
		s.Remove()
		if err := unix.Dup3(next, watched, unix.O_CLOEXEC); err != nil {
			added <- err
			return
		}
		_, err := l.Add(watched, Reading, fresh)
		added <- err
	})
	if err := <-added; err != nil {
		t.Fatal(err)
	}
	send(t, nextFar)
	expect(t, fresh, "a byte for the new source")
	flush(t, l)
	old.none(t, "the old source was removed")
}

func TestPost(t *testing.T) {
	t.Parallel()
	l := start(t)
	const each, posters = 1000, 4
	var mu sync.Mutex
	last := map[int]int{}
	var wait sync.WaitGroup
	wait.Add(posters)
	for poster := range posters {
		go func() {
			for i := range each {
				l.Post(func() {
					mu.Lock()
					defer mu.Unlock()
					if last[poster] != i {
						t.Errorf("call %d of poster %d came after %d others", i, poster, last[poster])
					}
					if last[poster]++; last[poster] == each {
						wait.Done()
					}
				})
			}
		}()
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(soon):
		t.Fatalf("calls were lost: %v of %d each", last, each)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	watched, far := pair(t)
	events := make(recorder, 16)
	if _, err := l.Add(watched, Reading, events); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Close() // a second time does nothing
	l.Post(func() { t.Error("a call was made after Close") })
	send(t, far)
	if _, err := l.Add(far, Reading, events); err == nil {
		t.Error("a closed loop took a descriptor")
	}
	events.none(t, "the loop is closed")
}

// A loop waits without end unless events have come time and again.
func TestSchedulerTurn(t *testing.T) {
	t.Parallel()
	const short, without = 8, -1
	var turn schedulerTurn
	now := time.Now()
	for _, step := range []struct {
		what   string
		passed time.Duration
		events bool
		want   int
	}{
		{"nothing has come yet", time.Hour, false, without},
		{"the first event", time.Hour, true, without},
		{"the next one, after a while", briskTime, true, without},
		{"one soon after it", briskTime - 1, true, short},
		{"nothing so far", briskTime - 1, false, short},
		{"nothing any more", 1, false, without},
		{"one after a pause", time.Second, true, without},
		{"one at once", 0, true, short},
		{"one after a long wait", briskTime, true, without},
	} {
		now = now.Add(step.passed)
		if got := turn.keep(now, step.events); got != step.want {
			t.Errorf("%s: waits for %d ms, not %d", step.what, got, step.want)
		}
	}
}
