package units

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

const (
	// maxSocketPath is sizeof(sun_path) less the final NUL, unix(7).
	maxSocketPath = 107
	// maxUnitName is UNIT_NAME_MAX of systemd less the final NUL.
	maxUnitName = 255
)

// Check finds what a site may say in its file, and systemd cannot do. The error is
// [site.Errors].
func Check(s *site.Site, o Options) error {
	c := &checker{site: s, options: o}
	c.names()
	for _, g := range s.EveryGroup() {
		c.values(g)
	}
	for i, l := range s.Listen {
		c.listener(i, l)
	}
	c.prefix()
	if o.User {
		c.user()
	} else {
		c.paths()
	}
	if len(c.errs) == 0 {
		return nil
	}
	c.errs.Sort(s.Path)
	return c.errs
}

type checker struct {
	site    *site.Site
	options Options
	errs    site.Errors
}

func (c *checker) fail(key, hint, format string, values ...any) {
	c.errs = append(c.errs, c.site.ErrorAt(key, fmt.Sprintf(format, values...), hint))
}

// names are short enough in a site file, as a rule. Hyphens are four bytes in the
// names of slices, and a user's directory of sockets is a longer one.
func (c *checker) names() {
	hint := "use shorter names for the site or its groups"
	if c.site.Socket.Prefix != "" {
		hint += ", or a shorter socket-prefix"
	}
	if own := siteSocketPath(c.options.runtime(), c.site.Name); len(own) > maxSocketPath {
		c.fail("", hint, "the path of its socket, %s, is longer than %d bytes", own, maxSocketPath)
	}
	for _, g := range c.site.EveryGroup() {
		if name := groupSlice(c.site.Name, g.Name); len(name) > maxUnitName {
			c.fail(g.Key(), hint+", or fewer hyphens", "the name of its slice, %s, is longer than %d bytes", name, maxUnitName)
		}
	}
	for _, g := range c.site.Groups {
		if slot := slotSocketPath(c.site, c.options.runtime(), g.Name, "a"); len(slot) > maxSocketPath {
			c.fail(g.Key(), hint, "the path of its socket, %s, is longer than %d bytes", slot, maxSocketPath)
		}
	}
}

// values finds the paths that stand in a unit as they are, where nothing can be
// quoted.
func (c *checker) values(g *site.Group) {
	c.value(g.Key()+".home", g.Home)
	c.value(g.Key()+".chroot", g.Chroot)
	for i, file := range g.EnvFiles {
		c.value(fmt.Sprintf("%s.env-file[%d]", g.Key(), i), literal(file))
	}
}

func (c *checker) value(key, value string) {
	if err := unitfile.CheckValue(value); err != nil {
		c.fail(key, "", "%v, which a unit file cannot express", err)
	}
}

func (c *checker) listener(i int, l site.Listener) {
	before, key := len(c.errs), fmt.Sprintf("listen[%d]", i)
	if addr, tcp := tcpAddress(l); tcp && addr.Port() == 0 {
		c.fail(key, "write the port", "%q leaves the port to the kernel, and nobody would know it", l)
	} else if !tcp && !strings.HasPrefix(l.Address, "@") {
		c.socket(key, socketPath(l))
		c.value(key, socketPath(l))
	}
	if len(c.errs) > before {
		return
	}
	for _, other := range c.site.Listen[:i] {
		if overlap(other, l) {
			c.fail(key, "keep one of them", "%q and %q overlap: one of them could not be opened", other, l)
		}
	}
}

// socket refuses paths at which a socket would not stay, or not be found.
func (c *checker) socket(key, p string) {
	own := siteSocketPath(c.options.runtime(), c.site.Name)
	all := path.Dir(own)
	hint := "leave it out: the site listens on " + own + " in any case"
	switch {
	case p == own:
	case isBelowOneOf(p, temporary()):
		c.fail(key, hint, "socket %q is in a directory for temporary files: services with a /tmp of their own do not see it, and it is cleaned up with them", p)
	case isBelowOneOf(p, []string{all + "/" + c.site.Name}):
		c.fail(key, hint, "socket %q is in a directory that belongs to the site's supervisor, and goes away with it", p)
	case isBelowOneOf(p, []string{all}):
		c.fail(key, hint, "socket %q is in %s, where wsgid itself names the sockets", p, all)
	}
}

// overlap reports whether a socket for one address keeps the other from being
// opened.
func overlap(a, b site.Listener) bool {
	first, tcp := tcpAddress(a)
	second, alsoTCP := tcpAddress(b)
	if !tcp || !alsoTCP {
		return a.Network == b.Network && socketPath(a) == socketPath(b)
	}
	return first.Port() == second.Port() && (covers(first.Addr(), second.Addr()) || covers(second.Addr(), first.Addr()))
}

func covers(a, b netip.Addr) bool {
	switch a {
	case netip.IPv6Unspecified():
		return true
	case netip.IPv4Unspecified():
		return b.Unmap().Is4()
	}
	return a == b
}

// paths refuses files that would be in a /tmp which nobody else sees.
func (c *checker) paths() {
	for _, l := range c.site.LogFiles() {
		c.log(l.Key, l.Path)
	}
	if dir := c.site.Server.SpoolDirectory; isBelowOneOf(dir, temporary()) && !isOneOf(dir, temporary()) {
		c.fail("spool-directory", "use /var/tmp, or a directory elsewhere", "the site's service has a /tmp and a /var/tmp of its own, which are empty at first")
	}
}

func (c *checker) log(key, file string) {
	if isBelowOneOf(file, temporary()) {
		hint := "write " + key[strings.LastIndexByte(key, '.')+1:] + " = " + strconv.Quote(c.site.LogDirectory()+"/"+path.Base(file))
		c.fail(key, hint, "the site's service has a %s of its own, in which nobody would find it", path.Dir(file))
	}
}

// user refuses what takes rights that a user's own systemd does not have.
func (c *checker) user() {
	const users = "a user's own systemd cannot change users"
	c.refuse("socket-user", c.site.Socket.User != "", users)
	c.refuse("socket-group", c.site.Socket.Group != "", users)
	for _, g := range c.site.EveryGroup() {
		key := g.Key()
		c.refuse(key+".user", g.User != "", users)
		c.refuse(key+".group", g.UserGroup != "", users)
		c.refuse(key+".supplementary-groups", len(g.SupplementaryGroups) > 0, users)
		c.refuse(key+".chroot", g.Chroot != "", "a user's own systemd cannot change the root directory")
		c.refuse(key+".cpu-priority", g.CPUPriority < 0, "a user's own systemd cannot raise the priority")
	}
}

func (c *checker) refuse(key string, set bool, why string) {
	if set {
		c.fail(key, "leave it out, or make the site one of the system, in /etc/wsgi", "%s", why)
	}
}
