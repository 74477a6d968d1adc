package leader

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// limited answers with the limits it has, and uses what it is told to.
const limited = `
import json, os, resource, subprocess, threading, time
def grow():
    blocks = []
    while True:
        blocks.append(bytearray(1 << 20))
def compute():
    while True:
        pass
def application(environ, start_response):
    what = environ.get('QUERY_STRING', '')
    if what == 'grow':
        grow()
    if what == 'compute':
        threading.Thread(target=compute, daemon=True).start()
    start_response('200 OK', [])
    names = {'RLIMIT_AS', 'RLIMIT_DATA', 'RLIMIT_CPU', 'RLIMIT_NOFILE'}
    return [json.dumps({name: resource.getrlimit(getattr(resource, name)) for name in names}).encode()]
`

func (w *workerThread) limits() map[string][2]int64 {
	w.t.Helper()
	var seen map[string][2]int64
	if err := json.Unmarshal([]byte(w.get("")), &seen); err != nil {
		w.t.Fatal(err)
	}
	return seen
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	output, err := exec.Command("/bin/sh", "-c", "ulimit -n").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.TrimSpace(string(output))
	large := map[string]string{}
	for i := range 18 {
		large[fmt.Sprint("LARGE_", i)] = strings.Repeat("x", 10_000)
	}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   map[string][2]int64
	}{
		{"none", func(*Options) {}, map[string][2]int64{"RLIMIT_AS": {-1, -1}, "RLIMIT_DATA": {-1, -1}, "RLIMIT_CPU": {-1, -1}}},
		{"virtual-memory-limit", func(o *Options) { o.Group.VirtualMemoryLimit = 512 * mib }, map[string][2]int64{"RLIMIT_AS": {512 * mib, 512 * mib}}},
		{"with a large environment", func(o *Options) {
			o.Group.VirtualMemoryLimit, o.Group.Env = 256*mib, large
		}, map[string][2]int64{"RLIMIT_AS": {256 * mib, 256 * mib}}},
		{"memory-limit", func(o *Options) { o.Group.MemoryLimit = 96 * mib }, map[string][2]int64{"RLIMIT_DATA": {96 * mib, 96 * mib}}},
		{"cpu-time-limit", func(o *Options) {
			o.Group.CPUTimeLimit, o.Group.ShutdownTimeout = 9500*time.Millisecond, 1200*time.Millisecond
		}, map[string][2]int64{"RLIMIT_CPU": {10, 13}}},
		{"all", func(o *Options) {
			o.Group.CPUTimeLimit, o.Group.MemoryLimit, o.Group.VirtualMemoryLimit = 20*time.Second, 128*mib, 400*mib
		}, map[string][2]int64{"RLIMIT_AS": {400 * mib, 400 * mib}, "RLIMIT_DATA": {128 * mib, 128 * mib}, "RLIMIT_CPU": {20, 23}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, limited, func(o *Options) {
				o.Group.Threads = 3
				c.change(o)
			})
			threads, _ := r.ready(1)
			for _, thread := range threads {
				seen := thread.limits()
				// Go raises this one for itself.
				if got := fmt.Sprint(seen["RLIMIT_NOFILE"][0]); got != files {
					t.Errorf("%s open files are allowed, want %s", got, files)
				}
				for name, want := range c.want {
					if seen[name] != want {
						t.Errorf("%s is %v, want %v", name, seen[name], want)
					}
				}
			}
		})
	}
	for _, resource := range []int{unix.RLIMIT_AS, unix.RLIMIT_DATA, unix.RLIMIT_CPU} {
		var own unix.Rlimit
		if err := unix.Getrlimit(resource, &own); err != nil || own.Max != unix.RLIM_INFINITY {
			t.Errorf("the leader's own limit %d is %+v, %v", resource, own, err)
		}
	}
}

// TestTooLittleMemory: a request that takes more than memory-limit fails; the
// process does not.
func TestTooLittleMemory(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"memory-limit":         func(o *Options) { o.Group.MemoryLimit = 96 << 20 },
		"virtual-memory-limit": func(o *Options) { o.Group.VirtualMemoryLimit = 300 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, limited, change)
			threads, pid := r.ready(1)
			for range 5 {
				threads[0].requestFor("QUERY_STRING\x00grow\x00")
				if h, head, _, err := threads[0].frame(); err != nil || h.Kind != wire.Failed || string(head) != "MemoryError" {
					t.Fatalf("got %+v %q, %v; log:\n%s", h, head, err, r.log)
				}
				threads[0].limits() // it answers
			}
			if record := r.log.wait(t, "MemoryError"); !strings.Contains(record, "in grow") || !strings.Contains(record, fmt.Sprint("pid=", pid)) {
				t.Errorf("logged: %s", record)
			}
		})
	}
}

// TestLimitTooSmallToStart is a failure of the start like others.
func TestLimitTooSmallToStart(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"virtual-memory-limit": func(o *Options) { o.Group.VirtualMemoryLimit = 2 << 20 },
		"memory-limit":         func(o *Options) { o.Group.MemoryLimit = 1 << 16 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lead(t, hello, change)
			if m := r.expect(wire.ProcessFailed); !strings.Contains(m.Text, "before it was ready") || !strings.Contains(m.Text, name) {
				t.Errorf("reason: %q", m.Text)
			}
		})
	}
}

