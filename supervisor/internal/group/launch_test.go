package group

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// slotLauncher plays systemd: the socket of a slot whose leader has just ended is
// cleared, so connections to it end at once.
type slotLauncher struct {
	*rig
	clearing atomic.Int64 // connections yet to be cleared
	greeting []wire.Message
}

func (s *slotLauncher) Launch(ctx context.Context, group, slot string) (*net.UnixConn, error) {
	if s.clearing.Add(-1) >= 0 {
		ours, theirs := pair(s.t)
		return theirs, ours.Close()
	}
	r := s.rig
	r.mu.Lock()
	r.hello = wire.Message{}
	if len(s.greeting) > 0 {
		r.hello, s.greeting = s.greeting[0], s.greeting[1:]
	}
	r.mu.Unlock()
	return r.Launch(ctx, group, slot)
}

func slotRig(t *testing.T) (*rig, *slotLauncher) {
	t.Helper()
	r := newRig(t, nil)
	s := &slotLauncher{rig: r}
	r.group.options.Launcher = s
	r.group.options.Unit = func(group, slot string) string { return "wsgi-x:" + group + "@" + slot + ".service" }
	return r, s
}

// A leader is met although systemd is still clearing up after the last one, and
// nobody hears of it.
func TestSlotThatIsBeingCleared(t *testing.T) {
	r, systemd := slotRig(t)
	systemd.clearing.Store(3)
	queued := r.request("/early")
	_, w := r.start(1, 1)
	w[0][0].serve()
	queued.answered(200)
	systemd.clearing.Store(3)
	reloaded := make(chan error, 1)
	go func() { reloaded <- r.group.Reload(t.Context()) }()
	l := await(t, "the next leader", r.leaders)
	l.process(1, 1)
	l.tell(wire.Message{Type: wire.GroupReady})
	if err := await(t, "the reload", reloaded); err != nil {
		t.Error(err)
	}
	if n := r.logged("cannot start"); n > 0 {
		t.Errorf("%d failures are logged", n)
	}
	// A slot that stays so is a failure.
	systemd.clearing.Store(1000)
	if err := r.group.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "ended before it answered") {
		t.Errorf("got %v", err)
	}
	if tries := 1000 - systemd.clearing.Load(); tries > 10 {
		t.Errorf("%d tries", tries)
	}
}

// A reload serves what the application is now: a leader that has processes already
// is not the one.
func TestReloadIntoASlotThatHasProcesses(t *testing.T) {
	for name, left := range map[string]wire.Message{
		"of another supervisor": {Generation: 7, Process: 3},
		"started by hand":       {Process: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, systemd := slotRig(t)
			r.start(1, 1)
			systemd.greeting = []wire.Message{left}
			reloaded := make(chan error, 1)
			go func() { reloaded <- r.group.Reload(t.Context()) }()
			old := await(t, "the leader that was left", r.leaders)
			old.expect(wire.Attach) // without it, it takes no other message
			old.expect(wire.Shutdown)
			l := await(t, "another leader", r.leaders)
			if old.slot != "b" || l.slot != "b" {
				t.Errorf("in slots %s and %s", old.slot, l.slot)
			}
			l.process(1, 1)
			l.tell(wire.Message{Type: wire.GroupReady})
			if err := await(t, "the reload", reloaded); err != nil {
				t.Error(err)
			}
		})
	}
}

// A supervisor goes on with the leader that was left, unless that knows other scripts
// of access control than the site file has by now.
func TestStartWithOtherAccessScripts(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		kept bool
	}{
		"the same":   {"allow_access\t/srv/hosts.wsgi", true},
		"another":    {"allow_access\t/srv/old.wsgi", false},
		"none":       {"", false},
		"one of two": {"allow_access\t/srv/hosts.wsgi\ncheck_password\t/srv/users.wsgi", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, systemd := slotRig(t)
			r.group.options.Site.Mounts = []*site.Mount{{Path: "/", Group: "main", Policy: site.Policy{Access: site.Access{Script: "/srv/hosts.wsgi"}}}}
			systemd.greeting = []wire.Message{{Process: 3, Generation: 7, Text: test.text}}
			queued := r.request("/x")
			r.group.Start()
			l := await(t, "the leader that was left", r.leaders)
			l.expect(wire.Attach)
			number := 3
			if !test.kept {
				l.expect(wire.Shutdown)
				l, number = await(t, "another leader", r.leaders), 1
			}
			l.process(number, 1)[0].serve()
			queued.answered(200)
		})
	}
}

