package boot_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// packageSystem is what installs packages on a machine.
type packageSystem struct {
	name     string
	suffix   string            // of a package's file, behind the version
	archs    map[string]string // what GOARCH is called in it; nil for the same
	put      []string          // command before the path of a package, which is installed or exchanged for another version
	take     []string          // command that removes wsgid
	database string            // directory of its own notes
	lacks    []string          // what a machine with it does not have
}

func dpkg() packageSystem {
	return packageSystem{
		name: "dpkg", suffix: "-1_ARCH.deb", put: []string{"dpkg", "-i"}, take: []string{"dpkg", "-r", "wsgid"},
		database: "/var/lib/dpkg",
	}
}

// rpm on a Debian machine: it knows none of the packages that are there, and the scripts
// must not find Debian's tools.
func rpm() packageSystem {
	return packageSystem{
		name: "rpm", suffix: "-1.ARCH.rpm", archs: map[string]string{"amd64": "x86_64", "arm64": "aarch64"},
		put: rpmWith("-U", "--nodeps", "--oldpackage"), take: rpmWith("-e", "wsgid"), database: rpmDatabase,
		lacks: []string{"/usr/bin/deb-systemd-invoke", "/usr/bin/deb-systemd-helper"},
	}
}

// rpmDatabase is where Fedora has it, too; Debian's rpm has one for each user.
const rpmDatabase = "/var/lib/rpm"

func rpmWith(args ...string) []string {
	return append([]string{"rpm", "--dbpath", rpmDatabase}, args...)
}

// file is where the machine has the package of a version.
func (s packageSystem) file(version string) string { return "/root/" + s.built(version) }

// built is the name that `make packages` gives that package.
func (s packageSystem) built(version string) string {
	arch, separator := runtime.GOARCH, "_"
	if s.archs != nil {
		arch, separator = s.archs[arch], "-"
	}
	return "wsgid" + separator + version + strings.ReplaceAll(s.suffix, "ARCH", arch)
}

// buildPackages makes the packages of both versions, and gives the directory.
func buildPackages(dir string) (string, error) {
	for _, version := range []string{older, newer} {
		if err := boot.Make("packages", "OUT="+dir, "VERSION="+version, "PACKAGE_ARCHS="+runtime.GOARCH); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// packaged is a machine on which the package is installed, and sites under it: blog is the one
// that is looked at.
type packaged struct {
	*served
	t      *testing.T
	system packageSystem

	shop, idle *served // sites beside

	before   state  // of the machine, when it had never seen wsgid
	accounts string // the package's users, since it was installed first
	written  string // what the administrator has written
}

// state is what a package may change on a machine.
type state struct{ files, users, units, sockets []string }

// newPackaged takes away what the machine has of `make install`, users included. dir has
// the packages.
func newPackaged(t *testing.T, m *boot.Machine, system packageSystem, dir string) *packaged {
	t.Helper()
	m.Uninstall()
	m.MustRun("userdel", "wsgi")
	m.MustRun("userdel", "wsgi-app")
	m.MustRun("rm", "-rf", "/run/wsgi")
	m.MustRun(append([]string{"rm", "-f"}, system.lacks...)...)
	for _, version := range []string{older, newer} {
		content, err := os.ReadFile(filepath.Join(dir, system.built(version)))
		if err != nil {
			t.Fatal(err)
		}
		m.WriteFile(system.file(version), string(content), 0o644, "")
	}
	p := &packaged{served: &served{m: m, name: "blog"}, t: t, system: system}
	p.before = p.state()
	if len(p.before.units)+len(p.before.sockets) > 0 || slices.Contains(p.before.users, "wsgi") {
		t.Fatalf("the machine has seen wsgid: %q", p.before)
	}
	return p
}

// step logs where in the life of the package the test is, and ends with a step that fails.
func (p *packaged) step(name string, run func()) {
	p.t.Helper()
	failed := p.t.Failed()
	p.t.Log(name)
	run()
	if p.t.Failed() && !failed {
		p.t.Fatalf("this was %s", name)
	}
}

// state looks at the machine. Of files it leaves out what the package system, systemd and
// the shadow tools keep for themselves.
func (p *packaged) state() state {
	p.t.Helper()
	lines := func(script string) []string {
		found := strings.Fields(p.m.MustRun("sh", "-c", script, "sh", p.system.database))
		slices.Sort(found)
		return found
	}
	return state{
		files: lines(`find /usr /etc /var /opt -xdev '(' -path "$1" -o -path /var/lib/systemd -o -path /var/log/journal \
			-o -path /var/cache -o -path /var/tmp -o -path '/etc/*-' -o -path /var/log/dpkg.log -o -name __pycache__ ')' -prune -o ! -type d -print -o -path '*wsgi*' -print`),
		users:   lines(`getent passwd | cut -d: -f1`),
		units:   lines(`systemctl list-units --all --plain --no-legend 'wsgi*' | cut -d' ' -f1; systemctl list-unit-files --no-legend 'wsgi*' | cut -d' ' -f1`),
		sockets: lines(`ss -Hlx | grep -o '/run/wsgi/[^ ]*' || true`),
	}
}

// put installs a version, or exchanges the one that is there for it.
func (p *packaged) put(version string) (said string) {
	p.t.Helper()
	return p.does(append(slices.Clone(p.system.put), p.system.file(version))...)
}

// take removes the package.
func (p *packaged) take() {
	p.t.Helper()
	p.does(p.system.take...)
}

// does runs a command of the package system, which has to succeed, and gives what it and
// the scripts say.
func (p *packaged) does(command ...string) (said string) {
	p.t.Helper()
	result := p.m.Run(command...)
	if result.Status != 0 {
		p.t.Fatalf("%q: status %d\n%s%s", command, result.Status, result.Stdout, result.Stderr)
	}
	return result.Stdout + result.Stderr
}

// leaves wants that much of wsgid, and nothing else, beyond what the machine had and what
// the administrator has written.
func (p *packaged) leaves(files ...string) {
	p.t.Helper()
	now := p.state()
	var extra []string
	for _, file := range now.files {
		if !slices.Contains(p.before.files, file) {
			extra = append(extra, file)
		}
	}
	for _, file := range p.before.files {
		if !slices.Contains(now.files, file) {
			p.t.Errorf("%s is gone", file)
		}
	}
	if want := append(append(files, "/etc/wsgi", filepath.Dir(p.override())), p.files()...); !sameSet(extra, want) {
		p.t.Errorf("left are %q, want %q", extra, want)
	}
	if now := p.own(); now != p.written {
		p.t.Errorf("what the administrator wrote was\n%s\nand is\n%s", p.written, now)
	}
	if now := p.usersAndGroups(); now != p.accounts {
		p.t.Errorf("the users were\n%s\nand are\n%s", p.accounts, now)
	}
	if len(now.units) > 0 {
		p.t.Errorf("systemd has units: %q", now.units)
	}
	if want := append(slices.Clone(p.before.users), "wsgi", "wsgi-app"); !sameSet(now.users, want) {
		p.t.Errorf("users are %q, want %q", now.users, want)
	}
	if p.m.Exists("/run/wsgi") {
		p.t.Errorf("/run/wsgi is left, with %q", p.m.MustRun("find", "/run/wsgi"))
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
