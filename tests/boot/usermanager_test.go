package boot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

func TestSiteOfUser(t *testing.T) {
	boot.Run(t, "a user's own systemd serves a site of the user",
		boot.Case{Name: "life", Run: testSiteOfUser},
	)
}

const notesSite = `listen = "127.0.0.1:8095"
[group.web]
processes = 2
home = "/home/joe"
[group.web.env]
NOTES = "yes"
[[mount]]
path = "/"
script = "/home/joe/notes/app.py"
`

// testSiteOfUser takes a site through its life as its user would.
func testSiteOfUser(t *testing.T, m *boot.Machine) {
	m.UserManager("joe")
	m.Must(boot.Command{Args: []string{"mkdir", "-p", "/home/joe/.config/wsgi", "/home/joe/notes"}, User: "joe"})
	m.WriteFile("/home/joe/notes/app.py", probe, 0o644, "joe:joe")
	const file = "/home/joe/.config/wsgi/notes.toml"
	m.WriteFile(file, notesSite, 0o644, "joe:joe")
	systemctl := func(args ...string) string {
		t.Helper()
		return m.Must(boot.Command{Args: append([]string{"systemctl", "--user"}, args...), User: "joe"})
	}
	property := func(unit, name string) string {
		t.Helper()
		return systemctl("show", "--property="+name, "--value", unit)
	}
	sockets := fmt.Sprintf("/run/user/%d/wsgi", m.UID("joe"))
	ask := func() self {
		t.Helper()
		got, err := m.TryCurl("joe", "--unix-socket", sockets+"/notes.sock", "http://notes/who")
		if err != nil || got.Status != 200 {
			t.Fatalf("status %d, %v\n%s", got.Status, err, got.Body)
		}
		return parseSelf(t, got.Body)
	}

	systemctl("daemon-reload")
	systemctl("enable", "--now", "wsgi@notes")
	first := ask()
	if first.UID != m.UID("joe") || first.Cwd != "/home/joe" || first.Env["NOTES"] != "yes" {
		t.Errorf("uid %d, working directory %s, NOTES %q", first.UID, first.Cwd, first.Env["NOTES"])
	}
	if !strings.HasSuffix(first.Cgroup, "/wsgi.slice/wsgi-notes.slice/wsgi-notes-web.slice/wsgi-notes:web@a.service") {
		t.Errorf("its cgroup is %s", first.Cgroup)
	}
	if got := m.Curl("http://127.0.0.1:8095/who"); got.Status != 200 {
		t.Errorf("over TCP: status %d", got.Status)
	}
	for path, want := range map[string]string{
		sockets + "/notes.sock": "joe:joe 660", sockets + "/notes:web.a.sock": "joe:joe 600", sockets + "/notes:web.b.sock": "joe:joe 600",
	} {
		if got := m.Owner(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := m.RunAs("jane", "curl", "--silent", "--show-error", "--unix-socket", sockets+"/notes.sock", "http://notes/who"); got.Status == 0 {
		t.Errorf("jane gets %s", got.Stdout)
	}
	if got := property("wsgi@notes.service", "StatusText"); !strings.Contains(got, "generation 1, 2 of 2 processes ready") {
		t.Errorf("the status is %q", got)
	}

	inode := m.Inode(sockets + "/notes.sock")
	systemctl("reload", "wsgi@notes")
	second := ask()
	if second.PID == first.PID || !strings.HasSuffix(second.Cgroup, "web@b.service") {
		t.Errorf("after a reload process %d in %s, before %d", second.PID, second.Cgroup, first.PID)
	}
	systemctl("restart", "wsgi@notes")
	if third := ask(); third.Cgroup != second.Cgroup || third.PPID != second.PPID {
		t.Errorf("after a restart a process of leader %d in %s, before of %d", third.PPID, third.Cgroup, second.PPID)
	}

	// A mistake is said in the user's log.
	m.WriteFile(file, strings.Replace(notesSite, "[group.web]", "[group.web]\nuser = \"jane\"", 1), 0o644, "joe:joe")
	if got := m.RunAs("joe", "systemctl", "--user", "reload", "wsgi@notes"); got.Status == 0 {
		t.Error("a reload succeeds with a user in the file")
	}
	const mistake = file + ":3: group.web.user: a user's own systemd cannot change users"
	awaitRecord(t, m, mistake, "_SYSTEMD_USER_UNIT=wsgi@notes.service")
	systemctl("daemon-reload")
	systemctl("stop", "wsgi@notes.service")
	await := later(t, m, "_SYSTEMD_USER_UNIT=wsgi@notes.service")
	if got := m.RunAs("joe", "systemctl", "--user", "start", "wsgi@notes"); got.Status == 0 {
		t.Error("a start succeeds with a user in the file")
	}
	await(mistake)
	m.WriteFile(file, notesSite, 0o644, "joe:joe")
	systemctl("daemon-reload")
	systemctl("start", "wsgi@notes")
	ask()

	leader := m.Process(atoi(t, property("wsgi-notes:web@a.service", "MainPID")))
	systemctl("stop", "wsgi@notes.service")
	leader.AwaitEnd(10 * time.Second)
	if got := m.Inode(sockets + "/notes.sock"); got != inode {
		t.Errorf("the socket's inode %d has become %d", inode, got)
	}
	ask() // the socket starts it again
	systemctl("disable", "wsgi@notes")
	systemctl("stop", "wsgi@notes.socket", "wsgi@notes.service")
	if m.Exists(sockets + "/notes.sock") {
		t.Error("the socket is there after its unit has stopped")
	}
}
