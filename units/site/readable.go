package site

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// reader is who reads files: a user with groups.
type reader struct {
	name   string
	uid    int
	groups []int
}

// What of a directory of files is looked at, so that a large one does not hold up a check.
const (
	mostEntries = 20000
	mostFaults  = 5
)

// CheckFrontEnd finds static files and error pages that the front end cannot read under the
// system's systemd, where it runs as [FrontEndUser]. It goes by owners and modes: a file with
// an access control list (acl(5)), and what the caller itself may not look at, is passed
// over, and so is everything where there is no such user. The error is [Errors].
func (s *Site) CheckFrontEnd() error {
	u, err := user.Lookup(FrontEndUser)
	if err != nil {
		return nil
	}
	r := reader{name: u.Username}
	numbers, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("cannot look up the groups of user %s: %w", u.Username, err)
	}
	for _, number := range numbers {
		if gid, err := strconv.Atoi(number); err == nil {
			r.groups = append(r.groups, gid)
		}
	}
	if r.uid, err = strconv.Atoi(u.Uid); err != nil {
		return fmt.Errorf("cannot look up user %s: its number is %q", u.Username, u.Uid)
	}
	return s.checkReadable(r)
}

func (s *Site) checkReadable(r reader) error {
	c := &fileCheck{site: s}
	for _, page := range s.PageFiles() {
		if f := r.way(page.Path); f != nil {
			c.at(f, page.Key)
		} else if info, err := os.Stat(page.Path); err == nil {
			c.at(r.mayRead(page.Path, info), page.Key)
		}
	}
	for _, v := range s.Hosts() {
		for i, st := range v.Statics {
			for _, f := range r.files(v, st) {
				c.at(f, v.staticAt(i)+".directory")
			}
		}
	}
	return c.errs.orNil()
}

// files are the faults of a directory of files, not more than a few.
func (r reader) files(v *Vhost, st *Static) []*fault {
	top := filepath.Clean(st.Directory)
	if f := r.way(top + "/x"); f != nil {
		return []*fault{f}
	}
	var all []*fault
	seen := 0
	_ = filepath.WalkDir(top+"/", func(path string, entry fs.DirEntry, err error) error {
		switch seen++; {
		case seen > mostEntries:
			return fs.SkipAll
		case err != nil && entry != nil && entry.IsDir():
			return fs.SkipDir // not for the caller's eyes, either
		case err != nil:
			return nil
		case !st.HiddenFiles && seen > 1 && strings.HasPrefix(entry.Name(), "."):
			return skip(entry)
		}
		f := r.entry(v, st, path, entry)
		if f == nil {
			return nil
		}
		all = append(all, f)
		return skip(entry)
	})
	if more := len(all) - mostFaults; more > 0 {
		all = all[:mostFaults]
		all[mostFaults-1].msg += fmt.Sprintf("; and there are %d more", more)
	}
	return all
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// entry looks at what is in a directory of files: a file that has a handler is not read.
func (r reader) entry(v *Vhost, st *Static, path string, entry fs.DirEntry) *fault {
	if !entry.IsDir() && !entry.Type().IsRegular() {
		return nil // a link leads to what is below as well, or is not followed
	}
	info, err := entry.Info()
	if err != nil {
		return nil // it is gone
	}
	if entry.IsDir() {
		return r.mayPass(path, info)
	}
	url := strings.TrimSuffix(st.Path, "/") + strings.TrimPrefix(path, filepath.Clean(st.Directory))
	for _, h := range v.Handlers {
		handled := func(suffix string) bool { return strings.HasSuffix(path, suffix) }
		if !st.Internal && h.Covers(url) && slices.ContainsFunc(h.Suffixes, handled) {
			return nil
		}
	}
	return r.mayRead(path, info)
}

// way looks at the directories on the way to a path, and on that which links among them
// lead to.
func (r reader) way(path string) *fault {
	directory := filepath.Dir(path)
	ways := []string{directory}
	if real, err := filepath.EvalSymlinks(directory); err == nil && real != directory {
		ways = append(ways, real)
	}
	for _, way := range ways {
		for at := len("/"); ; at++ {
			if i := strings.IndexByte(way[at:], '/'); i >= 0 {
				at += i
			} else {
				at = len(way)
			}
			info, err := os.Stat(way[:at])
			if err != nil {
				return nil // told by CheckFiles
			}
			if f := r.mayPass(way[:at], info); f != nil {
				return f
			}
			if at == len(way) {
				break
			}
		}
	}
	return nil
}

// mayPass is for a directory, whose files are found by their names (path_resolution(7)).
func (r reader) mayPass(path string, info os.FileInfo) *fault {
	return r.may(path, info, 0o1, "pass through directory", "x")
}

func (r reader) mayRead(path string, info os.FileInfo) *fault {
	return r.may(path, info, 0o4, "read file", "r")
}

// may looks for a bit of the permissions (inode(7)).
func (r reader) may(path string, info os.FileInfo, bit os.FileMode, what, letter string) *fault {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	shift, who := 0, "o"
	switch {
	case int(stat.Uid) == r.uid:
		shift, who = 6, "u"
	case slices.Contains(r.groups, int(stat.Gid)):
		shift, who = 3, "g"
	}
	if info.Mode()>>shift&bit != 0 || hasList(path) {
		return nil
	}
	return &fault{
		msg: fmt.Sprintf("user %s, as whom the front end runs, cannot %s %q: mode %04o, owner %d, group %d", r.name, what, path, info.Mode().Perm(), stat.Uid, stat.Gid),
		hint: fmt.Sprintf("chmod %s+%s %s", who, letter, path) + map[bool]string{
			true: fmt.Sprintf(", or for this user alone setfacl -m u:%s:%s %s", r.name, letter, path),
		}[who == "o"],
	}
}

// hasList reports whether a file has an access control list.
func hasList(path string) bool {
	n, err := syscall.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
