package boot_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

func TestSurroundings(t *testing.T) {
	boot.Run(t, "processes find what the site file says around them, and little else",
		boot.Case{Name: "environment", Run: testEnvironment},
		boot.Case{Name: "shared tmp", Run: testSharedTmp},
		boot.Case{Name: "chroot", Run: testChroot},
		boot.Case{Name: "exposure", Run: testExposure},
	)
}

// testEnvironment: every variable arrives as it was written; env wins over env-file,
// which the group's user cannot read.
func testEnvironment(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/env/app.py", probe, 0o644, "")
	m.WriteFile("/srv/env/secret.env", "SECRET='of the file'\nBOTH=file\nDROPIN_FILE=file\n", 0o600, "")
	m.Site("env", `[group.web]
user = "joe"
lang = "C.UTF-8"
env-file = "/srv/env/secret.env"
[group.web.env]
BOTH = "key"
DROPIN = "key"
QUOTES = "a 'b' \"c\" \\d $HOME ${HOME} %n %% é	tab"
LINES = "one\ntwo"
BELL = "a\u0007b"
EMPTY = ""
[[mount]]
path = "/"
script = "/srv/env/app.py"
`)
	m.WriteFile("/etc/systemd/system/wsgi-env:web@.service.d/admin.conf", "[Service]\nEnvironment=ADMIN=yes DROPIN=admin DROPIN_FILE=admin\n", 0o644, "")
	m.MustRun("systemctl", "daemon-reload")
	m.MustRun("systemctl", "start", "wsgi@env")
	env := who(t, m, "env", "").Env
	for name, want := range map[string]string{
		"SECRET": "of the file", "BOTH": "key", "DROPIN": "key", "DROPIN_FILE": "file", "ADMIN": "yes",
		"QUOTES": "a 'b' \"c\" \\d $HOME ${HOME} %n %% é\ttab", "LINES": "one\ntwo", "BELL": "a\u0007b",
		"LANG": "C.UTF-8", "USER": "joe", "HOME": "/home/joe",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if _, found := env["EMPTY"]; !found {
		t.Error("EMPTY is missing")
	}
	for name := range env {
		if strings.HasPrefix(name, "LISTEN_") || strings.HasPrefix(name, "NOTIFY_") || strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "WSGID_") || name == "JOURNAL_STREAM" {
			t.Errorf("the application has %s=%s", name, env[name])
		}
	}
	if got := askProbe(t, m, "env", "/read", "/srv/env/secret.env"); got != "PermissionError" {
		t.Errorf("the application reads the file: %s", got)
	}
	if status := m.MustRun("systemctl", "show", "wsgi-env:web@a.service", "wsgi@env.service"); strings.Contains(status, "of the file") {
		t.Error("systemctl shows what is in the file")
	}
	if log := m.Journal(""); strings.Contains(log, "of the file") || strings.Contains(log, "Ignoring invalid environment") {
		t.Errorf("the journal has it, or a complaint:\n%s", log)
	}
}

// testSharedTmp: a group has a /tmp of its own, which outlives its generations, and
// another group another one.
func testSharedTmp(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/tmp/app.py", probe, 0o644, "")
	var text strings.Builder
	for _, group := range []string{"one", "two"} {
		fmt.Fprintf(&text, "[group.%s]\nuser = \"joe\"\n[[mount]]\npath = \"/%[1]s\"\nscript = \"/srv/tmp/app.py\"\ngroup = \"%[1]s\"\n", group)
	}
	m.Site("tmp", text.String())
	m.MustRun("systemctl", "start", "wsgi@tmp")
	askProbe(t, m, "tmp", "/one/write", "/tmp/session")
	m.MustRun("systemctl", "reload", "wsgi@tmp")
	for path, want := range map[string]string{"/one/read": "written", "/two/read": "FileNotFoundError"} {
		if got := askProbe(t, m, "tmp", path, "/tmp/session"); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if m.Exists("/tmp/session") {
		t.Error("the file is in the system's /tmp")
	}
}

// testChroot runs a group in a tree that has little more than Python.
func testChroot(t *testing.T, m *boot.Machine) {
	m.MustRun("mkdir", "-p", "/srv/jail/usr", "/srv/jail/etc", "/srv/jail/proc", "/srv/jail/sys", "/srv/jail/dev", "/srv/jail/run", "/srv/jail/tmp", "/srv/jail/var/tmp")
	m.MustRun("mount", "--bind", "-o", "ro", "/usr", "/srv/jail/usr")
	t.Cleanup(func() {
		m.MustRun("umount", "/srv/jail/usr")
		m.MustRun("rm", "-r", "/srv/jail")
	})
	for _, dir := range []string{"bin", "lib", "lib64", "sbin"} {
		if m.Exists("/usr/" + dir) {
			m.MustRun("ln", "-s", "usr/"+dir, "/srv/jail/"+dir)
		}
	}
	m.WriteFile("/srv/jail/app/app.py", probe, 0o644, "")
	m.WriteFile("/srv/jail/inside", "the jail", 0o644, "")
	m.Site("jail", `[group.web]
user = "joe"
chroot = "/srv/jail"
home = "/app"
[[mount]]
path = "/"
script = "/app/app.py"
`)
	m.MustRun("systemctl", "start", "wsgi@jail")
	is := who(t, m, "jail", "")
	if is.UID != m.UID("joe") || is.Cwd != "/app" || is.Path0 != "/app" {
		t.Errorf("uid %d, working directory %s, sys.path[0] %s", is.UID, is.Cwd, is.Path0)
	}
	for path, want := range map[string]string{"/inside": "the jail", "/srv/jail/inside": "FileNotFoundError", "/etc/passwd": "FileNotFoundError"} {
		if got := askProbe(t, m, "jail", "/read", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := m.MustRun("readlink", "/proc/"+strconv.Itoa(is.PID)+"/root"); got != "/srv/jail" && got != "/" {
		t.Errorf("the root directory of the process is %s", got)
	}
	m.MustRun("systemctl", "reload", "wsgi@jail")
	if now := who(t, m, "jail", ""); now.PID == is.PID {
		t.Error("the old process serves after a reload")
	}
	if got := m.Property("wsgi-jail:web@b.service", "StatusText"); !strings.Contains(got, "1 of 1 processes ready") {
		t.Errorf("the status, for which the leader needs a socket of systemd, is %q", got)
	}
	askProbe(t, m, "jail", "/complain", "from the jail")
	m.AwaitJournal("wsgi-jail:web@b", "from the jail", 10*time.Second)
}

// testExposure reads the score of systemd-analyze(1) for the units as they run: 10 is no
// sandbox at all.
func testExposure(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/exposed/app.py", probe, 0o644, "")
	m.Site("exposed", "[[mount]]\npath = \"/\"\nscript = \"/srv/exposed/app.py\"\n")
	m.MustRun("systemctl", "start", "wsgi@exposed")
	for unit, most := range map[string]float64{"wsgi@exposed.service": 0.5, "wsgi-exposed:main@a.service": 2.0} {
		report := m.MustRun("systemd-analyze", "security", "--no-pager", unit)
		_, rest, found := strings.Cut(report, "Overall exposure level for "+unit+": ")
		text, _, _ := strings.Cut(rest, " ")
		score, err := strconv.ParseFloat(text, 64)
		if !found || err != nil {
			t.Fatalf("no score in\n%s", report)
		}
		t.Logf("%s: %.1f", unit, score)
		if score > most {
			t.Errorf("%s has %.1f, want at most %.1f\n%s", unit, score, most, report)
		}
	}
}
