package leader

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// TestOrphan: a leader whose supervisor has gone ends its processes after
// orphan-timeout, and not before.
func TestOrphan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout time.Duration
		prepare func(*rig)
		least   time.Duration
		status  string
	}{
		"timeout":  {700 * time.Millisecond, func(*rig) {}, 700 * time.Millisecond, "STATUS=generation 1: no supervisor; ending in 0.7s"},
		"at once":  {0, func(*rig) {}, 0, "STATUS=generation 1: ending; "},
		"retired":  {patience, func(r *rig) { r.tell(wire.Message{Type: wire.Retire}) }, 0, "STATUS=generation 1: ending; "},
		"shutdown": {patience, func(r *rig) { r.tell(wire.Message{Type: wire.Shutdown}) }, 0, "STATUS=generation 1: ending; "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, hello, func(o *Options) { o.Group.OrphanTimeout = c.timeout })
			b := r.attach(1)
			r.ready(1)
			r.expect(wire.GroupReady)
			c.prepare(r)
			b.die()
			gone := time.Now()
			r.checkEnd()
			if took := time.Since(gone); took < c.least || took > c.least+10*time.Second {
				t.Errorf("the end took %s", took)
			}
			r.system.wait(c.status, 1)
			r.system.wait("STOPPING=1", 1)
			if _, err := os.Stat(r.socket); err != nil {
				t.Errorf("the socket's path: %v", err)
			}
		})
	}
}

// TestAlone: a leader that was started by hand becomes ready without a
// supervisor, and ends when none comes.
func TestAlone(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	r.system.wait("STATUS=waiting for the supervisor", 1)
	r.system.wait("READY=1", 1)
	r.system.wait("STATUS=no supervisor; ending in 20s unless one attaches (1 of 1 processes ready)", 1)
	r.attach(1)
	if h := r.hello; h.Process != 1 || h.Generation != 0 {
		t.Errorf("it says that its newest process is %d, and it generation %d", h.Process, h.Generation)
	}
	threads, _ := r.ready(1)
	threads[0].get("")
	r.expect(wire.GroupReady)
}

// TestDoesNotAttach: whoever connects and says nothing does not keep others out.
func TestDoesNotAttach(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	silent := greet(r, r.dial())
	r.attach(1)
	for range silent.messages { // until the leader closes
		t.Error("it is told something")
	}
	r.ready(1)
	r.log.wait(t, "has connected and not attached")
}

// TestLeave: a leader that systemd ends serves on until its supervisor lets go of
// it, or its patience is over.
func TestLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		finish func(*rig)
		want   string // of the exit of a process with a request
	}{
		"shutdown":            {func(r *rig) { r.tell(wire.Message{Type: wire.Shutdown}) }, "exit code 0"},
		"supervisor dies":     {func(r *rig) { r.die() }, ""},
		"second signal":       {func(r *rig) { r.leader.Hurry() }, "ended by the leader, signal 9 (killed)"},
		"nothing is heard of": {func(*rig) {}, "exit code 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, hello, func(o *Options) {
				o.Group.StartupTimeout, o.Group.GracefulTimeout, o.Group.EvictionTimeout = 0, 0, 0
				o.Group.ShutdownTimeout = time.Second
			})
			r.attach(3)
			threads, _ := r.ready(1)
			r.cancel()
			r.expect(wire.Leaving)
			r.system.wait("EXTEND_TIMEOUT_USEC=", 1)
			r.system.wait("STATUS=generation 3: told to end", 1)
			threads[0].get("") // meanwhile it serves
			c.finish(r)
			if c.want != "" {
				if m := r.expectOf(wire.ProcessExited, 1); m.Text != c.want {
					t.Errorf("cause: %q, want %q", m.Text, c.want)
				}
			}
			r.checkEnd()
			r.system.wait("STOPPING=1", 1)
		})
	}
}

// TestLeaveWithoutASupervisor: nobody is waited for.
func TestLeaveWithoutASupervisor(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	b := r.attach(1)
	r.ready(1)
	b.die()
	r.log.wait(t, "the supervisor has gone")
	r.cancel()
	r.checkEnd()
}

// TestNoReplacementWhileLeaving: what fails then is not tried again.
func TestNoReplacementWhileLeaving(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	r.attach(1)
	_, pid := r.ready(1)
	r.cancel()
	r.expect(wire.Leaving)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.expectOf(wire.ProcessExited, 1)
	// More than it takes to start another.
	if m, ok := r.within(500 * time.Millisecond); ok {
		t.Errorf("the leader says %+v", m)
	}
	r.tell(wire.Message{Type: wire.Shutdown})
	r.checkEnd()
}

