package boot_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// The versions of the package that the tests install: the same tree twice.
const older, newer = "1.0.0", "1.1.0~rc1"

// TestPackages takes the deb through what an administrator does with a package.
func TestPackages(t *testing.T) {
	debs := sync.OnceValues(func() (map[string]string, error) { return buildDebs(t.TempDir()) })
	boot.Run(t, "the package is installed, upgraded under load, removed and purged without a trace",
		boot.Case{Name: "life of a deb", Own: true, Run: func(t *testing.T, m *boot.Machine) {
			content, err := debs()
			if err != nil {
				t.Fatal(err)
			}
			p := newPackaged(t, m, content)
			p.step("install", p.installs)
			p.step("first site", p.firstSite)
			p.step("reboot", p.reboots)
			p.step("upgrade", p.upgrades)
			p.step("upgrade with a broken application", p.upgradesBroken)
			p.step("downgrade", p.downgrades)
			if os.Getenv(soakVariable) == "long" {
				p.step("ten more upgrades and downgrades", func() {
					for range 10 {
						p.underLoad(newer)
						p.underLoad(older)
					}
				})
			}
			p.step("remove", p.removes)
			p.step("install again", p.installsAgain)
			p.step("purge", p.purges)
		}},
	)
}

// buildDebs gives the bytes of the package of each version.
func buildDebs(dir string) (map[string]string, error) {
	content := map[string]string{}
	for _, version := range []string{older, newer} {
		if err := boot.Make("packages", "OUT="+dir, "VERSION="+version, "PACKAGE_ARCHS="+runtime.GOARCH); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(filepath.Join(dir, "wsgid_"+version+"-1_"+runtime.GOARCH+".deb"))
		if err != nil {
			return nil, err
		}
		content[version] = string(text)
	}
	return content, nil
}

// packaged is a machine on which the package is installed, and the site blog under it.
type packaged struct {
	*served
	t *testing.T

	before state // of the machine, when it had never seen wsgid
}

// state is what a package may change on a machine.
type state struct{ files, users, units, sockets []string }

// newPackaged takes away what the machine has of `make install`, users included.
func newPackaged(t *testing.T, m *boot.Machine, debs map[string]string) *packaged {
	t.Helper()
	m.Uninstall()
	m.MustRun("userdel", "wsgi")
	m.MustRun("userdel", "wsgi-app")
	m.MustRun("rm", "-rf", "/run/wsgi")
	for version, content := range debs {
		m.WriteFile(debFile(version), content, 0o644, "")
	}
	p := &packaged{served: &served{m: m, name: "blog"}, t: t}
	p.before = p.state()
	if len(p.before.units)+len(p.before.sockets) > 0 || slices.Contains(p.before.users, "wsgi") {
		t.Fatalf("the machine has seen wsgid: %q", p.before)
	}
	return p
}

func debFile(version string) string { return "/root/wsgid-" + version + ".deb" }

func (p *packaged) step(name string, run func()) {
	p.t.Helper()
	failed := p.t.Failed()
	p.t.Log(name)
	run()
	if p.t.Failed() && !failed {
		p.t.Fatalf("this was %s", name)
	}
}

// state looks at the machine. Of files it leaves out what dpkg, systemd and the shadow
// tools keep for themselves.
func (p *packaged) state() state {
	p.t.Helper()
	lines := func(script string) []string {
		found := strings.Fields(p.m.MustRun("sh", "-c", script))
		slices.Sort(found)
		return found
	}
	return state{
		files: lines(`find /usr /etc /var /opt -xdev '(' -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/log/journal \
			-o -path /var/cache -o -path /var/tmp -o -path '/etc/*-' -o -path /var/log/dpkg.log -o -name __pycache__ ')' -prune -o ! -type d -print -o -path '*wsgi*' -print`),
		users:   lines(`getent passwd | cut -d: -f1`),
		units:   lines(`systemctl list-units --all --plain --no-legend 'wsgi*' | cut -d' ' -f1; systemctl list-unit-files --no-legend 'wsgi*' | cut -d' ' -f1`),
		sockets: lines(`ss -Hlx | grep -o '/run/wsgi/[^ ]*' || true`),
	}
}

// dpkg runs dpkg, which has to succeed, and gives what it and the scripts say.
func (p *packaged) dpkg(args ...string) string {
	p.t.Helper()
	result := p.m.Run(append([]string{"dpkg"}, args...)...)
	if result.Status != 0 {
		p.t.Fatalf("dpkg %q: status %d\n%s%s", args, result.Status, result.Stdout, result.Stderr)
	}
	return result.Stdout + result.Stderr
}

func (p *packaged) installs() {
	p.dpkg("-i", debFile(older))
	now := p.state()
	for _, user := range []string{"wsgi", "wsgi-app"} {
		if !slices.Contains(now.users, user) {
			p.t.Errorf("there is no user %s", user)
		}
	}
	for _, file := range []string{"/usr/bin/wsgid", "/etc/logrotate.d/wsgid", "/usr/lib/systemd/system/wsgi@.socket"} {
		if !slices.Contains(now.files, file) {
			p.t.Errorf("there is no %s", file)
		}
	}
	if got, want := p.m.Owner("/run/wsgi"), "root:root 755"; got != want {
		p.t.Errorf("/run/wsgi: %s, want %s", got, want)
	}
	p.nothingRuns()
}

// nothingRuns: no site is enabled, no unit active, and nobody listens.
func (p *packaged) nothingRuns() {
	p.t.Helper()
	if links := p.m.MustRun("find", "/etc/systemd", "-type", "l", "-name", "wsgi*"); links != "" {
		p.t.Errorf("enabled: %s", links)
	}
	if active := p.m.MustRun("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating,deactivating,failed", "wsgi*"); active != "" {
		p.t.Errorf("active:\n%s", active)
	}
	if now := p.state(); len(now.sockets) > 0 {
		p.t.Errorf("sockets: %q", now.sockets)
	}
}

