package boot_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// peopleSite has a group of each of three users.
const peopleSite = `[group.joe]
user = "joe"
supplementary-groups = ["www-data"]
umask = "0027"
home = "/srv/people/home"

[group.jane]
user = "jane"
group = "www-data"

[group.nobodys]

[[mount]]
path = "/"
script = "/srv/people/app.py"
group = "joe"
[[mount]]
path = "/jane"
script = "/srv/people/app.py"
group = "jane"
[[mount]]
path = "/nobodys"
script = "/srv/people/app.py"
group = "nobodys"
`

func TestUsers(t *testing.T) {
	boot.Run(t, "every process runs as the user it should, and can do no more",
		boot.Case{Name: "files", Run: testUserFiles},
		boot.Case{Name: "sockets", Run: testUserSockets},
		boot.Case{Name: "front end socket", Run: testSocketMode},
		boot.Case{Name: "changed user", Run: testChangedUser},
	)
}

// people writes the site and what its applications may read, and starts it.
func people(m *boot.Machine) {
	m.WriteFile("/srv/people/app.py", probe, 0o644, "")
	m.MustRun("install", "-d", "-o", "joe", "/srv/people/home")
	m.WriteFile("/srv/people/secret-joe", "of joe", 0o600, "joe:joe")
	m.WriteFile("/srv/people/secret-jane", "of jane", 0o600, "jane:jane")
	m.Site("people", peopleSite)
	m.MustRun("systemctl", "start", "wsgi@people")
}

func testUserFiles(t *testing.T, m *boot.Machine) {
	people(m)
	web := gid(t, m, "www-data")
	for _, c := range []struct {
		mount, user string
		gid         int
		groups      []int
		reads       map[string]string
	}{
		{"", "joe", gid(t, m, "joe"), []int{gid(t, m, "joe"), web}, map[string]string{"joe": "of joe", "jane": "PermissionError"}},
		{"/jane", "jane", web, []int{gid(t, m, "jane"), web}, map[string]string{"joe": "PermissionError", "jane": "of jane"}},
		{"/nobodys", "wsgi-app", gid(t, m, "wsgi-app"), []int{gid(t, m, "wsgi-app")}, map[string]string{"joe": "PermissionError", "jane": "PermissionError"}},
	} {
		is := who(t, m, "people", c.mount)
		if is.UID != m.UID(c.user) || is.GID != c.gid {
			t.Errorf("%s: uid %d, gid %d, want %d, %d", c.user, is.UID, is.GID, m.UID(c.user), c.gid)
		}
		for _, group := range is.Groups {
			if !slices.Contains(c.groups, group) {
				t.Errorf("%s: groups %v, want of %v", c.user, is.Groups, c.groups)
			}
		}
		if c.user == "joe" && !slices.Contains(is.Groups, web) {
			t.Errorf("%s: groups %v without the one of supplementary-groups, %d", c.user, is.Groups, web)
		}
		for owner, want := range c.reads {
			if got := askProbe(t, m, "people", c.mount+"/read", "/srv/people/secret-"+owner); got != want {
				t.Errorf("%s reads the file of %s: %s, want %s", c.user, owner, got, want)
			}
		}
		if got := askProbe(t, m, "people", c.mount+"/read", "/etc/shadow"); got != "PermissionError" {
			t.Errorf("%s reads the passwords: %s", c.user, got)
		}
	}

	is := who(t, m, "people", "")
	if is.Umask != 0o027 || is.Cwd != "/srv/people/home" || is.Path0 != "/srv/people/home" {
		t.Errorf("umask %#o, working directory %s, sys.path[0] %s", is.Umask, is.Cwd, is.Path0)
	}
	askProbe(t, m, "people", "/write", "/srv/people/home/new")
	if got := m.Owner("/srv/people/home/new"); got != "joe:joe 640" {
		t.Errorf("what the application writes is %s", got)
	}

	supervisor := m.PID("wsgi@people.service")
	for _, owner := range []string{"joe", "jane"} {
		if result := inPlaceOf(m, supervisor, "cat", "/srv/people/secret-"+owner); result.Status == 0 || !strings.Contains(result.Stderr, "Permission denied") {
			t.Errorf("the front end reads the file of %s: %s%s", owner, result.Stdout, result.Stderr)
		}
	}
	notRoot(t, m, "wsgi", supervisor)
	notRoot(t, m, "joe", m.PID("wsgi-people:joe@a.service"))
	notRoot(t, m, "joe", is.PID)
}

