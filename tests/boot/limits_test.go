package boot_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

const limitsSite = `listen = "127.0.0.1:8090"
listen-backlog = 37
send-buffer-size = "64K"
receive-buffer-size = "32K"

[site.systemd]
CPUWeight = 300

[group.web]
user = "joe"
memory-limit = "256M"
virtual-memory-limit = "1G"
cpu-time-limit = "1s"
cpu-priority = 7
stack-size = "512K"
startup-timeout = "10s"
graceful-timeout = "7s"
shutdown-timeout = "3s"
deadlock-timeout = "20s"

[group.web.systemd]
MemoryMax = "1G"
CPUWeight = 50
TasksMax = 77

[group.derived]
processes = 2
memory-limit = "100M"

[[mount]]
path = "/"
script = "/srv/limits/app.py"
group = "web"
[[mount]]
path = "/derived"
script = "/srv/limits/app.py"
group = "derived"
`

func TestLimits(t *testing.T) {
	boot.Run(t, "limits hold, and for whom they should",
		boot.Case{Name: "processes", Run: testProcessLimits},
		boot.Case{Name: "cpu time", Run: testCPUTime},
		boot.Case{Name: "units", Run: testUnitLimits},
		boot.Case{Name: "sockets", Run: testSocketOptions},
	)
}

func limited(m *boot.Machine) {
	m.WriteFile("/srv/limits/app.py", probe, 0o644, "")
	m.Site("limits", limitsSite)
	m.MustRun("systemctl", "start", "wsgi@limits")
}

// testProcessLimits: each process has the limits, and the leader, which has to live on
// when one has reached them, has not.
func testProcessLimits(t *testing.T, m *boot.Machine) {
	limited(m)
	is := who(t, m, "limits", "")
	leader := m.PID("wsgi-limits:web@a.service")
	if is.PPID != leader {
		t.Errorf("the process is a child of %d, not of the leader, %d", is.PPID, leader)
	}
	for _, c := range []struct{ limit, process, leader string }{
		{"Max cpu time", "1 5 seconds", "unlimited unlimited seconds"}, // 1 s, and 1 s and shutdown-timeout more
		{"Max data size", "268435456 268435456 bytes", "unlimited unlimited bytes"},
		{"Max address space", "1073741824 1073741824 bytes", "unlimited unlimited bytes"},
	} {
		if got := limitOf(m, is.PID, c.limit); got != c.process {
			t.Errorf("the process has %s %q, want %q", c.limit, got, c.process)
		}
		for _, pid := range []int{leader, m.PID("wsgi@limits.service")} {
			if got := limitOf(m, pid, c.limit); got != c.leader {
				t.Errorf("process %d of wsgid has %s %q, want %q", pid, c.limit, got, c.leader)
			}
		}
	}
	if is.Nice != 7 || is.Stack != 512<<10 {
		t.Errorf("nice level %d and stack size %d, want 7 and %d", is.Nice, is.Stack, 512<<10)
	}

	for _, size := range []int{400 << 20, 3 << 30} { // more than the one limit, more than both
		got := m.Curl("http://127.0.0.1:8090/allocate?" + strconv.Itoa(size))
		if got.Status != 500 {
			t.Errorf("%d bytes give status %d", size, got.Status)
		}
	}
	if got := askProbe(t, m, "limits", "/allocate", strconv.Itoa(100<<20)); got != strconv.Itoa(100<<20) {
		t.Errorf("what is within the limit gives %s", got)
	}
	if now := who(t, m, "limits", ""); now.PID != is.PID {
		t.Errorf("process %d has taken the place of %d, which was only short of memory", now.PID, is.PID)
	}
	m.AwaitJournal("wsgi-limits:web@a", "MemoryError", 10*time.Second)
}

// limitOf is a line of /proc/PID/limits, without its name.
func limitOf(m *boot.Machine, pid int, name string) string {
	for line := range strings.Lines(m.ReadFile("/proc/" + strconv.Itoa(pid) + "/limits")) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}

