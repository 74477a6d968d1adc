package units

import (
	"fmt"
	"slices"

	"github.com/wsgid/wsgid/units/site"
)

// Broken gives the files of a site whose file has errors; texts are the file and
// its drop-ins. They say the errors in the log of the site's units whenever one of
// them is started, and change as little as possible for a site that runs while its
// file breaks and systemd reads its units again: a socket unit that lost its
// addresses would close them, and a process that lost its unit would be stopped by
// other rules. So everything is made from what can still be read of the file, but
// for the commands, which are replaced: no application starts with settings that
// may be half the truth.
func Broken(name, path string, texts [][]byte, o Options) ([]File, error) {
	b := &builder{options: o, broken: true}
	b.site = salvage(name, path, texts)
	if b.site == nil {
		b.site = site.Default(name)
		b.site.Path, b.site.Groups = path, nil
	}
	b.sanitize()
	b.everything()
	if b.err != nil {
		return nil, fmt.Errorf("cannot make units of broken site %s: %w", name, b.err)
	}
	return b.files, nil
}

// sanitize takes out what Check refuses and units would still be made from.
func (b *builder) sanitize() {
	s := b.site
	listen := s.Listen
	s.Listen = nil
	for _, l := range listen {
		s.Listen = append(s.Listen, l)
		if !b.passes(func(c *checker) { c.listener(len(s.Listen)-1, l) }) {
			s.Listen = s.Listen[:len(s.Listen)-1]
		}
	}
	if b.options.User {
		s.Socket.User, s.Socket.Group = "", ""
	}
	groups, services := s.Groups, s.Services
	s.Groups, s.Services = nil, nil
	b.sanitizeGroups(groups, &s.Groups)
	b.sanitizeGroups(services, &s.Services)
}

// sanitizeGroups puts those of groups that can have units into a list of the site.
func (b *builder) sanitizeGroups(groups []*site.Group, list *[]*site.Group) {
	for _, g := range groups {
		*list = append(*list, g)
		if !b.passes((*checker).names) {
			*list = (*list)[:len(*list)-1]
		}
		if !b.passes(func(c *checker) { c.values(g) }) {
			g.Home, g.Chroot, g.EnvFiles = "", "", nil
		}
		if b.options.User {
			g.Chroot, g.CPUPriority = "", max(g.CPUPriority, 0)
		}
	}
}

// passes reports whether a check of the site finds nothing.
func (b *builder) passes(check func(*checker)) bool {
	c := &checker{site: b.site, options: b.options}
	check(c)
	return len(c.errs) == 0
}

// brokenDescription is what systemctl status says in its first line; "" leaves the
// template's.
func (b *builder) brokenDescription() string {
	if !b.broken {
		return ""
	}
	return "WSGI site " + b.site.Name + ", whose file has errors: correct it, then run systemctl daemon-reload"
}

// brokenSocket turns clients away, a connection accepted and closed, when the
// service has failed. Else one that waits would start it again and again.
func (b *builder) brokenSocket(d *draft) {
	d.add("FlushPending", "yes")
}

// brokenService replaces the command of the supervisor. Restart=no leaves the unit
// failed, where systemctl --failed shows it; then the next connection starts it
// again. The pause keeps that from becoming a busy loop, and from the socket's
// trigger limit of 20 starts in 2 s, behind which the socket itself would fail
// (systemd.socket(5)).
func (b *builder) brokenService(d *draft) {
	d.add("ExecStartPre", "-/bin/sleep 2")
	b.brokenCommand(d)
	d.add("Restart", "no")
	if !b.options.User {
		// What the site names has to be visible to the check.
		d.add("ProtectHome", "read-only")
	}
}

// brokenCommand prints the errors, each with file and line, and exits with 1. If
// the file has been corrected, the start fails all the same, for want of READY=1:
// the unit is still made from the old one.
func (b *builder) brokenCommand(d *draft) {
	arguments := []string{"check", "%E/wsgi/" + b.site.Name + ".toml"}
	if b.options.User {
		arguments = slices.Insert(arguments, 1, "--user")
	}
	d.add("ExecStart", "")
	d.command("ExecStart", b.options.Wsgid, arguments...)
	d.add("SyslogLevel", "err")
}
