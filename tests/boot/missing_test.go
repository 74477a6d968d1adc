package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

func TestMissing(t *testing.T) {
	boot.Run(t, "what keeps a site from starting is said in words that lead to it",
		boot.Case{Name: "unreadable", Run: testUnreadable},
		boot.Case{Name: "missing", Run: testMissing},
		boot.Case{Name: "another address", Run: testAnotherAddress},
	)
}

// testUnreadable: a site file that its users may not read is said to be one, and is
// served as soon as they may.
func testUnreadable(t *testing.T, m *boot.Machine) {
	const file = "/etc/wsgi/closed.toml"
	m.WriteFile("/srv/closed/app.py", probe, 0o644, "")
	m.Site("closed", "[group.web]\nuser = \"joe\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/closed/app.py\"\n")
	m.MustRun("chmod", "0600", file)
	if got := m.Run("systemctl", "start", "wsgi@closed"); got.Status == 0 {
		t.Error("the site starts")
	}
	r := awaitRecord(t, m, "permission denied", "--unit=wsgi@closed", "--priority=err", "SITE=closed")
	if !strings.Contains(r["MESSAGE"], "chmod a+r "+file) {
		t.Errorf("no hint in %s", r["MESSAGE"])
	}

	m.MustRun("chgrp", "wsgi", file)
	m.MustRun("chmod", "0640", file)
	m.AwaitProperty("wsgi@closed.service", "ActiveState", "active", 20*time.Second)
	if got := m.Curl("--unix-socket", "/run/wsgi/closed.sock", "http://closed/who"); got.Status != 503 {
		t.Errorf("status %d while joe cannot read the file", got.Status)
	}
	r = awaitRecord(t, m, "permission denied", "--unit=wsgi-closed:web@a", "--priority=err", "SITE=closed", "GROUP=web")
	for _, want := range []string{"as user joe", "chmod a+r " + file} {
		if !strings.Contains(r["MESSAGE"], want) {
			t.Errorf("%q is not in %s", want, r["MESSAGE"])
		}
	}

	m.MustRun("chmod", "0644", file)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := m.Curl("--unix-socket", "/run/wsgi/closed.sock", "http://closed/who")
		if got.Status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d after everybody may read the file\n%s", got.Status, got.Body)
		}
	}
}

// testMissing: systemd does not name what it has not found; where to look does.
func testMissing(t *testing.T, m *boot.Machine) {
	const file = "/etc/wsgi/lacking.toml"
	m.WriteFile("/srv/lacking/app.py", probe, 0o644, "")
	for _, c := range []struct{ key, want string }{
		{`user = "nobodyhere"`, `there is no user "nobodyhere" on this machine`},
		{`home = "/srv/none"`, `"/srv/none": no such file or directory`},
		{`env-file = "/srv/none.env"`, `"/srv/none.env": no such file or directory`},
		{`chroot = "/srv/none"`, `"/srv/none": no such file or directory`},
	} {
		m.Site("lacking", "[group.web]\n"+c.key+"\n[[mount]]\npath = \"/\"\nscript = \"/srv/lacking/app.py\"\n")
		await := later(t, m, "--unit=wsgi@lacking", "--priority=err")
		m.MustRun("systemctl", "start", "wsgi@lacking")
		await("wsgid check " + file)
		key, _, _ := strings.Cut(c.key, " ")
		if got := m.Run("wsgid", "check", file); got.Status != 1 || !strings.Contains(got.Stderr, file+":2: group.web."+key+": "+c.want) {
			t.Errorf("%s: status %d\n%s%s", c.key, got.Status, got.Stdout, got.Stderr)
		}
		if got := m.Curl("--unix-socket", "/run/wsgi/lacking.sock", "http://lacking/who"); got.Status != 503 {
			t.Errorf("%s: status %d", c.key, got.Status)
		}
		m.MustRun("systemctl", "stop", "wsgi@lacking.service")
	}
}

// testAnotherAddress: systemd opens no socket while its unit runs, so somebody has to
// say that an address of the file is not served, and what to do about it.
func testAnotherAddress(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	m.Site("moved", portSite(54))
	m.MustRun("systemctl", "start", "wsgi@moved")
	m.Site("moved", strings.Replace(portSite(54), `"127.0.0.1:9054"`, `["127.0.0.1:9054", ":9055"]`, 1))
	if got := m.Run("systemctl", "reload", "wsgi@moved"); got.Status == 0 {
		t.Error("a reload succeeds, which does not open the new address")
	}
	awaitRecord(t, m, "systemctl restart wsgi@moved.socket", "--unit=wsgi@moved.service", "--priority=err")
	m.MustRun("systemctl", "restart", "wsgi@moved")
	if _, err := m.TryCurl("", "http://127.0.0.1:9055/who"); err == nil {
		t.Error("a restart opens the new address: the warning is needless")
	}
	warning := awaitRecord(t, m, "nobody listens", "--unit=wsgi@moved.service", "--priority=warning", "LISTEN=:9055")
	_, recipe, _ := strings.Cut(warning["MESSAGE"], "hint: ")
	m.MustRun("sh", "-e", "-c", recipe)
	for _, port := range []string{"9054", "9055"} {
		if got := m.Curl("http://127.0.0.1:" + port + "/who"); got.Status != 200 {
			t.Errorf("port %s: status %d after %s", port, got.Status, recipe)
		}
	}
}