// firstSite writes one file and enables it; no daemon-reload is forgotten by the reader
// who does as the manual says.
func (p *packaged) firstSite() {
	p.served = serve(p.m, "blog", "access-log = \"/var/log/wsgi/blog/access.log\"", "processes = 2\nthreads = 15", "")
	p.m.MustRun("systemctl", "enable", "--now", p.service())
	p.answers(p.t)
}

func (p *packaged) reboots() {
	p.m.Reboot()
	p.m.AwaitProperty(p.socket(), "ActiveState", "active", within)
	p.answers(p.t)
}

// underLoad exchanges the package while clients are served, and wants nobody to notice:
// systemd neither, whose service has not been started again, and whose socket is the same.
func (p *packaged) underLoad(version string) {
	p.t.Helper()
	client := p.load(p.t, busy(2*time.Second)...)
	supervisor, inode := p.m.PID(p.service()), p.m.Inode(p.path())
	client.Mark("dpkg")
	begun := p.m.MustRun("date", "+%s.%N")
	p.dpkg("-i", debFile(version))
	if unharmed(p.t, client).Failures() > 0 {
		p.t.Fatal(p.m.MustRun("journalctl", "--no-pager", "--output=short-precise", "--since=@"+begun, "_PID=1", "+", "SYSLOG_IDENTIFIER=wsgid"))
	}
	if got := p.m.MustRun("wsgid", "version"); got != "wsgid "+version {
		p.t.Errorf("installed is %q, want %s", got, version)
	}
	now := p.m.PID(p.service())
	if now == supervisor {
		p.t.Errorf("the supervisor is the process of before, %d", now)
	}
	p.runs(now, version)
	p.runs(p.leader(), version)
	if after := p.m.Inode(p.path()); after != inode {
		p.t.Errorf("%s was made again", p.path())
	}
	if restarts := p.m.Property(p.service(), "NRestarts"); restarts != "0" {
		p.t.Errorf("%s systemd restarted it %s times", p.service(), restarts)
	}
	p.answers(p.t)
}

// leader is the process of the slot that serves.
func (p *packaged) leader() int {
	p.t.Helper()
	for _, slot := range []string{"a", "b"} {
		if p.m.Property(p.slot(slot), "SubState") == "running" {
			return p.m.PID(p.slot(slot))
		}
	}
	p.t.Fatal("no slot serves")
	return 0
}

// runs wants a process to run the program of a version.
func (p *packaged) runs(pid int, version string) {
	p.t.Helper()
	program := "/proc/" + strconv.Itoa(pid) + "/exe"
	if got := p.m.MustRun(program, "version"); got != "wsgid "+version {
		p.t.Errorf("process %d is %s, want %s", pid, got, version)
	}
}

const mine = "# The administrator's own line.\n"

// upgrades: configuration that was edited stays as it is.
func (p *packaged) upgrades() {
	p.m.MustRun("sh", "-c", "printf %s \"$1\" >>/etc/logrotate.d/wsgid", "sh", mine)
	p.underLoad(newer)
	if !strings.Contains(p.m.ReadFile("/etc/logrotate.d/wsgid"), mine) {
		p.t.Error("the upgrade has replaced what was edited")
	}
}

// upgradesBroken: an application that cannot be imported any more serves on with the
// program of before, and is no reason for the upgrade to fail.
func (p *packaged) upgradesBroken() {
	before := p.m.PID(p.service())
	p.set(load.FileBroken, "on purpose")
	said := p.dpkg("-i", debFile(older))
	p.unset(load.FileBroken)
	if !strings.Contains(said, "served by the program of before") {
		p.t.Errorf("nobody says that the site was not handed over:\n%s", said)
	}
	p.answers(p.t)
	if now := p.m.PID(p.service()); now != before {
		p.t.Errorf("the supervisor %d became %d", before, now)
	}
	p.m.MustRun("systemctl", "reload", p.service())
	p.runs(p.m.PID(p.service()), older)
	p.dpkg("-i", debFile(newer))
}

func (p *packaged) downgrades() { p.underLoad(older) }

// removes: sites stop, and what remains is configuration and data.
func (p *packaged) removes() {
	p.dpkg("-r", "wsgid")
	p.nothingRuns()
	if left := p.processes(); left != "" {
		p.t.Errorf("processes are left: %q", left)
	}
	p.leaves("/etc/logrotate.d/wsgid", "/etc/wsgi", "/etc/wsgi/blog.toml", "/var/log/wsgi", "/var/log/wsgi/blog", "/var/log/wsgi/blog/access.log")
}

// leaves wants that much of wsgid, and nothing else, beyond what the machine had.
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
	if !slices.Equal(extra, files) {
		p.t.Errorf("left are %q, want %q", extra, files)
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

// installsAgain: the site file is still there, but nobody has enabled it since.
func (p *packaged) installsAgain() {
	p.dpkg("-i", debFile(newer))
	p.nothingRuns()
	if !strings.Contains(p.m.ReadFile("/etc/logrotate.d/wsgid"), mine) {
		p.t.Error("the configuration is not that of before the removal")
	}
	p.m.MustRun("systemctl", "enable", "--now", p.service())
	p.answers(p.t)
}

// purges: nothing is left but the site file.
func (p *packaged) purges() {
	p.dpkg("--purge", "wsgid")
	p.nothingRuns()
	p.leaves("/etc/wsgi", "/etc/wsgi/blog.toml")
}