// testCPUTime: a process that has used its time is replaced, and no request notices.
func testCPUTime(t *testing.T, m *boot.Machine) {
	limited(m)
	before := who(t, m, "limits", "")
	spin := beside(t, m, "curl", "--silent", "--show-error", "--fail", "--max-time", "50", "http://127.0.0.1:8090/spin?1.3")
	for now, deadline := before, time.Now().Add(30*time.Second); now.PID == before.PID; {
		if time.Now().After(deadline) {
			t.Fatalf("process %d goes on", before.PID)
		}
		now = who(t, m, "limits", "")
	}
	if got := <-spin; got.err != nil || got.output != "spun" {
		t.Errorf("the request that used the time: %v, %s", got.err, got.output)
	}
	m.AwaitJournal("wsgi@limits", "cause=cpu-time-limit", 10*time.Second)
}

// testUnitLimits: what is for the whole group is in its unit, the timeouts of the site
// with their margin.
func testUnitLimits(t *testing.T, m *boot.Machine) {
	limited(m)
	const mega = 1 << 20
	for _, c := range []struct {
		unit string
		want map[string]string
	}{
		{"wsgi-limits:web@a.service", map[string]string{
			"MemoryMax": strconv.Itoa(1 << 30), "CPUWeight": "50", "TasksMax": "77", "Nice": "7",
			"TimeoutStartUSec": "40s", "TimeoutStopUSec": "40s", "WatchdogUSec": "50s", "Slice": "wsgi-limits-web.slice",
			"OOMPolicy": "continue", "KillMode": "mixed", "Restart": "no", "StartLimitIntervalUSec": "0",
		}},
		{"wsgi-limits:derived@b.service", map[string]string{"MemoryMax": strconv.Itoa(100*mega*3 + 64*mega)}},
		{"wsgi@limits.service", map[string]string{
			"CPUWeight": "300", "Nice": "0", "Slice": "wsgi-limits.slice", "OOMPolicy": "continue", "KillMode": "mixed",
			// The longest of both groups: derived has the defaults.
			"TimeoutStartUSec": "45s", "TimeoutStopUSec": "50s",
		}},
	} {
		for name, want := range c.want {
			if got := m.Property(c.unit, name); got != want {
				t.Errorf("%s: %s=%s, want %s", c.unit, name, got, want)
			}
		}
	}
	const cgroup = "/sys/fs/cgroup/wsgi.slice/wsgi-limits.slice/wsgi-limits-web.slice/wsgi-limits:web@a.service"
	controllers := m.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	for file, want := range map[string]string{"memory.max": strconv.Itoa(1 << 30), "cpu.weight": "50", "pids.max": "77"} {
		controller, _, _ := strings.Cut(file, ".")
		if !strings.Contains(controllers, controller) {
			t.Logf("no cgroup controller %s here: not proved that the kernel has %s", controller, file)
			continue
		}
		if got := strings.TrimSpace(m.ReadFile(cgroup + "/" + file)); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
}

// testSocketOptions reads what the kernel knows of the listening sockets.
func testSocketOptions(t *testing.T, m *boot.Machine) {
	limited(m)
	// For a listening socket Send-Q is its backlog (ss(8)).
	if got := strings.Fields(m.MustRun("ss", "--no-header", "-lt", "--numeric", "sport", "=", ":8090")); len(got) < 4 || got[2] != "37" {
		t.Errorf("the TCP socket is %q, want a backlog of 37", got)
	}
	if got := strings.Fields(m.MustRun("ss", "--no-header", "-lx", "src", "/run/wsgi/limits.sock")); len(got) < 4 || got[3] != "37" {
		t.Errorf("the UNIX socket is %q, want a backlog of 37", got)
	}
	// The kernel doubles them for its own needs (socket(7)).
	got := m.MustRun("ss", "--no-header", "-ltm", "sport", "=", ":8090")
	for _, want := range []string{"rb65536,", "tb131072,"} {
		if !strings.Contains(got, want) {
			t.Errorf("the TCP socket has %s, want %s", got, want)
		}
	}
}
