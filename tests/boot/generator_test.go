package boot_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wsgid/wsgid/tests/boot"
)

func TestGenerator(t *testing.T) {
	boot.Run(t, "one broken site file harms no other site, and says what is wrong",
		boot.Case{Name: "twenty sites", Run: testTwentySites},
		boot.Case{Name: "breaks while it runs", Run: testBreaksWhileRunning},
		boot.Case{Name: "is emptied", Run: testEmptied},
		boot.Case{Name: "only systemd refuses it", Run: testOnlySystemdRefuses},
		boot.Case{Name: "enable", Run: testEnableGenerated},
		boot.Case{Name: "same output", Run: testSameOutput},
	)
}

// portSite is a site with an address of its own.
func portSite(n int) string {
	return fmt.Sprintf("listen = \"127.0.0.1:%d\"\n[group.web]\nuser = \"joe\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/many/app.py\"\n", 9000+n)
}

// testTwentySites: nineteen answer, and the one with a mistake says where it is.
func testTwentySites(t *testing.T, m *boot.Machine) {
	const sites, broken = 20, 7
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	names := make([]string, sites)
	for n := range names {
		names[n] = fmt.Sprintf("many%d", n)
		text := portSite(n)
		if n == broken {
			text = strings.Replace(text, `user = "joe"`, `user = "root"`+"\nproceses = 2", 1)
		}
		// All but the last without a daemon-reload each.
		m.WriteFile("/etc/wsgi/"+names[n]+".toml", text, 0o644, "")
	}
	units := make([]string, sites)
	for n, name := range names {
		units[n] = "wsgi@" + name + ".socket"
	}
	t.Cleanup(func() {
		m.Run(append([]string{"systemctl", "stop", "wsgi-many*", "wsgi@many*.service"}, units...)...)
		m.Run("systemctl", "reset-failed", "wsgi*many*")
	})
	m.MustRun("systemctl", "daemon-reload")
	m.AwaitJournal("", "wsgid-generator failed with exit status 1", 10*time.Second)
	m.MustRun(append([]string{"systemctl", "start"}, units...)...)
	for n, name := range names {
		url := fmt.Sprintf("http://127.0.0.1:%d/who", 9000+n)
		if n == broken {
			if got, err := m.TryCurl("", url); err == nil {
				t.Errorf("the broken site answers: status %d\n%s", got.Status, got.Body)
			}
			continue
		}
		if got := m.Curl(url); got.Status != 200 {
			t.Errorf("%s: status %d\n%s", name, got.Status, got.Body)
		}
	}

	unit := "wsgi@" + names[broken] + ".service"
	m.AwaitProperty(unit, "ActiveState", "failed", 20*time.Second)
	if failed := m.MustRun("systemctl", "list-units", "--failed", "--no-legend", "--plain", "wsgi*"); strings.Count(failed, "\n") != 0 || !strings.HasPrefix(failed, unit) {
		t.Errorf("failed are:\n%s\nwant %s alone", failed, unit)
	}
	for _, want := range []string{
		`/etc/wsgi/many7.toml:3: group.web.user: root is not allowed`,
		`/etc/wsgi/many7.toml:4: group.web.proceses: unknown key`,
		`hint: did you mean processes?`,
	} {
		records := m.Records("--unit="+unit, "--priority=err")
		found := false
		for _, r := range records {
			found = found || strings.Contains(r["MESSAGE"], want)
		}
		if !found {
			t.Errorf("no error in the log of %s says %q:\n%s", unit, want, m.Journal(unit))
		}
	}
	if got := m.Property(unit, "Description"); !strings.Contains(got, "whose file has errors") {
		t.Errorf("its description is %q", got)
	}
	t.Log(m.Run("systemctl", "status", "--no-pager", unit).Stdout)

	m.WriteFile("/etc/wsgi/"+names[broken]+".toml", portSite(broken), 0o644, "")
	m.MustRun("systemctl", "daemon-reload")
	m.MustRun("systemctl", "start", unit)
	if got := m.Curl(fmt.Sprintf("http://127.0.0.1:%d/who", 9000+broken)); got.Status != 200 {
		t.Errorf("the corrected site: status %d\n%s", got.Status, got.Body)
	}
}

