package boot_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// queueWorker says in a file what it is, and works until it is told to end.
const queueWorker = `import json, os, sys, time
VERSION = 'one'
mask = os.umask(0)
os.umask(mask)
with open('/proc/self/cgroup') as file:
    cgroup = file.read()
with open('state.new', 'w') as file:
    json.dump({
        'pid': os.getpid(), 'ppid': os.getppid(), 'uid': os.getuid(), 'gid': os.getgid(), 'groups': os.getgroups(), 'umask': mask,
        'cwd': os.getcwd(), 'path0': sys.path[0], 'nice': os.nice(0), 'stack': 0,
        'cgroup': cgroup.split('::')[-1].strip(), 'env': dict(os.environ, VERSION=VERSION, NAME=__name__),
    }, file)
os.rename('state.new', 'state')
try:
    while True:
        time.sleep(0.1)
finally:
    print('the worker ends in order')
`

const queueSite = `[group.web]
[group.queue]
threads = 0
script = "/srv/queue/worker.py"
user = "joe"
umask = "0027"
home = "/srv/queue/home"
cpu-priority = 5
memory-limit = "256M"
env = { QUEUE = "mails" }
[[mount]]
path = "/"
script = "/srv/queue/app.py"
group = "web"
`

func TestServiceScript(t *testing.T) {
	boot.Run(t, "a group with threads = 0 is a service beside the site",
		boot.Case{Name: "life", Run: testServiceScriptLife},
		boot.Case{Name: "reload", Run: testServiceScriptReload},
	)
}

// queue writes the site, and starts its sockets alone.
func queue(m *boot.Machine) {
	m.WriteFile("/srv/queue/app.py", probe, 0o644, "")
	m.WriteFile("/srv/queue/worker.py", queueWorker, 0o644, "")
	m.MustRun("install", "-d", "-o", "joe", "/srv/queue/home")
	m.Site("queue", queueSite)
	m.MustRun("systemctl", "start", "wsgi@queue.socket")
}

const queueUnit = "wsgi-queue:queue.service"

// nextWorker waits for a worker that is another than before, and has begun.
func nextWorker(t *testing.T, m *boot.Machine, before int) self {
	t.Helper()
	const state = "/srv/queue/home/state"
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if m.Exists(state) {
			if is := parseSelf(t, m.ReadFile(state)); is.PID != before && is.PID == m.PID(queueUnit) {
				return is
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no worker but %d\n%s", before, m.Journal(queueUnit))
		}
	}
}

// testServiceScriptLife: it begins with the site's socket, as its user and with its
// limits, is started again when it dies, and ends with the site.
func testServiceScriptLife(t *testing.T, m *boot.Machine) {
	queue(m)
	is := nextWorker(t, m, 0)
	if is.UID != m.UID("joe") || is.Umask != 0o027 || is.Nice != 5 || is.Cwd != "/srv/queue/home" || is.PPID != 1 {
		t.Errorf("the worker is %+v", is)
	}
	if is.Env["QUEUE"] != "mails" || is.Env["NAME"] != "__main__" || is.Env["HOME"] != "/home/joe" {
		t.Errorf("its environment is %v", is.Env)
	}
	if want := "/wsgi.slice/wsgi-queue.slice/wsgi-queue-queue.slice/" + queueUnit; !strings.HasSuffix(is.Cgroup, want) {
		t.Errorf("it is in %s, want %s", is.Cgroup, want)
	}
	if got := limitOf(m, is.PID, "Max data size"); got != "268435456 268435456 bytes" {
		t.Errorf("data size %s", got)
	}
	notRoot(t, m, "joe", is.PID)
	askProbe(t, m, "queue", "/who", "")
	if got := m.MustRun("wsgid", "status", "queue"); !strings.Contains(got, "queue: service script, active (running)") {
		t.Errorf("wsgid status:\n%s", got)
	}

	m.Process(is.PID).Signal(syscall.SIGKILL)
	again := nextWorker(t, m, is.PID)
	m.MustRun("systemctl", "stop", "wsgi@queue.service")
	m.AwaitProperty(queueUnit, "ActiveState", "inactive", 20*time.Second)
	m.AwaitJournal(queueUnit, "the worker ends in order", 10*time.Second)
	m.MustRun("systemctl", "start", "wsgi@queue.service")
	nextWorker(t, m, again.PID)
}

// testServiceScriptReload: a reload that goes well brings its new code, one that fails
// leaves it alone; a script that is gone from the file ends.
func testServiceScriptReload(t *testing.T, m *boot.Machine) {
	queue(m)
	m.MustRun("systemctl", "start", "wsgi@queue.service")
	first := nextWorker(t, m, 0)
	m.WriteFile("/srv/queue/worker.py", strings.Replace(queueWorker, "'one'", "'two'", 1), 0o644, "")
	m.WriteFile("/srv/queue/app.py", "1 / 0\n", 0o644, "")
	if got := m.Run("systemctl", "reload", "wsgi@queue"); got.Status == 0 {
		t.Error("an application that cannot be imported can be reloaded")
	}
	if now := m.PID(queueUnit); now != first.PID {
		t.Errorf("a reload that failed has replaced worker %d by %d", first.PID, now)
	}
	m.WriteFile("/srv/queue/app.py", probe, 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@queue")
	if second := nextWorker(t, m, first.PID); second.Env["VERSION"] != "two" {
		t.Errorf("after a reload version %s works", second.Env["VERSION"])
	}
	_, rest, _ := strings.Cut(queueSite, "[[mount]]")
	m.WriteFile("/etc/wsgi/queue.toml", "[group.web]\n[group.mail]\nthreads = 0\nscript = \"/srv/queue/worker.py\"\nuser = \"joe\"\nhome = \"/srv/queue/home\"\n[[mount]]"+rest, 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@queue")
	m.AwaitProperty(queueUnit, "ActiveState", "inactive", 20*time.Second)
	m.AwaitProperty("wsgi-queue:mail.service", "ActiveState", "active", 20*time.Second)
}
