package units

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// groupSocket is where the supervisor starts a slot's leader by connecting.
func (b *builder) groupSocket(g *site.Group) {
	d := b.unit(slotUnit(b.site.Name, g.Name, "", "socket"), "Socket of slot %i of "+b.groupTitle(g))
	d.describe()
	d.section("Socket")
	d.add("ListenStream", slotSocketValue(b.site, g.Name))
	d.add("FileDescriptorName", "leader")
	if !b.options.User {
		d.add("SocketUser", site.FrontEndUser)
	}
	d.add("SocketMode", "0600")
	// A connection that a leader has not taken before it ended must fail at once,
	// not start the next leader: how often to try is the supervisor's decision.
	d.add("FlushPending", "yes")
	d.add("TriggerLimitIntervalSec", "0")
	// The path must be there for the supervisor whatever happens to the unit.
	d.add("RemoveOnStop", "no")
	d.add("Slice", groupSlice(b.site.Name, g.Name))
	d.done()
}

func (b *builder) groupTitle(g *site.Group) string {
	return "daemon group " + g.Name + " of WSGI site " + b.site.Name
}

// describe completes the [Unit] section of a group's units. A start limit would
// make the socket fail with the service.
func (d *draft) describe() {
	d.add("Documentation", documentation)
	d.add("StartLimitIntervalSec", "0")
}

// groupLinks starts both sockets of a group with the site's socket and service.
func (b *builder) groupLinks(g *site.Group) {
	target := "../" + slotUnit(b.site.Name, g.Name, "", "socket")
	for _, kind := range []string{"socket", "service"} {
		for _, slot := range slots() {
			b.link(siteUnit(b.site.Name, kind)+".wants/"+slotUnit(b.site.Name, g.Name, slot, "socket"), target)
		}
	}
}

// groupService runs a leader and its processes.
func (b *builder) groupService(g *site.Group) {
	d := b.unit(slotUnit(b.site.Name, g.Name, "", "service"), "Slot %i of "+b.groupTitle(g))
	d.describe()
	// A leader that is started by hand needs it, too; and a socket cannot be
	// restarted while a service has it that is not.
	socket := slotUnit(b.site.Name, g.Name, "%i", "socket")
	d.add("Requires", socket)
	d.add("After", socket)
	if !b.options.User {
		b.shareTmp(d, g)
	}
	d.section("Service")
	d.add("Type", "notify")
	d.add("NotifyAccess", "main")
	d.command("ExecStart", b.options.Wsgid, "leader", "--config-directory=%E/wsgi", b.site.Name, g.Name)
	// The supervisor starts it again, after a pause that grows.
	d.add("Restart", "no")
	d.timeout("TimeoutStartSec", startLimit(g))
	d.timeout("TimeoutStopSec", stopLimit(g))
	d.timeout("WatchdogSec", watchdog(g))
	d.add("KillMode", "mixed")
	d.add("OOMPolicy", "continue")
	b.confinement(d, g)
	if b.broken {
		b.brokenCommand(d)
	}
	d.done()
}

// confinement says as whom, with what and inside of what limits a group's unit runs. The
// directives of the site file come last, and so win.
func (b *builder) confinement(d *draft, g *site.Group) {
	b.identity(d, g)
	b.environment(d, g)
	b.limits(d, g)
	if b.options.User {
		d.flags(userSandbox())
	} else {
		d.flags(groupSandbox())
	}
	passOn(d, g.Systemd)
}

// shareTmp gives both slots one private /tmp: what an application keeps there,
// sessions for example, has to survive a new generation.
func (b *builder) shareTmp(d *draft, g *site.Group) {
	var services []string
	for _, slot := range slots() {
		services = append(services, slotUnit(b.site.Name, g.Name, slot, "service"))
	}
	d.add("JoinsNamespaceOf", strings.Join(services, " "))
}