func gid(t *testing.T, m *boot.Machine, group string) int {
	t.Helper()
	return atoi(t, strings.Split(m.MustRun("getent", "group", group), ":")[2])
}

// inPlaceOf runs a program with the view, the user and the rights of a process.
func inPlaceOf(m *boot.Machine, pid int, args ...string) boot.Result {
	status := m.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	groups := "--clear-groups"
	if list := statusLine(status, "Groups"); list != "" {
		groups = "--groups=" + strings.ReplaceAll(list, " ", ",")
	}
	command := []string{
		"nsenter", "--target", strconv.Itoa(pid), "--mount", "--", "setpriv",
		"--reuid=" + strings.Fields(statusLine(status, "Uid"))[0], "--regid=" + strings.Fields(statusLine(status, "Gid"))[0],
		groups, "--bounding-set=-all", "--no-new-privs", "--",
	}
	return m.Run(append(command, args...)...)
}

// statusLine is a value of proc_pid_status(5).
func statusLine(status, name string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// notRoot: each of the four user ids is the user's, and there is no way to more rights.
func notRoot(t *testing.T, m *boot.Machine, user string, pid int) {
	t.Helper()
	status := m.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for _, uid := range strings.Fields(statusLine(status, "Uid")) {
		if uid != strconv.Itoa(m.UID(user)) {
			t.Errorf("process %d has user ids %s, want those of %s", pid, statusLine(status, "Uid"), user)
			break
		}
	}
	for name, want := range map[string]string{"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"} {
		if got := statusLine(status, name); got != want {
			t.Errorf("process %d of %s has %s %s, want %s", pid, user, name, got, want)
		}
	}
}

// testUserSockets: nobody but the front end can start a group's leader, or see what the
// supervisor has for itself.
func testUserSockets(t *testing.T, m *boot.Machine) {
	people(m)
	askProbe(t, m, "people", "/who", "")
	slots := []string{"joe.a", "joe.b", "jane.a", "jane.b", "nobodys.a", "nobodys.b"}
	for _, slot := range slots {
		if got := m.Owner("/run/wsgi/people:" + slot + ".sock"); got != "wsgi:wsgi 600" {
			t.Errorf("the socket of slot %s is %s", slot, got)
		}
	}
	for _, user := range []string{"joe", "jane", "wsgi-app", "www-data", "nobody"} {
		for _, slot := range slots {
			result := m.RunAs(user, "python3", "-c", "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", "/run/wsgi/people:"+slot+".sock")
			if !strings.Contains(result.Stderr, "PermissionError") {
				t.Errorf("%s connects to slot %s: status %d\n%s", user, slot, result.Status, result.Stderr)
			}
		}
		if result := m.RunAs(user, "ls", "/run/wsgi/people"); !strings.Contains(result.Stderr, "Permission denied") {
			t.Errorf("%s reads the supervisor's directory: %s%s", user, result.Stdout, result.Stderr)
		}
	}
	for _, mount := range []string{"", "/jane", "/nobodys"} {
		for _, socket := range []string{"people:joe.a.sock", "people:nobodys.b.sock", "people/control.sock"} {
			if got := askProbe(t, m, "people", mount+"/connect", "/run/wsgi/"+socket); got != "PermissionError" {
				t.Errorf("the application at %s/ connects to %s: %s", mount, socket, got)
			}
		}
	}
	if got := m.Owner("/run/wsgi/people"); got != "wsgi:wsgi 750" {
		t.Errorf("the supervisor's directory is %s", got)
	}
	if got := m.Owner("/run/wsgi"); got != "root:root 755" {
		t.Errorf("the directory of sockets is %s", got)
	}
}

// testSocketMode: the site's own UNIX sockets are for whom the file says.
func testSocketMode(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/gate/app.py", probe, 0o644, "")
	const text = `listen = "unix:/srv/gate/http.sock"
socket-user = "joe"
socket-group = "www-data"
socket-mode = "0660"
[[mount]]
path = "/"
script = "/srv/gate/app.py"
`
	m.Site("gate", text)
	m.MustRun("systemctl", "start", "wsgi@gate.socket")
	for _, path := range []string{"/run/wsgi/gate.sock", "/srv/gate/http.sock"} {
		if got := m.Owner(path); got != "joe:www-data 660" {
			t.Errorf("%s is %s", path, got)
		}
		for _, user := range []string{"joe", "www-data"} {
			if got, err := m.TryCurl(user, "--unix-socket", path, "http://gate/who"); err != nil || got.Status != 200 {
				t.Errorf("%s at %s: status %d, %v", user, path, got.Status, err)
			}
		}
		for _, user := range []string{"jane", "wsgi-app", "nobody"} {
			if got, err := m.TryCurl(user, "--unix-socket", path, "http://gate/who"); err == nil {
				t.Errorf("%s at %s gets status %d", user, path, got.Status)
			}
		}
	}

	// Without a group, that of the user.
	m.Site("gate", strings.Replace(text, `socket-group = "www-data"`, "", 1))
	m.MustRun("systemctl", "stop", "wsgi@gate.service", "wsgi@gate.socket")
	m.MustRun("systemctl", "start", "wsgi@gate.socket")
	if got := m.Owner("/run/wsgi/gate.sock"); got != "joe:joe 660" {
		t.Errorf("without socket-group the socket is %s", got)
	}
}

// testChangedUser: another user takes over with the next generation, beside a request
// that finishes as the old one.
func testChangedUser(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/change/app.py", probe, 0o644, "")
	const text = "[group.web]\nuser = \"joe\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/change/app.py\"\n"
	m.Site("change", text)
	m.MustRun("systemctl", "enable", "--now", "wsgi@change")
	before := who(t, m, "change", "")

	for _, unit := range []string{"wsgi@change.socket", "wsgi@change.service", "wsgi-change:web@a.service", "wsgi-change:web@a.socket", "wsgi-change-web.slice"} {
		if got := m.Property(unit, "NeedDaemonReload"); got != "no" {
			t.Errorf("%s: NeedDaemonReload=%s before a change", unit, got)
		}
	}
	m.MustRun("touch", "-d", "+2 seconds", "/etc/wsgi/change.toml")
	m.WriteFile("/etc/wsgi/change.toml", strings.Replace(text, "joe", "jane", 1), 0o644, "")
	m.MustRun("touch", "-d", "+2 seconds", "/etc/wsgi/change.toml")
	for _, unit := range []string{"wsgi@change.socket", "wsgi@change.service", "wsgi-change:web@a.service", "wsgi-change:web@a.socket"} {
		if got := m.Property(unit, "SourcePath"); got != "/etc/wsgi/change.toml" {
			t.Errorf("%s: SourcePath=%s", unit, got)
		}
		if got := m.Property(unit, "NeedDaemonReload"); got != "yes" {
			t.Errorf("%s: NeedDaemonReload=%s after a change", unit, got)
		}
	}
	if got := m.Run("systemctl", "status", "--no-pager", "wsgi@change"); !strings.Contains(got.Stderr, "changed on disk. Run 'systemctl daemon-reload'") {
		t.Errorf("systemctl status says nothing of the change:\n%s%s", got.Stdout, got.Stderr)
	}
	for _, path := range strings.Fields(m.MustRun("find", "/run/systemd/generator", "-type", "f", "-path", "*wsgi*")) {
		if !strings.Contains(m.ReadFile(path), "\nSourcePath=/etc/wsgi/change.toml\n") {
			t.Errorf("%s has no SourcePath=", path)
		}
	}

	m.MustRun("systemctl", "daemon-reload")
	slow := slowly(t, m, "change", "", "2")
	reload := beside(t, m, "systemctl", "reload", "wsgi@change")
	m.AwaitJournal("wsgi@change", "generation=2", 10*time.Second)
	after := who(t, m, "change", "")
	select {
	case got := <-slow:
		t.Fatalf("the slow request ended before the new generation served: %v\n%s", got.err, got.output)
	case <-reload:
		t.Error("systemctl reload has not waited for the slow request")
	default:
	}
	if before.UID != m.UID("joe") || after.UID != m.UID("jane") {
		t.Errorf("uid %d before and %d after, want %d and %d", before.UID, after.UID, m.UID("joe"), m.UID("jane"))
	}
	if before.Cgroup == after.Cgroup || !strings.HasSuffix(after.Cgroup, "/wsgi.slice/wsgi-change.slice/wsgi-change-web.slice/wsgi-change:web@b.service") {
		t.Errorf("cgroup %s before, %s after", before.Cgroup, after.Cgroup)
	}
	got := <-slow
	if got.err != nil {
		t.Fatalf("the slow request: %v\n%s", got.err, got.output)
	}
	if done := <-reload; done.err != nil {
		t.Errorf("systemctl reload: %v\n%s", done.err, done.output)
	}
	if is := parseSelf(t, got.output); is.UID != m.UID("joe") || is.PID != before.PID {
		t.Errorf("the slow request ended in process %d as %d, want %d as %d", is.PID, is.UID, before.PID, m.UID("joe"))
	}
}
