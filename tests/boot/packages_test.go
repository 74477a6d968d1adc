package boot_test

import (
	"os"
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

// TestPackages takes the packages through what an administrator does with one. Of the rpm,
// on a machine that is no Fedora, rpm is not told to look for what it requires: what that
// leaves out is looked at first.
func TestPackages(t *testing.T) {
	built := sync.OnceValues(func() (string, error) { return buildPackages(t.TempDir()) })
	life := func(system packageSystem, steps func(*packaged)) func(*testing.T, *boot.Machine) {
		return func(t *testing.T, m *boot.Machine) {
			dir, err := built()
			if err != nil {
				t.Fatal(err)
			}
			steps(newPackaged(t, m, system, dir))
		}
	}
	boot.Run(t, "the packages are installed, upgraded under load, removed and purged without a trace",
		boot.Case{Name: "life of a deb", Own: true, Run: life(dpkg(), (*packaged).livesAsDeb)},
		boot.Case{Name: "life of an rpm", Own: true, Run: life(rpm(), (*packaged).livesAsRpm)},
	)
}

func (p *packaged) livesAsDeb() {
	p.step("install", p.installs)
	p.lives()
	p.step("remove", func() { p.removes("/etc/logrotate.d/wsgid") })
	p.step("install again", p.installsAgain)
	p.step("purge", p.purges)
}

func (p *packaged) livesAsRpm() {
	p.step("requirements", p.requires)
	p.step("install", p.installs)
	p.step("verify", func() { p.unchanged("") })
	p.lives()
	p.step("verify", func() { p.unchanged("/etc/logrotate.d/wsgid") })
	// rpm knows no purge: it keeps what was edited under another name.
	p.step("remove", func() { p.removes("/etc/logrotate.d/wsgid.rpmsave") })
	p.step("install again", func() {
		p.put(newer)
		p.nothingRuns()
		p.enable()
	})
	p.step("remove again", func() { p.removes("/etc/logrotate.d/wsgid.rpmsave") })
}

// lives is what happens to a package while it is installed.
func (p *packaged) lives() {
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
}

// unchanged wants all files of the rpm to be there as the rpm has them, with their owners
// and modes, but for one that was edited.
func (p *packaged) unchanged(edited string) {
	p.t.Helper()
	var changed []string
	for line := range strings.Lines(p.m.Run(rpmWith("--verify", "--nodeps", "wsgid")...).Stdout) {
		changed = append(changed, strings.Fields(line)[len(strings.Fields(line))-1])
	}
	if got := strings.Join(changed, " "); got != edited {
		p.t.Errorf("not as the rpm has them are %q, want %q", got, edited)
	}
}

// requires: but for the names of other packages, nothing keeps rpm from installing.
func (p *packaged) requires() {
	result := p.m.Run(rpmWith("-i", "--test", p.system.file(older))...)
	var missing []string
	for line := range strings.Lines(result.Stderr) {
		if name, _, found := strings.Cut(strings.TrimSpace(line), " is needed by "); found {
			missing = append(missing, name)
		}
	}
	if want := []string{"/bin/sh", "systemd >= 247"}; !sameSet(missing, want) {
		p.t.Errorf("rpm misses %q, want %q\n%s%s", missing, want, result.Stdout, result.Stderr)
	}
}

func (p *packaged) installs() {
	p.put(older)
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
	p.accounts = p.usersAndGroups()
	p.nothingRuns()
}

// usersAndGroups are the entries of the package's users, with their numbers: files of
// theirs may be anywhere.
func (p *packaged) usersAndGroups() string {
	p.t.Helper()
	return p.m.MustRun("getent", "passwd", "wsgi", "wsgi-app") + "\n" + p.m.MustRun("getent", "group", "wsgi", "wsgi-app")
}

// nothingRuns: no site is enabled, no unit active, and nobody listens.
func (p *packaged) nothingRuns() {
	p.t.Helper()
	// deb-systemd-helper notes in /var/lib/systemd what to enable again; there is nothing.
	if links := p.m.MustRun("find", "/etc/systemd", "/var/lib/systemd", "(", "-type", "l", "-o", "-path", "/var/lib/*", ")", "-name", "*wsgi*"); links != "" {
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
	p.m.WriteFile(p.override(), "[Service]\nNice=1\n", 0o640, "")
	// One more that runs, and one that nobody has asked for anything.
	p.shop, p.idle = serve(p.m, "shop", "", "", ""), serve(p.m, "idle", "", "", "")
	p.m.MustRun("systemctl", "daemon-reload")
	p.m.MustRun("systemctl", "enable", "--now", p.shop.service())
	p.m.MustRun("systemctl", "enable", "--now", p.idle.socket())
	p.written = p.own()
	p.enable()
}

func (p *packaged) enable() {
	p.t.Helper()
	p.m.MustRun("systemctl", "daemon-reload")
	p.m.MustRun("systemctl", "enable", "--now", p.service())
	p.answers(p.t)
}

// override is a file of the administrator's beside a unit of the package.
func (p *packaged) override() string {
	return "/etc/systemd/system/" + p.service() + ".d/override.conf"
}

// files are those that the administrator has written.
func (p *packaged) files() []string {
	return []string{"/etc/wsgi/blog.toml", "/etc/wsgi/idle.toml", "/etc/wsgi/shop.toml", p.override()}
}

// own describes what the administrator has written: content, owner, mode and time.
func (p *packaged) own() string {
	p.t.Helper()
	files := p.files()
	return p.m.MustRun(append([]string{"sha256sum"}, files...)...) + "\n" +
		p.m.MustRun(append([]string{"stat", "--format=%n %U:%G %a %y %i"}, files...)...)
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
	client.Mark(p.system.name)
	begun := p.m.MustRun("date", "+%s.%N")
	p.put(version)
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
	p.runs(p.m.PID(p.shop.service()), version)
	if state := p.m.Property(p.idle.service(), "ActiveState"); state != "inactive" {
		p.t.Errorf("the site that nobody uses is %s", state)
	}
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
	said := p.put(older)
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
	p.put(newer)
}

func (p *packaged) downgrades() { p.underLoad(older) }

// removes: sites stop, and what remains is configuration that was edited, in a file that
// the package system chooses, and data.
func (p *packaged) removes(edited string) {
	p.take()
	p.nothingRuns()
	if left := p.processes(); left != "" {
		p.t.Errorf("processes are left: %q", left)
	}
	p.leaves(edited, "/var/log/wsgi", "/var/log/wsgi/blog", "/var/log/wsgi/blog/access.log")
}

// installsAgain: the site file is still there, but nobody has enabled it since.
func (p *packaged) installsAgain() {
	p.put(newer)
	p.nothingRuns()
	if !strings.Contains(p.m.ReadFile("/etc/logrotate.d/wsgid"), mine) {
		p.t.Error("the configuration is not that of before the removal")
	}
	p.enable()
}

// purges: nothing is left but what the administrator has written.
func (p *packaged) purges() {
	p.does("dpkg", "--purge", "wsgid")
	p.nothingRuns()
	p.leaves()
}
