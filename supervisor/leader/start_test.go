package leader

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func TestServes(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Group.Processes, o.Group.Threads = 2, 3 })
	for process := 1; process <= 2; process++ {
		if m := r.expectOf(wire.ProcessStarted, process); m.PID == 0 || !strings.HasPrefix(m.Text, "3.") {
			t.Errorf("started: %+v", m)
		}
		threads, pid := r.ready(process)
		if len(threads) != 3 {
			t.Fatalf("%d threads are offered, want 3", len(threads))
		}
		for i, thread := range threads {
			if got, want := thread.get("body"), fmt.Sprint(pid, " body"); got != want {
				t.Errorf("process %d, thread %d answers %q, want %q", process, i, got, want)
			}
		}
		if m := r.expectOf(wire.ThreadIdent, process); m.Text == "" {
			t.Errorf("ident: %+v", m)
		}
	}
	r.expect(wire.GroupReady)
}

func TestModule(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) {
		m := o.Site.Mounts[0]
		o.Group.Home = filepath.Dir(m.Script)
		m.Module, m.Script = "rig_app", ""
	})
	threads, pid := r.ready(1)
	if got, want := threads[0].get(""), fmt.Sprint(pid, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// failing imports only when a file beside it is gone.
const failing = `
import os
def fail():
    raise ValueError('not yet')
if os.path.exists(__file__ + '.broken'):
    fail()
` + hello

func TestImportFails(t *testing.T) {
	t.Parallel()
	r := lead(t, failing, func(o *Options) {
		if err := os.WriteFile(o.Site.Mounts[0].Script+".broken", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	m := r.expect(wire.ProcessFailed)
	for _, want := range []string{"Traceback (most recent call last):\n", "rig_app.py\", line", "in fail", "ValueError: not yet"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("no %q in the reason %q", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "<wsgid>") || strings.Contains(m.Text, "importlib") {
		t.Errorf("the reason has lines of the gateway:\n%s", m.Text)
	}
	// Starts are at 0, 0.5, 1.5 and 3.5 seconds, and what an import takes.
	starts := 1
	timeout := time.After(2 * time.Second)
	for counting := true; counting; {
		select {
		case m := <-r.messages:
			if m.Type == wire.ProcessFailed {
				starts++
			}
		case <-timeout:
			counting = false
		}
	}
	if starts < 2 || starts > 3 {
		t.Errorf("%d starts in 2 seconds, want 2 or 3", starts)
	}
	if records := r.log.with("ValueError: not yet"); len(records) != 1 || !strings.HasPrefix(records[0], "ERROR ") {
		t.Errorf("the traceback is logged %d times, want once:\n%s", len(records), r.log)
	}
	if err := os.Remove(r.script + ".broken"); err != nil {
		t.Fatal(err)
	}
	r.expect(wire.GroupReady)
	r.log.wait(t, "worker process started after earlier failures")
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"missing script", func(o *Options) { o.Site.Mounts[0].Script = "/nowhere/app.py" }, "cannot read script /nowhere/app.py: no such file or directory"},
		{"missing home", func(o *Options) { o.Group.Home = "/nowhere" }, "cannot enter home: chdir /nowhere: no such file or directory"},
		{"missing interpreter", func(o *Options) { o.Group.Python = "/nowhere/python3" }, "/nowhere/python3"},
		{"interpreter that is none", func(o *Options) { o.Group.Python = nonsense(t) }, "cannot execute the interpreter"},
		{"missing wsgid", func(o *Options) { o.Executable = "/nowhere/wsgid" }, "cannot start /nowhere/wsgid"},
		{"too large an environment", func(o *Options) { o.Group.Env = largeEnvironment() }, "bytes of settings to a worker: the limit is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, hello, c.change)
			for range 2 { // the first start, and another
				m := r.expect(wire.ProcessFailed)
				if !strings.Contains(m.Text, c.want) || strings.Contains(m.Text, "\n") {
					t.Errorf("got reason %q, want one line with %q", m.Text, c.want)
				}
			}
			if errors := r.log.with("ERROR "); len(errors) != 1 || !strings.Contains(errors[0], c.want) {
				t.Errorf("want one error in the log:\n%s", r.log)
			}
		})
	}
}

func largeEnvironment() map[string]string {
	env := map[string]string{}
	for i := range 50 {
		env[fmt.Sprint("LARGE_", i)] = strings.Repeat("x", 10_000)
	}
	return env
}

// nonsense is an executable file that the kernel does not know how to execute.
func nonsense(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(path, []byte("\x00nonsense"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnreadableScript(t *testing.T) {
	t.Parallel()
	if unix.Geteuid() == 0 {
		t.Skip("root reads every file: that an unreadable script is named in the error was not tried")
	}
	r := lead(t, hello, func(o *Options) {
		if err := os.Chmod(o.Site.Mounts[0].Script, 0); err != nil {
			t.Fatal(err)
		}
	})
	if m := r.expect(wire.ProcessFailed); !strings.Contains(m.Text, "cannot read script") || !strings.Contains(m.Text, "permission denied") {
		t.Errorf("got %q", m.Text)
	}
}

func TestMissingEnvFile(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Group.EnvFiles = []string{"/nowhere/env"} })
	if r.err == nil || !strings.Contains(r.err.Error(), "/nowhere/env") {
		t.Errorf("New: %v", r.err)
	}
}

func TestStartupTimeout(t *testing.T) {
	t.Parallel()
	r := lead(t, "import time\ndef stuck():\n    time.sleep(60)\nstuck()\n", func(o *Options) { o.Group.StartupTimeout = time.Second })
	m := r.expectOf(wire.ProcessFailed, 1)
	if want := "the application was not imported within startup-timeout (1s)"; m.Text != want {
		t.Errorf("got %q, want %q", m.Text, want)
	}
	if m := r.expectOf(wire.Stacks, 1); !strings.Contains(m.Text, "in stuck") {
		t.Errorf("the stacks do not name the function:\n%s", m.Text)
	}
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "not ready within startup-timeout (1s), signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
}

// TestFailedImportThatDoesNotEnd: a thread that the import left behind keeps
// the interpreter from ending.
func TestFailedImportThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	r := lead(t, "import threading\nthreading.Thread(target=threading.Event().wait).start()\n1 / 0\n",
		func(o *Options) { o.Group.StartupTimeout = 0 })
	if m := r.expectOf(wire.ProcessFailed, 1); !strings.Contains(m.Text, "ZeroDivisionError") {
		t.Errorf("reason: %q", m.Text)
	}
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Watch = true })
	r.next("the script among the files", func(m wire.Message) bool {
		for _, name := range m.Files {
			if name == r.script {
				return true
			}
		}
		return false
	})
}

func TestMountOfAnotherGroup(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) {
		other := &site.Mount{Path: "/other", Script: "/nowhere.py", Callable: "application", Group: "other"}
		o.Site.Mounts = append([]*site.Mount{other}, o.Site.Mounts...)
	})
	r.expect(wire.GroupReady)
}