// testBreaksWhileRunning: a file that breaks changes nothing for a site that runs.
func testBreaksWhileRunning(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	text := portSite(50)
	m.Site("steady", text)
	m.MustRun("systemctl", "start", "wsgi@steady")
	before := who(t, m, "steady", "")
	inode := m.Inode("/run/wsgi/steady.sock")

	for _, broken := range []string{
		strings.Replace(text, `"joe"`, `"root"`, 1),
		strings.Replace(text, `[group.web]`, `[group.web`, 1),
		text[:strings.Index(text, "[[mount]]")],
	} {
		m.Site("steady", broken)
		for range 3 {
			if got := m.Curl("http://127.0.0.1:9050/who"); got.Status != 200 {
				t.Errorf("status %d while the file is\n%s\n%s", got.Status, broken, got.Body)
			}
		}
		if now := who(t, m, "steady", ""); now.PID != before.PID {
			t.Errorf("process %d has become %d", before.PID, now.PID)
		}
		if got := m.Inode("/run/wsgi/steady.sock"); got != inode {
			t.Errorf("the socket's inode %d has become %d", inode, got)
		}
		await := later(t, m, "--unit=wsgi@steady")
		if got := m.Run("systemctl", "reload", "wsgi@steady"); got.Status == 0 {
			t.Error("a reload with a broken file succeeds")
		}
		await("/etc/wsgi/steady.toml:")
		if got := m.Property("wsgi@steady.service", "ActiveState"); got != "active" {
			t.Errorf("after it the site is %s", got)
		}
	}
	if log := m.Journal("wsgi-steady:web@a.socket") + m.Journal("wsgi@steady.socket"); strings.Contains(log, "has changed while unit has been running") {
		t.Errorf("sockets were changed:\n%s", log)
	}

	m.Site("steady", text)
	m.MustRun("systemctl", "reload", "wsgi@steady")
	if now := who(t, m, "steady", ""); now.PID == before.PID {
		t.Error("a reload with the corrected file brings no new process")
	}
}

// testEmptied: of an empty file nothing can be kept, and systemd closes the sockets;
// those who have them already go on.
func testEmptied(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	m.Site("emptied", portSite(53))
	m.MustRun("systemctl", "start", "wsgi@emptied")
	m.Site("emptied", "")
	for range 3 {
		if got := m.Curl("http://127.0.0.1:9053/who"); got.Status != 200 {
			t.Errorf("status %d while the file is empty\n%s", got.Status, got.Body)
		}
	}
	m.Site("emptied", portSite(53))
	m.MustRun("systemctl", "stop", "wsgi@emptied.socket", "wsgi@emptied.service", "wsgi-emptied:*.socket")
	m.MustRun("systemctl", "start", "wsgi@emptied")
	if got := m.Curl("http://127.0.0.1:9053/who"); got.Status != 200 {
		t.Errorf("status %d after a new start\n%s", got.Status, got.Body)
	}
}

// testOnlySystemdRefuses: what the site file may say, and systemd cannot do, is said in
// the site's log as well.
func testOnlySystemdRefuses(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	text := strings.Replace(portSite(51), `"127.0.0.1:9051"`, `["127.0.0.1:9051", "unix:/tmp/lost.sock"]`, 1)
	m.Site("lost", text)
	got := m.Run("systemctl", "start", "wsgi@lost")
	if got.Status == 0 {
		t.Error("the site starts")
	}
	const want = `/etc/wsgi/lost.toml:1: listen: socket "/tmp/lost.sock" is in a directory for temporary files`
	m.AwaitJournal("wsgi@lost.service", want, 10*time.Second)

	m.Site("lost", portSite(51))
	m.MustRun("systemctl", "start", "wsgi@lost")
	m.WriteFile("/etc/wsgi/lost.toml", text, 0o644, "")
	// Not even daemon-reload has been run: wsgid looks for itself.
	await := later(t, m, "--unit=wsgi@lost")
	if got := m.Run("systemctl", "reload", "wsgi@lost"); got.Status == 0 {
		t.Error("a reload succeeds")
	}
	await(want)
	if got := m.Curl("http://127.0.0.1:9051/who"); got.Status != 200 {
		t.Errorf("status %d after it", got.Status)
	}
}