// TestInterpreterThatIsNone: an error behind the limits is told, although Go has
// no more memory to get.
func TestInterpreterThatIsNone(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) {
		o.Group.Python = nonsense(t)
		o.Group.VirtualMemoryLimit, o.Group.MemoryLimit, o.Group.CPUTimeLimit = 1<<20, 1<<20, time.Minute
	})
	if m := r.expect(wire.ProcessFailed); !strings.Contains(m.Text, "cannot execute the interpreter") || !strings.Contains(m.Text, "exec format error") {
		t.Errorf("reason: %q", m.Text)
	}
}

// setLower puts a hard limit on itself, becomes another user if it is root, and
// executes what its second argument says.
const setLower = `
import os, resource, sys
program = os.open('/proc/%d/exe' % os.getppid(), os.O_RDONLY)
os.set_inheritable(program, True)
resource.setrlimit(resource.RLIMIT_CPU, (50, 60))
if os.geteuid() == 0:
    os.setgid(54321)
    os.setuid(54321)
os.execve(program, ['leader.test', 'apply', *sys.argv[1:]], os.environ)
`

// TestLimitThatCannotBeSet names the key, and what is in the way.
func TestLimitThatCannotBeSet(t *testing.T) {
	t.Parallel()
	for limits, want := range map[string]string{
		`{"cpu": 55, "cpu_hard": 60}`: "ok\n",
		`{"cpu": 55, "cpu_hard": 61}`: "cannot set cpu-time-limit: RLIMIT_CPU of 61: operation not permitted\n" +
			"hint: this process may have at most 60 (LimitCPU= of its unit)\n",
	} {
		output, err := exec.Command(python(t), "-c", setLower, limits).CombinedOutput()
		if err != nil || string(output) != want {
			t.Errorf("%s: got %q, %v; want %q", limits, output, err, want)
		}
	}
}

// applyLimits is what the test program does for TestLimitThatCannotBeSet.
func applyLimits(text string) {
	var s limits
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.exec("/bin/echo", []string{"echo", "ok"}, nil))
}

// TestCPUTime: a process whose CPU time is used up is reported once, and serves
// on; the kernel kills it when its supervisor does nothing.
func TestCPUTime(t *testing.T) {
	t.Parallel()
	r := lead(t, limited, func(o *Options) {
		o.Group.CPUTimeLimit, o.Group.ShutdownTimeout = time.Second, 0
	})
	threads, pid := r.ready(1)
	threads[0].requestFor("QUERY_STRING\x00compute\x00")
	if h, _, _, err := threads[0].frame(); err != nil || h.Kind != wire.Response {
		t.Fatalf("got %+v, %v", h, err)
	}
	if m := r.expect(wire.Expired); m.Process != 1 || m.PID != pid || m.Text != "cpu-time-limit" {
		t.Errorf("got %+v", m)
	}
	threads[0].limits() // it answers
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "cpu-time-limit, signal 9 (killed)" {
		t.Errorf("cause: %q", m.Text)
	}
	for _, m := range r.unread {
		if m.Type == wire.Expired {
			t.Error("it is reported a second time")
		}
	}
	r.ready(2)
}

// TestExpiredIsToldAgain to a supervisor that comes later.
func TestExpiredIsToldAgain(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, func(o *Options) { o.Group.CPUTimeLimit = time.Minute })
	first := r.attach(1)
	_, pid := r.ready(1)
	if err := unix.Kill(pid, unix.SIGXCPU); err != nil {
		t.Fatal(err)
	}
	r.expectOf(wire.Expired, 1)
	first.die()
	r.attach(2)
	r.ready(1)
	r.expectOf(wire.Expired, 1)
}

// TestImportTakesTooMuchTime is a start that fails, not one that is repeated for
// ever.
func TestImportTakesTooMuchTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, want string }{
		"soft": {"import time\nwhile time.process_time() < 1.2:\n    pass\n", "cpu-time-limit was used up by the import of the application"},
		"hard": {"while True:\n    pass\n", "the process ended before it was ready: cpu-time-limit, signal 9 (killed)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, c.source+hello, func(o *Options) {
				o.Group.CPUTimeLimit, o.Group.ShutdownTimeout = time.Second, 0
			})
			r.attach(1)
			if m := r.expect(wire.ProcessFailed); !strings.HasPrefix(m.Text, c.want) {
				t.Errorf("reason: %q, want %q", m.Text, c.want)
			}
			if err := r.wait(); err == nil {
				t.Error("Run returns no error")
			}
		})
	}
}

// TestSignalsAreIgnored: what `systemctl kill` sends to all processes of a unit
// does not end the workers; an application may have uses for it.
func TestSignalsAreIgnored(t *testing.T) {
	t.Parallel()
	r := lead(t, `
import os, signal, time
for name in ('SIGHUP', 'SIGUSR1', 'SIGUSR2'):
    os.kill(os.getpid(), getattr(signal, name))
seen = []
signal.signal(signal.SIGUSR2, lambda *args: seen.append('SIGUSR2'))
def application(environ, start_response):
    start_response('200 OK', [])
    return [' '.join(seen).encode()]
`, func(o *Options) { o.Group.RestrictSignal = false })
	threads, pid := r.ready(1)
	for _, s := range []unix.Signal{unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2} {
		if err := unix.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(patience); threads[0].get("") != "SIGUSR2"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the application's own handler was not called")
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var ignored uint64
	for line := range strings.Lines(string(status)) {
		if mask, found := strings.CutPrefix(line, "SigIgn:"); found {
			if _, err := fmt.Sscanf(mask, "%x", &ignored); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range []unix.Signal{unix.SIGHUP, unix.SIGUSR1} {
		if ignored&(1<<(s-1)) == 0 {
			t.Errorf("%s is not ignored", unix.SignalName(s))
		}
	}
}
