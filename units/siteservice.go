package units

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// templateFiles is LimitNOFILE= of the template.
const templateFiles = 65536

// siteService adds to the supervisor's unit what depends on the site.
func (b *builder) siteService() {
	d := b.unit(siteUnit(b.site.Name, "service")+".d/"+dropIn, b.brokenDescription())
	for _, g := range b.site.Groups {
		b.slotRelations(d, g)
	}
	d.section("Service")
	d.timeout("TimeoutStartSec", startLimit(b.site.Groups...))
	d.timeout("TimeoutStopSec", b.siteStopLimit())
	d.add("Slice", siteSlice(b.site.Name))
	if n := descriptors(b.site); n > templateFiles {
		d.add("LimitNOFILE", strconv.Itoa(n))
	}
	if !b.options.User {
		b.siteDirectories(d)
		b.certificates(d)
	}
	passOn(d, b.site.Systemd)
	if b.broken {
		b.brokenService(d)
	}
	d.done()
}

// slotRelations starts a group's sockets with the site. After= the slots' services
// is for the way down: the supervisor stops first, and drains while they work.
func (b *builder) slotRelations(d *draft, g *site.Group) {
	var sockets, services []string
	for _, slot := range slots() {
		sockets = append(sockets, slotUnit(b.site.Name, g.Name, slot, "socket"))
		services = append(services, slotUnit(b.site.Name, g.Name, slot, "service"))
	}
	d.add("Wants", strings.Join(sockets, " "))
	d.add("After", strings.Join(append(sockets, services...), " "))
}

// descriptors is how many a supervisor may need: for each client a connection and
// a spool file each way, for each thread of two generations three ends of its connection.
func descriptors(s *site.Site) int {
	n := 1024 + 3*s.Server.MaxConnections
	for _, g := range s.Groups {
		n += 6 * g.Processes * g.Threads
	}
	return n
}

// certificates has systemd read them, and the keys, which only root may be able to.
func (b *builder) certificates(d *draft) {
	t := b.site.TLS
	if t == nil {
		return
	}
	for i := range t.Certificates {
		for _, c := range [][2]string{{site.CertificateName(i), t.Certificates[i]}, {site.KeyName(i), t.Keys[i]}} {
			word, err := unitfile.Word(c[0] + ":" + unitfile.Specifiers(path.Clean(c[1])))
			d.quoted("LoadCredential", word, err)
		}
	}
}

// siteDirectories lets the supervisor write where the site file says, and see what it is to
// serve.
func (b *builder) siteDirectories(d *draft) {
	own, writable := false, []string{}
	for _, log := range b.site.LogFiles() {
		dir := path.Dir(log.Path)
		switch {
		case strings.HasPrefix(log.Path, b.site.LogDirectory()+"/"):
			own = true
		case !slices.Contains(writable, dir):
			writable = append(writable, dir)
		}
	}
	if own {
		d.add("LogsDirectory", "wsgi/"+b.site.Name)
		d.add("LogsDirectoryMode", "0750")
	}
	if dir := b.site.Server.SpoolDirectory; dir != "" && !isOneOf(dir, temporary()) {
		writable = append(writable, dir)
	}
	for _, dir := range writable {
		// "-": a directory that is missing is told by wsgid, in plainer words.
		word, err := unitfile.Word("-" + unitfile.Specifiers(path.Clean(dir)))
		d.quoted("ReadWritePaths", word, err)
	}
	shown := writable
	for _, static := range b.site.StaticDirectories() {
		shown = append(shown, static.Path)
		if isBelowOneOf(static.Path, temporary()) {
			word, err := unitfile.Word("-" + unitfile.Specifiers(static.Path))
			d.quoted("BindReadOnlyPaths", word, err)
		}
	}
	for _, dir := range shown {
		if isBelowOneOf(dir, homes()) {
			// Nothing below a directory that is hidden can be shown.
			d.add("ProtectHome", "read-only")
			return
		}
	}
}

// passOn adds directives of the site file, which come last and so win.
func passOn(d *draft, list []site.Directive) {
	for _, l := range list {
		d.add(l.Name, strings.TrimSpace(l.Value))
	}
}

// homes are the directories of ProtectHome=.
func homes() []string { return []string{"/home", "/root", "/run/user"} }

// temporary are the directories of PrivateTmp=.
func temporary() []string { return []string{"/tmp", "/var/tmp"} }

func isOneOf(name string, dirs []string) bool {
	for _, dir := range dirs {
		if path.Clean(name) == dir {
			return true
		}
	}
	return false
}

// isBelowOneOf counts a directory as below itself.
func isBelowOneOf(name string, dirs []string) bool {
	for _, dir := range dirs {
		if strings.HasPrefix(path.Clean(name)+"/", dir+"/") {
			return true
		}
	}
	return false
}