// testEnableGenerated: what the generator adds does not keep an instance from being enabled.
func testEnableGenerated(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/many/app.py", probe, 0o644, "")
	m.Site("wanted", portSite(52))
	isEnabled := func(want string) {
		t.Helper()
		for _, unit := range []string{"wsgi@wanted.service", "wsgi@wanted.socket"} {
			if got := m.Run("systemctl", "is-enabled", unit); strings.TrimSpace(got.Stdout) != want {
				t.Errorf("%s is %s%s, want %s", unit, got.Stdout, got.Stderr, want)
			}
		}
	}
	isEnabled("disabled")
	if got := m.Run("systemctl", "enable", "wsgi@wanted"); got.Status != 0 || strings.Contains(got.Stderr, "warning") {
		t.Errorf("enable: status %d\n%s", got.Status, got.Stderr)
	}
	isEnabled("enabled")
	for link, target := range map[string]string{
		"multi-user.target.wants/wsgi@wanted.service": "/usr/lib/systemd/system/wsgi@.service",
		"sockets.target.wants/wsgi@wanted.socket":     "/usr/lib/systemd/system/wsgi@.socket",
	} {
		if got := m.MustRun("realpath", "/etc/systemd/system/"+link); got != m.MustRun("realpath", target) {
			t.Errorf("%s leads to %s, want %s", link, got, target)
		}
	}
	m.MustRun("systemctl", "start", "wsgi@wanted")
	m.MustRun("systemctl", "disable", "--now", "wsgi@wanted")
	isEnabled("disabled")
	if got := m.Property("wsgi@wanted.service", "ActiveState"); got != "inactive" {
		t.Errorf("after disable --now the site is %s", got)
	}

	// A name without a file is refused, and the message names what is missing.
	if got := m.Run("systemctl", "start", "wsgi@unwanted"); got.Status == 0 {
		t.Error("a site without a file starts")
	}
	m.AwaitJournal("wsgi@unwanted.socket", "Sockets of WSGI site unwanted (/etc/wsgi/unwanted.toml)", 10*time.Second)
}

// testSameOutput: the same files give the same units, of which systemd knows every
// directive, and there is nothing to say.
func testSameOutput(t *testing.T, m *boot.Machine) {
	for i, path := range generatedSites(t) {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// systemd ignores an address of an interface that there is not (yet).
		name := fmt.Sprintf("same%d", i)
		text := strings.NewReplacer("%eth0", "%lo", strings.TrimSuffix(archive.Files[0].Name, ".toml"), name).Replace(string(archive.Files[0].Data))
		m.WriteFile("/etc/wsgi/"+name+".toml", text, 0o644, "")
	}
	before := len(m.Records())
	digest := func() string {
		m.MustRun("systemctl", "daemon-reload")
		return m.MustRun("sh", "-c", "cd /run/systemd && find generator generator.early generator.late -print0 | LC_ALL=C sort -z | xargs -0 stat --format='%N %a %F' && find generator* -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum")
	}
	first := digest()
	if second := digest(); first != second {
		t.Errorf("two runs differ:\n%s\n%s", first, second)
	}

	units := []string{"wsgi.slice", "wsgi@.socket", "wsgi@.service"}
	for _, path := range strings.Fields(m.MustRun("find", "/run/systemd/generator", "-name", "*wsgi*", "-type", "f")) {
		unit, _, _ := strings.Cut(strings.TrimPrefix(path, "/run/systemd/generator/"), ".d/")
		units = append(units, unit)
	}
	if len(units) < 20 {
		t.Errorf("the units are only %q", units)
	}
	for _, unit := range units {
		unit = strings.Replace(unit, "@.", "@a.", 1)
		if got := m.Property(unit, "LoadState"); got != "loaded" {
			t.Errorf("%s is %s", unit, got)
		}
	}
	for _, r := range m.Records()[before:] {
		if text := r["MESSAGE"]; strings.Contains(text, "wsgi") || r["SYSLOG_IDENTIFIER"] == "systemd" && !strings.HasPrefix(text, "Reload") {
			t.Errorf("logged, with nothing wrong: %s", text)
		}
	}
}

// generatedSites are the golden files of what is generated for the system.
func generatedSites(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../units/testdata/generate/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, path := range all {
		if filepath.Base(path) != "user.txtar" {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		t.Fatal("there are no golden files")
	}
	return paths
}
