package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestInstall takes `make install PREFIX=/usr` into a running system as a user does.
func TestInstall(t *testing.T) {
	boot.Run(t, "`make install` puts every file where systemd finds it",
		boot.Case{Name: "programs", Run: testPrograms},
		boot.Case{Name: "units", Run: testUnits},
		boot.Case{Name: "users", Run: testSystemUsers},
		boot.Case{Name: "generator", Run: testGenerator},
		boot.Case{Name: "user-generator", Run: testUserGenerator},
		boot.Case{Name: "reboot", Own: true, Run: testInstalledReboot},
		boot.Case{Name: "uninstall", Own: true, Run: testUninstall},
		boot.Case{Name: "usr-local", Own: true, Run: testUsrLocal},
	)
}

const site = `listen = ["127.0.0.1:8000"]

[group.web]

[[mount]]
path = "/"
script = "/srv/blog/app.py"
group = "web"
`

func testPrograms(t *testing.T, m *boot.Machine) {
	if got := m.MustRun("wsgid", "version"); !strings.HasPrefix(got, "wsgid ") {
		t.Errorf("wsgid version: %q", got)
	}
	if got, want := m.Owner("/usr/bin/wsgid"), "root:root 755"; got != want {
		t.Errorf("/usr/bin/wsgid: %s, want %s", got, want)
	}
	// Twice is once more: an upgrade installs over what is there.
	before := m.Inode("/usr/bin/wsgid")
	m.Install()
	if after := m.Inode("/usr/bin/wsgid"); after == before {
		t.Error("installed again, /usr/bin/wsgid is the file of before: a running one would be busy")
	}
}

// testUnits asks systemd where it reads the units from.
func testUnits(t *testing.T, m *boot.Machine) {
	for _, c := range []struct{ unit, has string }{
		{"wsgi@x.service", "ExecStart=/usr/bin/wsgid "},
		{"wsgi@x.socket", "ListenStream="},
		{"wsgi.slice", "/systemd/system/wsgi.slice"},
	} {
		assertUnit(t, m.Run("systemctl", "cat", c.unit), c.has)
	}
	listed := m.MustRun("systemctl", "list-unit-files", "--no-legend", "wsgi*")
	for _, unit := range []string{"wsgi@.service", "wsgi@.socket", "wsgi.slice"} {
		if !strings.Contains(listed, unit) {
			t.Errorf("%s is not listed:\n%s", unit, listed)
		}
	}
	m.UserManager("joe")
	for _, c := range []struct{ unit, has string }{
		{"wsgi@x.service", "ExecStart=/usr/bin/wsgid "},
		{"wsgi@x.socket", "ListenStream="},
	} {
		assertUnit(t, m.RunAs("joe", "systemctl", "--user", "cat", c.unit), c.has)
	}
}

// assertUnit looks for a text in what `systemctl cat` gave.
func assertUnit(t *testing.T, cat boot.Result, has string) {
	t.Helper()
	if cat.Status != 0 || !strings.Contains(cat.Stdout, has) || strings.Contains(cat.Stdout, "@bindir@") {
		t.Errorf("no %q in\n%s%s", has, cat.Stdout, cat.Stderr)
	}
}

func testSystemUsers(t *testing.T, m *boot.Machine) {
	if m.UID("wsgi") == m.UID("wsgi-app") {
		t.Error("the front end and the applications are one user")
	}
	if got, want := m.Owner("/run/wsgi"), "root:root 755"; got != want {
		t.Errorf("/run/wsgi: %s, want %s", got, want)
	}
}

// The drop-ins of a site, and the wsgid that its groups' units start: the generator
// has found it.
func testGenerator(t *testing.T, m *boot.Machine) {
	t.Run("site", func(t *testing.T) {
		m := m.In(t)
		m.Site("blog", site)
		assertGenerated(t, m, "/usr")
	})
	if m.Exists("/run/systemd/generator/wsgi@blog.service.d") {
		t.Error("the site is gone, its units are not")
	}
}

func assertGenerated(t *testing.T, m *boot.Machine, prefix string) {
	t.Helper()
	for _, unit := range []string{"wsgi@blog.service", "wsgi@blog.socket"} {
		want := "/run/systemd/generator/" + unit + ".d/10-wsgi.conf"
		if got := m.Property(unit, "DropInPaths"); got != want {
			t.Errorf("%s has %q, want %q", unit, got, want)
		}
	}
	assertUnit(t, m.Run("systemctl", "cat", "wsgi-blog:web@a.service"), "="+prefix+"/bin/wsgid ")
}

func testUserGenerator(t *testing.T, m *boot.Machine) {
	m.MustRun("install", "-d", "-o", "joe", "-g", "joe", "/home/joe/.config")
	m.WriteFile("/home/joe/.config/wsgi/blog.toml", site, 0o644, "joe:joe")
	m.UserManager("joe")
	cat := m.RunAs("joe", "systemctl", "--user", "cat", "wsgi@blog.service")
	assertUnit(t, cat, "/systemd/generator/wsgi@blog.service.d/10-wsgi.conf")
}

// Nothing of what was installed waits for a daemon-reload.
func testInstalledReboot(t *testing.T, m *boot.Machine) {
	m.Site("blog", site)
	m.Reboot()
	testSystemUsers(t, m)
	assertGenerated(t, m, "/usr")
}

func testUninstall(t *testing.T, m *boot.Machine) {
	m.WriteFile("/etc/wsgi/blog.toml", site, 0o644, "")
	m.Uninstall()
	for _, unit := range []string{"wsgi@blog.service", "wsgi@blog.socket", "wsgi.slice"} {
		if got := m.Run("systemctl", "cat", unit); got.Status == 0 {
			t.Errorf("%s is still there:\n%s", unit, got.Stdout)
		}
	}
	left := m.MustRun("find", "/usr/bin", "/usr/lib", "/usr/share", "/usr/local", "/etc", "/run/systemd", "-path", "*wsgi*",
		"!", "-path", "/usr/lib/python3*", "!", "-path", "/etc/nginx/*", "!", "-path", "/etc/apache2/*", "!", "-path", "/usr/lib/apache2/*")
	if want := "/etc/wsgi\n/etc/wsgi/blog.toml"; left != want {
		t.Errorf("left is %q, want %q", left, want)
	}
}

// What `make install` does when nobody says where: systemd, sysusers and tmpfiles read
// below /usr/local as well, and the generator knows that it came from there.
func testUsrLocal(t *testing.T, m *boot.Machine) {
	m.Uninstall()
	m.Install("PREFIX=/usr/local")
	const units = "/usr/local/lib/systemd/system"
	for _, unit := range []string{"wsgi@x.service", "wsgi@x.socket"} {
		if got := m.Property(unit, "FragmentPath"); !strings.HasPrefix(got, units+"/") {
			t.Errorf("%s is read from %q, not from %s", unit, got, units)
		}
	}
	assertUnit(t, m.Run("systemctl", "cat", "wsgi@x.service"), "ExecStart=/usr/local/bin/wsgid ")
	m.Site("blog", site)
	assertGenerated(t, m, "/usr/local")
	m.UserManager("joe")
	assertUnit(t, m.RunAs("joe", "systemctl", "--user", "cat", "wsgi@x.service"), "ExecStart=/usr/local/bin/wsgid ")
}
