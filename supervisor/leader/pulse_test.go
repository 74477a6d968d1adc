package leader

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// stuck holds the interpreter's lock in C, where no other thread gets it.
const stuck = `
import ctypes, os, time
hold = ctypes.PyDLL(None).sleep
def hold_the_lock():
    hold(60)
def compute(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
def application(environ, start_response):
    {'hold': hold_the_lock, 'compute': lambda: compute(2), '': int}[environ.get('QUERY_STRING', '')]()
    start_response('200 OK', [])
    return [str(os.getpid()).encode()]
`

func TestDeadlock(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"direct", "service", "orphan"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			change := func(o *Options) { o.Group.DeadlockTimeout, o.Group.Threads = 800*time.Millisecond, 2 }
			var r *rig
			if how == "direct" {
				r = lead(t, stuck, change)
			} else {
				r = serve(t, stuck, change)
				r.attach(1)
			}
			threads, pid := r.ready(1)
			began := time.Now()
			threads[0].requestFor("QUERY_STRING\x00hold\x00")
			if how == "orphan" {
				r.die()
			} else {
				const want = "no answer within deadlock-timeout (800ms), signal 9 (killed)"
				if m := r.expectOf(wire.ProcessExited, 1); m.Text != want || m.PID != pid {
					t.Errorf("got %+v, want %q", m, want)
				}
			}
			r.log.wait(t, "does not answer; ending it")
			if took := time.Since(began); took < 700*time.Millisecond {
				t.Errorf("it was given up after %s", took)
			}
			stacks := r.log.wait(t, "in hold_the_lock")
			if !strings.HasPrefix(stacks, "ERROR stacks of a worker process\n") || !strings.Contains(stacks, fmt.Sprint("pid=", pid)) {
				t.Errorf("logged: %s", stacks)
			}
			if how == "orphan" {
				r.log.wait(t, "no answer within deadlock-timeout (800ms), signal 9")
				r.attach(2)
			}
			threads, _ = r.ready(2)
			threads[0].get("")
		})
	}
}

// TestComputing: a process that computes is no deadlock, and without
// deadlock-timeout nothing is.
func TestComputing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query   string
		timeout time.Duration
	}{{"compute", time.Second}, {"hold", 0}} {
		t.Run(c.query, func(t *testing.T) {
			t.Parallel()
			r := lead(t, stuck, func(o *Options) { o.Group.DeadlockTimeout = c.timeout })
			threads, _ := r.ready(1)
			threads[0].requestFor("QUERY_STRING\x00" + c.query + "\x00")
			time.Sleep(1900 * time.Millisecond)
			if m, ok := r.within(0); ok && m.Type != wire.GroupReady && m.Type != wire.ThreadIdent {
				t.Errorf("the leader says %+v", m)
			}
			if records := r.log.with("ERROR "); len(records) != 0 {
				t.Errorf("logged: %s", records)
			}
			r.tell(wire.Message{Type: wire.Shutdown, Kill: true})
		})
	}
}

// gate is a log handler that blocks on one record until it is opened.
type gate struct {
	slog.Handler
	reached, open chan struct{}
}

func (g gate) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "block the leader" {
		close(g.reached)
		<-g.open
	}
	return g.Handler.Handle(ctx, record)
}

func (g gate) WithAttrs(attrs []slog.Attr) slog.Handler {
	return gate{g.Handler.WithAttrs(attrs), g.reached, g.open}
}

// TestWatchdog: it is fed as long as the leader's loop turns, and not while it
// does not.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	g := gate{reached: make(chan struct{}), open: make(chan struct{})}
	r := serve(t, `
def application(environ, start_response):
    start_response('200 OK', [])
    print('block the leader', file=environ['wsgi.errors'])
    return [b'']
`, func(o *Options) {
		o.Watchdog, o.Group.DeadlockTimeout = 150*time.Millisecond, 10*time.Second
		g.Handler = o.Logger.Handler()
		o.Logger = slog.New(g)
	})
	r.attach(1)
	threads, _ := r.ready(1)
	r.system.wait("WATCHDOG=1", 5)
	threads[0].request([]byte{})
	<-g.reached
	time.Sleep(100 * time.Millisecond) // what was sent is heard
	before := r.system.count("WATCHDOG=1")
	time.Sleep(time.Second)
	if after := r.system.count("WATCHDOG=1"); after != before {
		t.Errorf("the watchdog was fed %d times by a leader that hangs", after-before)
	}
	close(g.open)
	r.system.wait("WATCHDOG=1", before+5)
}

// TestFresh: the watchdog is not fed for a leader that leaves an overdue process
// alone.
func TestFresh(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name   string
		period time.Duration
		p      process
		want   bool
	}{
		{"answers", time.Second, process{readyAt: now}, true},
		{"was asked", time.Second, process{readyAt: now, missed: 1}, true},
		{"just in time", time.Second, process{readyAt: now, missed: 4}, true},
		{"overdue", time.Second, process{readyAt: now, missed: 5}, false},
		{"is being ended", time.Second, process{readyAt: now, missed: 5, cause: "deadlock"}, true},
		{"stops", time.Second, process{readyAt: now, missed: 5, stopped: true}, true},
		{"imports", time.Second, process{missed: 5}, true},
		{"is not asked", 0, process{readyAt: now, missed: 5}, true},
	} {
		l := bare()
		l.options.Group = newGroup()
		l.options.Group.DeadlockTimeout = 4 * time.Second
		l.pulse.ping.period = c.period
		l.processes[1] = &c.p
		if got := l.fresh(); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestPingPeriod(t *testing.T) {
	t.Parallel()
	for deadlock, want := range map[time.Duration]time.Duration{
		0: 0, time.Millisecond: 10 * time.Millisecond, time.Second: 250 * time.Millisecond,
		time.Minute: 15 * time.Second, 300 * time.Second: 30 * time.Second,
	} {
		if got := pingPeriod(deadlock); got != want {
			t.Errorf("%s: got %s, want %s", deadlock, got, want)
		}
	}
}

// TestRestsWhenIdle: tasks with periods near to each other wake the leader
// together.
func TestRestsWhenIdle(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var feed, ping beat
	feed.every(10*time.Second, now)
	ping.every(30*time.Second, now)
	wakes := 0
	for end := now.Add(10 * time.Minute); now.Before(end); wakes++ {
		now = feed.next
		if ping.next.Before(now) {
			now = ping.next
		}
		now = now.Add(3 * time.Millisecond) // timers are late
		feed.due(now)
		ping.due(now)
	}
	if wakes > 61 {
		t.Errorf("%d wakes in 10 minutes, want 61", wakes)
	}
}
