package site

import (
	"fmt"
	"os"
	"slices"
	"strconv"
)

// runner is the process that is to run a site without systemd.
type runner struct {
	uid, gid int
	groups   []int
	// number looks a user or group up.
	number func(accounts, string) (int, error)
}

// CheckDirect refuses what only systemd can apply, before the site is served by
// a process without it (`wsgid run`): another user or group than the process has,
// a chroot, a nice level, a LogDirectory that is not there. Names that the machine does not know are left to
// [Site.CheckFiles]. The error is [Errors].
func (s *Site) CheckDirect() error {
	groups, err := os.Getgroups()
	if err != nil {
		return fmt.Errorf("cannot read the groups of this process: %w", err)
	}
	return s.checkDirect(runner{uid: os.Geteuid(), gid: os.Getegid(), groups: groups, number: accounts.number})
}

func (s *Site) checkDirect(r runner) error {
	c := &fileCheck{site: s}
	c.logs(func(dir string) bool { return dir == s.LogDirectory() })
	for _, g := range s.EveryGroup() {
		prefix := g.Key()
		for _, u := range r.unmet(g) {
			f := &fault{msg: "wsgid run cannot " + u.msg, hint: u.hint + "systemctl enable --now wsgi@" + s.Name + " lets systemd serve the site"}
			c.at(f, prefix+"."+u.key)
		}
	}
	return c.errs.orNil()
}

// unmet is a key that the process has no power to apply. hint is the beginning
// of one.
type unmet struct{ key, msg, hint string }

func (r runner) unmet(g *Group) []unmet {
	var list []unmet
	if uid, ok := r.lookup(userAccounts, g.User); ok && uid != r.uid {
		list = append(list, unmet{"user", "change to user " + strconv.Quote(g.User), "run wsgid as " + g.User + ", or "})
	}
	if gid, ok := r.lookup(groupAccounts, g.UserGroup); ok && gid != r.gid {
		list = append(list, unmet{"group", "change to group " + strconv.Quote(g.UserGroup), "run wsgid with the group " + g.UserGroup + ", or "})
	}
	for _, name := range g.SupplementaryGroups {
		if gid, ok := r.lookup(groupAccounts, name); ok && gid != r.gid && !slices.Contains(r.groups, gid) {
			list = append(list, unmet{"supplementary-groups", "join group " + strconv.Quote(name), "run wsgid as a member of " + name + ", or "})
		}
	}
	if g.Chroot != "" {
		list = append(list, unmet{"chroot", "change the root directory", ""})
	}
	if n := g.CPUPriority; n != 0 {
		list = append(list, unmet{"cpu-priority", "set a nice level", fmt.Sprintf("leave it out and start with nice -n %d wsgid run, or ", n)})
	}
	return list
}

// lookup gives the number of an account that the site names.
func (r runner) lookup(a accounts, name string) (number int, ok bool) {
	if name == "" {
		return 0, false
	}
	number, err := r.number(a, name)
	return number, err == nil
}

// SystemdOnly names the keys that the site sets and that have no effect without
// systemd, where serving without them does no harm. Nil when there are none.
func (s *Site) SystemdOnly() []string {
	var keys []string
	if s.IdleTimeout != 0 {
		keys = append(keys, "idle-timeout")
	}
	if s.Socket.Prefix != "" {
		keys = append(keys, "socket-prefix")
	}
	if !s.SocketRotation {
		keys = append(keys, "socket-rotation")
	}
	if len(s.Systemd) > 0 {
		keys = append(keys, "[site.systemd]")
	}
	for _, g := range s.EveryGroup() {
		if len(g.Systemd) > 0 {
			keys = append(keys, "["+displayKey(g.Key())+".systemd]")
		}
	}
	return keys
}