// identity says as whom and where the processes run.
func (b *builder) identity(d *draft, g *site.Group) {
	if !b.options.User {
		user := g.User
		if user == "" {
			user = site.DefaultUser
		}
		d.add("User", site.UnitAccount(user))
		if g.UserGroup != "" {
			d.add("Group", site.UnitAccount(g.UserGroup))
		}
		if len(g.SupplementaryGroups) > 0 {
			d.add("SupplementaryGroups", strings.ReplaceAll(strings.Join(g.SupplementaryGroups, " "), "#", ""))
		}
	}
	if g.Umask >= 0 {
		d.add("UMask", octal(g.Umask))
	}
	if g.Chroot != "" {
		b.root(d, g)
	}
	if g.Home != "" {
		d.add("WorkingDirectory", unitfile.Specifiers(g.Home))
	}
}

// root puts the processes into a directory tree, and into it what the leader
// needs: the program, the site files, its socket, systemd's notification socket and
// the journal's.
func (b *builder) root(d *draft, g *site.Group) {
	d.add("RootDirectory", unitfile.Specifiers(g.Chroot))
	d.add("MountAPIVFS", "yes")
	d.add("BindReadOnlyPaths", withColons(unitfile.Specifiers(b.options.Wsgid))+" %E/wsgi")
	if !g.IsService() {
		d.add("BindReadOnlyPaths", withColons(slotSocketValue(b.site, g.Name)))
	}
	d.add("BindReadOnlyPaths", "-/run/systemd/notify -/run/systemd/journal/socket -/run/systemd/journal/stdout -/dev/log")
}

// withColons keeps a colon from separating where a path is from where it is put.
func withColons(path string) string { return strings.ReplaceAll(path, ":", `\:`) }

// environment has the variables of the site file. In a file systemd reads, as
// root, they may be secret.
func (b *builder) environment(d *draft, g *site.Group) {
	for _, name := range slices.Sorted(maps.Keys(g.Env)) {
		b.variable(d, name, g.Env[name])
	}
	if g.Lang != "" {
		b.variable(d, "LANG", g.Lang)
	}
	if g.Locale != "" {
		b.variable(d, "LC_ALL", g.Locale)
	}
	for _, file := range g.EnvFiles {
		d.add("EnvironmentFile", unitfile.Specifiers(literal(file)))
	}
}

// variable leaves out what systemd would drop with a warning (before version 248
// every control character but tab and newline), or what makes the line longer
// than it reads. The leader sets what its environment lacks.
func (b *builder) variable(d *draft, name, value string) {
	const longest = 128 << 10 // MAX_ARG_STRLEN: longer ones do not go through execve(2)
	odd := func(c rune) bool { return c < ' ' && c != '\t' && c != '\n' || c == 0x7f }
	if len(name)+len(value) >= longest || strings.ContainsFunc(value, odd) {
		return
	}
	word, err := unitfile.Assignment(name, value)
	d.quoted("Environment", word, err)
}

// literal keeps the characters of a path from working as a pattern, glob(7).
func literal(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// manyTasks is where the processes and threads of a group come near the limit
// that systemd sets by itself: 15% of what a small machine can have.
const manyTasks = 512

// limits are those of the unit as a whole. What holds for each process is set by
// the leader.
func (b *builder) limits(d *draft, g *site.Group) {
	if g.CPUPriority != 0 {
		d.add("Nice", strconv.Itoa(g.CPUPriority))
	}
	d.add("Slice", groupSlice(b.site.Name, g.Name))
	if g.MemoryLimit > 0 {
		// For what RLIMIT_DATA does not count. One process more than there are,
		// because one that is replaced overlaps with the new one; the rest is for
		// the leader.
		d.add("MemoryMax", strconv.FormatInt(g.MemoryLimit*int64(g.Processes+1)+64<<20, 10))
	}
	if g.Processes*g.Threads > manyTasks {
		d.add("TasksMax", "infinity")
	}
}