// within returns the next message if there is one within d.
func (b *boss) within(d time.Duration) (wire.Message, bool) {
	select {
	case m, open := <-b.messages:
		return m, open
	case <-time.After(d):
		return wire.Message{}, false
	}
}

// TestStartFails: a service that cannot start says why in every place, and ends.
func TestStartFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source string
		change       func(*Options)
		want         string // the last line of the reason
	}{
		{"import", "def f():\n    1 / 0\nf()\n", nil, "ZeroDivisionError: division by zero"},
		{"interpreter", hello, func(o *Options) { o.Group.Python = "/nowhere/python3" }, `group.main.python: "/nowhere/python3": no such file or directory`},
		{"home", hello, func(o *Options) { o.Group.Home = "/nowhere" }, "cannot enter home: chdir /nowhere: no such file or directory"},
		{"exit", "import os\nos._exit(4)\n", nil, "the process ended before it was ready: exit code 4"},
		{"timeout", "import time\ntime.sleep(60)\n", func(o *Options) { o.Group.StartupTimeout = time.Second }, "the application was not imported within startup-timeout (1s)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, c.source, func(o *Options) {
				o.Group.Processes, o.Group.ShutdownTimeout = 2, 500*time.Millisecond
				if c.change != nil {
					c.change(o)
				}
			})
			b := r.attach(1)
			m := r.expect(wire.ProcessFailed)
			if lastLine(m.Text) != c.want {
				t.Errorf("reason: %q, want %q at its end", m.Text, c.want)
			}
			err := r.wait()
			if want := "cannot start group main of site rig: " + c.want; err == nil || err.Error() != want {
				t.Errorf("Run: %v, want %q", err, want)
			}
			for range b.messages { // until the leader closes
			}
			r.system.wait("STATUS=generation 1: cannot start group main of site rig: "+c.want, 1)
			if n := r.system.count("READY=1"); n != 0 {
				t.Error("READY=1 was sent")
			}
			if c.name == "import" {
				records := r.log.with(c.want)
				if len(records) != 1 || !strings.HasPrefix(records[0], "ERROR cannot start the application\nTraceback") || !strings.Contains(records[0], "generation=1") {
					t.Errorf("want one record with a traceback:\n%s", r.log)
				}
			}
		})
	}
}

// TestFailsLater: a leader that was ready once tries again by itself.
func TestFailsLater(t *testing.T) {
	t.Parallel()
	r := serve(t, failing, nil)
	first := r.attach(1)
	_, pid := r.ready(1)
	if err := os.WriteFile(r.script+".broken", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.expect(wire.ProcessFailed)
	r.system.wait("STATUS=generation 1: 0 of 1 processes ready; cannot start another: ValueError: not yet", 1)
	first.die()
	r.log.wait(t, "the supervisor has gone")
	r.attach(2)
	if m := r.expect(wire.ProcessFailed); lastLine(m.Text) != "ValueError: not yet" {
		t.Errorf("the next supervisor is told %q", m.Text)
	}
	r.expect(wire.GroupReady)
	if err := os.Remove(r.script + ".broken"); err != nil {
		t.Fatal(err)
	}
	r.expect(wire.ProcessReady)
	r.system.wait("STATUS=generation 2: 1 of 1 processes ready", 1)
}

// TestImporting: while processes import, systemd is asked for patience and told
// how far they are.
func TestImporting(t *testing.T) {
	t.Parallel()
	r := serve(t, `
import os, time
try:
    os.mkdir(__file__ + '.first')
except FileExistsError:
    while not os.path.exists(__file__ + '.go'):
        time.sleep(0.01)
`+hello, func(o *Options) { o.Group.Processes = 2 })
	r.attach(5)
	r.system.wait("EXTEND_TIMEOUT_USEC=60000000", 1)
	r.system.wait("STATUS=generation 5: importing, 1 of 2 processes ready", 1)
	if n := r.system.count("READY=1"); n != 0 {
		t.Error("READY=1 was sent too early")
	}
	if err := os.WriteFile(r.script+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.system.wait("READY=1", 1)
	r.system.wait("STATUS=generation 5: 2 of 2 processes ready", 1)
}