// A group for which no leader was left takes none that somebody has started: not the
// successor of a supervisor, and not a request that wakes the group.
func TestStartInASlotThatHasProcesses(t *testing.T) {
	stale := wire.Message{Process: 1}
	next := func(t *testing.T, r *rig, slot string) {
		t.Helper()
		old := await(t, "the leader that was left", r.leaders)
		old.expect(wire.Attach)
		old.expect(wire.Shutdown)
		l := await(t, "another leader", r.leaders)
		if old.slot != slot || l.slot != slot {
			t.Errorf("in slots %s and %s, not %s", old.slot, l.slot, slot)
		}
		l.process(1, 1)[0].serve()
	}
	t.Run("beside another supervisor", func(t *testing.T) {
		r, systemd := slotRig(t)
		r.group.options.Fresh, r.group.options.Slot, r.group.options.Generation = true, "b", 4
		systemd.greeting = []wire.Message{stale}
		queued := r.request("/x")
		r.group.Start()
		next(t, r, "b")
		queued.answered(200)
		r.status("the next generation", func(s Status) bool { return s.Generation == 5 && s.Slot == "b" })
	})
	t.Run("awake again", func(t *testing.T) {
		r, systemd := slotRig(t)
		r.group.conf().InactivityTimeout = time.Millisecond
		r.start(1, 1)
		r.status("sleep", func(s Status) bool { return s.Asleep })
		systemd.greeting = []wire.Message{stale}
		woken := r.request("/x")
		next(t, r, "b")
		woken.answered(200)
	})
}

// While the first leader is tried in slot b, a reload is not to get into its way.
func TestReloadBesideTheFirstTry(t *testing.T) {
	r, _ := slotRig(t)
	r.group.options.Slot, r.group.options.Generation = "b", 3
	r.mu.Lock()
	r.refuse = func() error { return errors.New("no such socket") }
	r.mu.Unlock()
	r.group.Start()
	if err := r.group.WaitReady(t.Context()); err == nil {
		t.Fatal("a leader that is refused is ready")
	}
	if slot := r.group.freeSlot(); slot != "a" {
		t.Errorf("slot %s", slot)
	}
}

// A request that ends while the group is released does not cost the process that
// had it: another supervisor is to find it.
func TestReleaseKeepsEveryProcess(t *testing.T) {
	for range 300 {
		r := newRig(t, nil)
		l, w := r.start(1, 1)
		c := r.request("/x")
		f := w[0][0].take(wire.Request)
		// Before, while or after the connections are closed.
		go func() { _, _ = w[0][0].stream.Write(raw(wire.Response, wire.Last, 0, "200 OK", pathOf(f))) }()
		released := make(chan struct{})
		go func() { r.group.Release(context.Background()); close(released) }()
		await(t, "the release", released)
		await(t, "an answer", c.done)
		for m := range l.messages {
			if m.Type == wire.StopProcess || m.Type == wire.Shutdown {
				t.Fatalf("the leader is told %s", m.Type)
			}
		}
		r.stop()
	}
}

// What keeps leaders from starting is logged once, however often it is tried, and so
// is the end of it.
func TestFailuresAreLoggedOnce(t *testing.T) {
	r, systemd := slotRig(t)
	r.group.Start()
	for range 2 {
		l := await(t, "a leader", r.leaders)
		l.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "Traceback\nValueError: no\n"})
		l.control.Close()
	}
	systemd.clearing.Store(4) // the third try fails otherwise
	l := await(t, "a leader", r.leaders)
	r.once("cannot start the application: ValueError: no", "journalctl -u 'wsgi-x:main@a.service'")
	r.once("cannot start the leader: the leader ended before it answered", "journalctl -u 'wsgi-x:main@a.service'")
	l.process(1, 1)
	r.status("the process", func(s Status) bool { return s.Processes == 1 && s.Failure == "" })
	r.once("started after earlier failures")
}

// mute plays a leader that is started and says nothing.
type mute struct {
	*rig
	silent atomic.Bool
}

func (m *mute) Launch(ctx context.Context, group, slot string) (*net.UnixConn, error) {
	if !m.silent.Load() {
		return m.rig.Launch(ctx, group, slot)
	}
	ours, theirs := pair(m.t)
	m.t.Cleanup(func() { ours.Close() })
	return theirs, nil
}

// A leader that does not answer within connect-timeout is given up: those who wait
// get 503, and the next try succeeds.
func TestConnectTimeout(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.ConnectTimeout = 100 * time.Millisecond })
	m := &mute{rig: r}
	m.silent.Store(true)
	r.group.options.Launcher = m
	waiting := r.request("/early")
	r.group.Start()
	waiting.answered(503)
	r.once("cannot start the leader: the leader does not answer within connect-timeout")
	m.silent.Store(false)
	l := await(t, "a leader", r.leaders)
	w := l.process(1, 1)
	r.status("the process", func(s Status) bool { return s.Processes == 1 && s.Failure == "" })
	next := r.request("/next")
	w[0].serve()
	next.answered(200)
}
