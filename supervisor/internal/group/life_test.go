package group

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// isShutDown fails the test unless the leader is told to end.
func (l *leader) isShutDown() {
	l.rig.t.Helper()
	l.expect(wire.Shutdown)
}

func TestInactivity(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.InactivityTimeout = 100 * time.Millisecond })
	first, w := r.start(1, 1)
	// A request under way counts as activity however long it takes.
	slow := r.request("/slow")
	f := w[0][0].take(wire.Request)
	time.Sleep(250 * time.Millisecond)
	if s := r.group.Status(); s.Asleep {
		t.Fatalf("the group sleeps amid a request: %+v", s)
	}
	w[0][0].answer(pathOf(f))
	slow.answered(200)
	first.isShutDown()
	r.status("sleep", func(s Status) bool { return s.Asleep && s.Processes == 0 && s.Failure == "" })
	// The next request waits for the processes, and does not fail.
	c := r.request("/awake")
	second := await(t, "another leader", r.leaders)
	if second.slot != "b" {
		t.Errorf("woke up in slot %s, where the old leader may still be ending", second.slot)
	}
	second.process(1, 1)[0].serve()
	if c.answered(200).body != "/awake" {
		t.Errorf("got %q", c.body)
	}
	second.tell(wire.Message{Type: wire.GroupReady})
	second.isShutDown() // sleeps again
}

func TestReloadOfAGroupThatSleeps(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.InactivityTimeout = 50 * time.Millisecond })
	first, _ := r.start(1, 1)
	first.isShutDown()
	r.status("sleep", func(s Status) bool { return s.Asleep })
	done := make(chan error, 1)
	go func() { done <- r.group.Reload(t.Context()) }()
	l := await(t, "a leader", r.leaders)
	l.process(1, 1)
	l.tell(wire.Message{Type: wire.GroupReady})
	if err := await(t, "the reload", done); err != nil {
		t.Fatal(err)
	}
	l.isShutDown() // and it sleeps again without a request
}

// A supervisor that takes over from another finds the leader as it was.
func TestAttachToServingLeader(t *testing.T) {
	for _, c := range []struct {
		name                 string
		served, want         int
		wantSlot, wantedNext string
	}{
		{"leader has served on", 7, 7, "b", "a"},
		{"leader is a new one", 0, 8, "b", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.hello.Generation = c.served
			r.group.options.Slot, r.group.options.Generation = "b", 7
			type installed struct {
				slot       string
				generation int
			}
			said := make(chan installed, 10)
			r.group.options.Installed = func(_ string, at Where) { said <- installed{at.Slot, at.Generation} }
			l, w := r.start(1, 1)
			if m := l.expect(wire.Attach); m.Generation != c.want {
				t.Errorf("attached as generation %d, want %d", m.Generation, c.want)
			}
			if got := await(t, "the note", said); got != (installed{c.wantSlot, c.want}) {
				t.Errorf("noted %+v", got)
			}
			request := r.request("/x")
			w[0][0].serve()
			if request.answered(200).x.Note.Generation != c.want {
				t.Errorf("served by generation %d", request.x.Note.Generation)
			}
			r.mu.Lock()
			r.hello.Generation = 0
			r.mu.Unlock()
			go func() { _ = r.group.Reload(context.Background()) }()
			next := await(t, "the next leader", r.leaders)
			if m := next.expect(wire.Attach); m.Generation != c.want+1 || next.slot != c.wantedNext {
				t.Errorf("the next is generation %d in slot %s", m.Generation, next.slot)
			}
			next.process(1, 1)
			next.tell(wire.Message{Type: wire.GroupReady})
			l.expect(wire.Retire)
			l.isShutDown()
		})
	}
}

// Release leaves the current leader to the next supervisor, and no other.
func TestRelease(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.GracefulTimeout = time.Hour })
	old, w := r.start(1, 1)
	held := r.request("/held") // keeps the old generation draining
	w[0][0].take(wire.Request)
	go func() { _ = r.group.Reload(context.Background()) }()
	current := await(t, "the next leader", r.leaders)
	threads := current.process(1, 1)
	current.tell(wire.Message{Type: wire.GroupReady})
	r.status("the swap", func(s Status) bool { return s.Generation == 2 && s.Draining == 1 })
	released := make(chan struct{})
	go func() { r.group.Release(context.Background()); close(released) }()
	held.answered(503)
	old.isShutDown()
	await(t, "the release", released)
	threads[0].ended()
	for m := range current.messages {
		if m.Type == wire.Shutdown {
			t.Error("the leader that should stay is shut down")
		}
	}
	r.request("/late").answered(503)
}

