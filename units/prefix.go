package units

import (
	"path"
	"strings"
)

// prefix refuses a socket-prefix at which systemd cannot make a socket that stays, or
// that the supervisor does not see from inside its sandbox.
func (c *checker) prefix() {
	prefix := c.site.Socket.Prefix
	if prefix == "" {
		return
	}
	const key = "socket-prefix"
	c.value(key, prefix)
	own := path.Dir(siteSocketPath(c.options.runtime(), c.site.Name))
	beginning := c.site.SlotPrefix("", "")
	dir := path.Dir(beginning)
	hint := "leave it out: the sockets are then in " + own
	switch {
	case isBelowOneOf(dir, temporary()):
		c.fail(key, hint, "%q is in a directory for temporary files: services with a /tmp of their own do not see it, and it is cleaned up with them", prefix)
	case dir != own && isBelowOneOf(dir, []string{own}):
		c.fail(key, hint, "%q is in a directory that belongs to the supervisor of a site, and goes away with it", prefix)
	case isBelowOneOf(dir, []string{"/dev", "/proc", "/sys"}):
		c.fail(key, hint, "%q is below /dev, /proc or /sys, of which services have their own view", prefix)
	case !c.options.User && isBelowOneOf(dir, homes()):
		c.fail(key, hint, "%q is in a home directory, and those are hidden from the supervisor", prefix)
	}
	for _, g := range c.site.Groups {
		for _, slot := range slots() {
			c.taken(slotSocketPath(c.site, c.options.runtime(), g.Name, slot))
		}
	}
}

// taken refuses an address of the site that is a socket of a daemon group, too.
func (c *checker) taken(p string) {
	for _, l := range c.site.Listen {
		if l.Network == "unix" && !strings.HasPrefix(l.Address, "@") && socketPath(l) == p {
			c.fail("socket-prefix", "use another one", "%q would be the socket of a daemon group, and the site listens there", p)
		}
	}
}
