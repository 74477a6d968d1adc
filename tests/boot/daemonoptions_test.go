package boot_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// stuckApplication holds its thread, and with /gil and /regex the whole interpreter.
const stuckApplication = `import ctypes, os, re, time

def application(environ, start_response):
    path = environ['PATH_INFO'].rstrip('0123456789')
    if path == '/gil':
        ctypes.PyDLL(None).sleep(60)  # PyDLL keeps the lock of the interpreter
    elif path == '/regex':
        re.match('(a+)+$', 'a' * 60 + 'b')
    elif path == '/sleep':
        time.sleep(60)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'%d' % os.getpid()]
`

func TestDaemonOptions(t *testing.T) {
	boot.Run(t, "options of a daemon group hold in a running system",
		boot.Case{Name: "accounts by number", Run: testNumbers},
		boot.Case{Name: "names and locale", Run: testNames},
		boot.Case{Name: "stuck", Run: testStuck},
	)
}

// testNumbers: "#uid" and "#gid" are as good as names, and are of somebody.
func testNumbers(t *testing.T, m *boot.Machine) {
	uid, web, audio := m.UID("jane"), gid(t, m, "www-data"), gid(t, m, "audio")
	m.WriteFile("/srv/number/app.py", probe, 0o644, "")
	const text = `socket-user = "#%d"
socket-group = "#%d"
[group.web]
user = "#%[1]d"
group = "#%[2]d"
supplementary-groups = ["#%[3]d"]
[[mount]]
path = "/"
script = "/srv/number/app.py"
`
	m.Site("number", fmt.Sprintf(text, uid, web, audio))
	m.MustRun("systemctl", "start", "wsgi@number")
	is := who(t, m, "number", "")
	if is.UID != uid || is.GID != web || is.Env["HOME"] != "/home/jane" || is.Env["USER"] != "jane" {
		t.Errorf("uid %d, gid %d, HOME %s, USER %s", is.UID, is.GID, is.Env["HOME"], is.Env["USER"])
	}
	if !strings.Contains(fmt.Sprint(is.Groups), strconv.Itoa(audio)) {
		t.Errorf("groups %v without %d", is.Groups, audio)
	}
	notRoot(t, m, "jane", is.PID)
	if got := m.Owner("/run/wsgi/number.sock"); got != "jane:www-data 660" {
		t.Errorf("the socket is %s", got)
	}
	for number, want := range map[int]string{
		54321:         `there is no user "54321" on this machine`,
		m.UID("wsgi"): `is the user of the front end`,
	} {
		m.WriteFile("/etc/wsgi/number.toml", fmt.Sprintf(text, number, web, audio), 0o644, "")
		if got := m.Run("wsgid", "check", "/etc/wsgi/number.toml"); got.Status == 0 || !strings.Contains(got.Stderr, want) {
			t.Errorf("wsgid check of user #%d: status %d\n%s", number, got.Status, got.Stderr)
		}
	}
	// Who does not check has it refused all the same.
	m.MustRun("systemctl", "daemon-reload")
	if got := m.Run("systemctl", "reload", "wsgi@number"); got.Status == 0 {
		t.Error("a reload has an application run as the front end's user")
	}
	if now := who(t, m, "number", ""); now.PID != is.PID {
		t.Errorf("process %d serves as user %d", now.PID, now.UID)
	}
}

// testNames: what ps(1) shows, and the locale that the process works in.
func testNames(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/names/app.py", probe, 0o644, "")
	m.Site("names", `[group.web]
display-name = "shop %{GROUP}"
lang = "C"
locale = "C.UTF-8"
python-eggs = "/var/tmp/eggs"
[[mount]]
path = "/"
script = "/srv/names/app.py"
`)
	m.MustRun("systemctl", "start", "wsgi@names")
	is := who(t, m, "names", "")
	if got := strings.TrimSpace(m.MustRun("ps", "-o", "args=", "-p", strconv.Itoa(is.PID))); got != "shop (wsgi:web)" {
		t.Errorf("ps shows %q", got)
	}
	if is.Env["LANG"] != "C" || is.Env["LC_ALL"] != "C.UTF-8" || is.Env["PYTHON_EGG_CACHE"] != "/var/tmp/eggs" {
		t.Errorf("LANG %s, LC_ALL %s, PYTHON_EGG_CACHE %s", is.Env["LANG"], is.Env["LC_ALL"], is.Env["PYTHON_EGG_CACHE"])
	}
	m.WriteFile("/etc/wsgi/names.toml", "[group.web]\nlocale = \"xx_YY.UTF-8\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/names/app.py\"\n", 0o644, "")
	if got := m.Run("systemctl", "reload", "wsgi@names"); got.Status == 0 {
		t.Error("a locale that the machine does not have can be reloaded")
	}
	m.AwaitJournal("wsgi@names", "cannot use locale 'xx_YY.UTF-8'", 10*time.Second)
}

// testStuck: a request that does not end, and an interpreter that does not answer, are
// told by their names, and another process serves.
func testStuck(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/stuck/app.py", stuckApplication, 0o644, "")
	for i, c := range []struct {
		path, keys string
		status     int
		cause      string
	}{
		{"/sleep", `request-timeout = "2s"`, 504, "cause=request-timeout"},
		{"/regex", `request-timeout = "2s"`, 504, "cause=request-timeout"},
		{"/gil", `request-timeout = "2s"`, 504, "cause=request-timeout"},
		{"/gil", "request-timeout = 0\ndeadlock-timeout = \"2s\"", 502, "deadlock-timeout"},
		{"/regex", "request-timeout = 0\ndeadlock-timeout = \"2s\"", 502, "deadlock-timeout"},
	} {
		m.In(t).Site("stuck", "[group.web]\nthreads = 2\nshutdown-timeout = \"1s\"\n"+c.keys+"\n[[mount]]\npath = \"/\"\nscript = \"/srv/stuck/app.py\"\n")
		m.MustRun("systemctl", "restart", "wsgi@stuck")
		m.MustRun("systemctl", "reload", "wsgi@stuck")
		before := askProbe(t, m, "stuck", "/", "")
		path := c.path + strconv.Itoa(i)
		got := m.Curl("--max-time", "30", "--unix-socket", "/run/wsgi/stuck.sock", "http://stuck"+path)
		if got.Status != c.status {
			t.Errorf("%s with %s: status %d\n%s", path, c.keys, got.Status, got.Body)
		}
		line := m.AwaitJournal("wsgi@stuck", "path="+path, 10*time.Second)
		if !strings.Contains(line, c.cause) {
			t.Errorf("%s with %s: the log says\n%s", path, c.keys, line)
		}
		if after := askProbe(t, m, "stuck", "/", ""); after == before {
			t.Errorf("%s with %s: process %s serves on", c.path, c.keys, before)
		}
	}
}