func TestLeavingLeader(t *testing.T) {
	r := newRig(t, nil)
	old, w := r.start(1, 1)
	held := r.request("/held")
	f := w[0][0].take(wire.Request)
	old.tell(wire.Message{Type: wire.Leaving})
	next := await(t, "the next leader", r.leaders)
	if next.slot != "b" {
		t.Errorf("slot %s", next.slot)
	}
	next.process(1, 1)
	next.tell(wire.Message{Type: wire.GroupReady})
	old.expect(wire.Retire)
	w[0][0].answer(pathOf(f))
	held.answered(200)
	old.isShutDown()
}

// When no generation can take its place, a leaving leader still ends.
func TestLeavingLeaderWithoutReplacement(t *testing.T) {
	r := newRig(t, nil)
	old, _ := r.start(1, 1)
	old.tell(wire.Message{Type: wire.Leaving})
	next := await(t, "the next leader", r.leaders)
	next.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "broken"})
	next.isShutDown()
	old.isShutDown()
	r.once("cannot replace the generation", "broken")
}

func TestPrepare(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	prepare := func() *Next {
		done := make(chan *Next, 1)
		go func() {
			next, err := r.group.Prepare(context.Background(), r.group.conf(), "")
			if err != nil {
				t.Error(err)
			}
			done <- next
		}()
		l := await(t, "a leader", r.leaders)
		threads := l.process(1, 1)
		l.tell(wire.Message{Type: wire.GroupReady})
		next := await(t, "the generation", done)
		threads[0].idle()
		return next
	}
	abandoned := prepare()
	c := r.request("/old") // a prepared generation gets no requests
	w[0][0].serve()
	c.answered(200)
	abandoned.Abandon()
	committed := prepare()
	drain := committed.Commit()
	if s := r.group.Status(); s.Generation != 3 || s.Draining != 1 {
		t.Errorf("status %+v", s)
	}
	drain()
	if s := r.group.Status(); s.Draining != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestWrongLeader(t *testing.T) {
	for _, c := range []struct {
		name  string
		hello wire.Message
		check func(*site.Group, uint32) error
		want  string
	}{
		{"another version", wire.Message{Type: wire.Hello, Version: 99}, nil, "another version of the link (99"},
		{"no hello", wire.Message{Type: wire.GroupReady}, nil, "another version of the link"},
		{"nobody's", wire.Message{Type: wire.Hello, Version: wire.LinkVersion}, func(*site.Group, uint32) error { return nil }, "does not say who it is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.group.options.CheckUser = c.check
			r.group.options.Launcher = launcherFunc(func() (*net.UnixConn, error) {
				ours, theirs := pair(t)
				conn := wire.NewConn(ours)
				t.Cleanup(func() { conn.Close() })
				return theirs, conn.Send(c.hello)
			})
			r.group.options.Unit = func(group, slot string) string { return "wsgi-x:" + group + "@" + slot + ".service" }
			r.group.Start()
			r.request("/x").answered(503)
			var failed *StartError
			if err := r.group.WaitReady(t.Context()); !errors.As(err, &failed) || !strings.Contains(failed.Reason, c.want) {
				t.Errorf("WaitReady: %v", err)
			}
			r.once(c.want, "journalctl -u 'wsgi-x:main@a.service'")
		})
	}
}

type launcherFunc func() (*net.UnixConn, error)

func (f launcherFunc) Launch(context.Context, string, string) (*net.UnixConn, error) { return f() }

// The proof of identity is a socket that the leader made.
func TestIdentity(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer wire.CloseAll(fds[:])
	var seen uint32
	g := New(Options{Site: &site.Site{}, Group: &site.Group{}, Logger: silent(), CheckUser: func(_ *site.Group, uid uint32) error {
		seen = uid
		return errors.New("not this one")
	}})
	if err := g.checkIdentity(g.conf(), fds[:1]); err == nil || seen != uint32(os.Getuid()) {
		t.Errorf("uid %d: %v", seen, err)
	}
	if err := g.checkIdentity(g.conf(), nil); err == nil {
		t.Error("a leader without a proof is taken")
	}
}
