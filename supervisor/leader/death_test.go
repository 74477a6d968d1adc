package leader

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

func TestKilled(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Group.Processes = 2 })
	r.expect(wire.GroupReady)
	_, pid := r.ready(1)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "signal 9 (killed)" || m.PID != pid {
		t.Errorf("got %+v", m)
	}
	died := time.Now()
	threads, replacement := r.ready(3)
	if waited := time.Since(died); waited > 5*time.Second {
		t.Errorf("the replacement took %s", waited)
	}
	if got, want := threads[0].get(""), fmt.Sprint(replacement, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	record := r.log.wait(t, "worker process died")
	if !strings.HasPrefix(record, "ERROR ") || !strings.Contains(record, fmt.Sprintf("pid=%d", pid)) || !strings.Contains(record, "signal 9 (killed)") {
		t.Errorf("logged: %s", record)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	r := lead(t, "import os\ndef application(environ, start_response):\n    os._exit(3)\n", nil)
	threads, _ := r.ready(1)
	threads[0].request([]byte{})
	if h, _, _, err := threads[0].frame(); err == nil {
		t.Errorf("an answer: %+v", h)
	}
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "exit code 3" {
		t.Errorf("cause: %q", m.Text)
	}
	r.ready(2)
}

// TestEndsBeforeReady: a process that says nothing is reported as failed too.
func TestEndsBeforeReady(t *testing.T) {
	t.Parallel()
	r := lead(t, "import os\nos._exit(4)\n", nil)
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "exit code 4" {
		t.Errorf("cause: %q", m.Text)
	}
	if m := r.expectOf(wire.ProcessFailed, 1); m.Text != "the process ended before it was ready: exit code 4" {
		t.Errorf("reason: %q", m.Text)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprintf("kill=%t", kill), func(t *testing.T) {
			t.Parallel()
			r := lead(t, hello, nil)
			threads, _ := r.ready(1)
			r.tell(wire.Message{Type: wire.Replace, Process: 1})
			r.tell(wire.Message{Type: wire.Replace, Process: 1}) // one is enough
			r.ready(2)
			if got := threads[0].get("still there"); !strings.HasSuffix(got, " still there") {
				t.Errorf("the old process answers %q", got)
			}
			r.tell(wire.Message{Type: wire.StopProcess, Process: 1, Kill: kill})
			want := "exit code 0"
			if kill {
				want = "ended by the leader, signal 9 (killed)"
			}
			if m := r.expectOf(wire.ProcessExited, 1); m.Text != want {
				t.Errorf("cause: %q, want %q", m.Text, want)
			}
			r.control.Close()
			r.checkEnd()
			for m := range r.messages {
				if m.Process > 2 {
					t.Errorf("a third process: %+v", m)
				}
			}
		})
	}
}

func TestStopWaitsForRequests(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Group.ShutdownTimeout = patience })
	threads, pid := r.ready(1)
	threads[0].hold()
	r.tell(wire.Message{Type: wire.StopProcess, Process: 1})
	threads[0].giveBody()
	if _, _, body, err := threads[0].frame(); err != nil || string(body) != fmt.Sprint(pid, " ") {
		t.Errorf("got %q, %v", body, err)
	}
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "exit code 0" {
		t.Errorf("cause: %q", m.Text)
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	r := lead(t, "import atexit, time\natexit.register(time.sleep, 60)\n"+hello, func(o *Options) { o.Group.ShutdownTimeout = 100 * time.Millisecond })
	r.ready(1)
	r.tell(wire.Message{Type: wire.StopProcess, Process: 1})
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
}

// TestStopWhileStarting: readiness that comes after the word to stop must not
// lift the deadline of the stop.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	r := lead(t, "import atexit, time\ntime.sleep(0.3)\natexit.register(time.sleep, 60)\n"+hello,
		func(o *Options) { o.Group.ShutdownTimeout = 500 * time.Millisecond })
	r.expectOf(wire.ProcessStarted, 1)
	r.tell(wire.Message{Type: wire.StopProcess, Process: 1})
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
}

func TestDumpStacks(t *testing.T) {
	t.Parallel()
	r := lead(t, `
def wait_for_the_body(body):
    return body.read()
def application(environ, start_response):
    wait_for_the_body(environ['wsgi.input'])
`, func(o *Options) { o.Group.Threads = 2 })
	threads, _ := r.ready(1)
	ident := r.expectOf(wire.ThreadIdent, 1)
	threads[0].hold()
	r.tell(wire.Message{Type: wire.DumpStacks, Process: 1})
	m := r.expectOf(wire.Stacks, 1)
	var number uint64
	if _, err := fmt.Sscan(ident.Text, &number); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("Thread 0x%016x", number); !strings.Contains(m.Text, want) || !strings.Contains(m.Text, "in wait_for_the_body") {
		t.Errorf("no %s in wait_for_the_body in:\n%s", want, m.Text)
	}
	// It is not hurt, and does so again.
	r.tell(wire.Message{Type: wire.DumpStacks, Process: 1})
	if again := r.expectOf(wire.Stacks, 1); !strings.Contains(again.Text, "in wait_for_the_body") {
		t.Errorf("the second time:\n%s", again.Text)
	}
}

// endings are the ways in which a leader is told to end.
var endings = map[string]func(*rig){
	"connection closed": func(r *rig) { r.control.Close() },
	"context ended": func(r *rig) {
		r.cancel()
		r.expect(wire.Leaving)
		r.tell(wire.Message{Type: wire.Shutdown})
	},
	"context ended, in a hurry": func(r *rig) {
		r.cancel()
		r.expect(wire.Leaving)
		r.leader.Hurry()
	},
}

func TestEnd(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, hello, func(o *Options) { o.Group.Processes, o.Group.Threads = 2, 2 })
			for process := 1; process <= 2; process++ {
				r.ready(process)
			}
			end(r)
			r.checkEnd()
		})
	}
}

func TestEndWhileStarting(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, "import time\ntime.sleep(60)\n", func(o *Options) {
				o.Group.ShutdownTimeout, o.Group.StartupTimeout = 100*time.Millisecond, 0
			})
			r.expect(wire.ProcessStarted)
			end(r)
			r.checkEnd()
		})
	}
}

func TestEndAmidBackOff(t *testing.T) {
	t.Parallel()
	r := lead(t, "1 / 0\n", nil)
	for range 3 {
		r.expect(wire.ProcessExited)
	}
	r.control.Close()
	r.checkEnd()
}

func TestUnknownMessage(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, nil)
	r.ready(1)
	r.tell(wire.Message{Type: wire.StopProcess, Process: 99}) // one that has ended
	r.tell(wire.Message{Type: "nonsense", Process: 1})
	r.control.Close()
	err := <-r.ended
	r.ended <- nil
	if err == nil || !strings.Contains(err.Error(), `cannot handle control message "nonsense"`) {
		t.Errorf("Run: %v", err)
	}
}

// TestWorkerThatBreaksTheRules: what the application writes on the process's
// own connection must not harm the leader.
func TestWorkerThatBreaksTheRules(t *testing.T) {
	t.Parallel()
	r := lead(t, `
import os
def application(environ, start_response):
    os.write(3, b'nonsense')
    environ['wsgi.input'].read()
`, nil)
	threads, _ := r.ready(1)
	threads[0].request(nil)
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "ended by the leader, signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
	r.log.wait(t, "a message that cannot be understood")
	r.ready(2)
}
