package site

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// fileCheck collects what the file system contradicts.
type fileCheck struct {
	site *Site
	errs Errors
}

// at reports a fault at the place of a key.
func (c *fileCheck) at(f *fault, key string) {
	if f != nil {
		c.errs = append(c.errs, c.site.ErrorAt(key, f.msg, f.hint))
	}
}

// CheckFiles looks at the files, directories and accounts that the site names:
// scripts, error pages, homes, environment files, interpreters, directories of logs, spools
// and static files,
// users and groups. What lies inside a chroot is left out, and so is LogDirectory.
// It runs nothing of the site; see [Site.Interpreters]. The error is [Errors].
func (s *Site) CheckFiles() error {
	c := &fileCheck{site: s}
	c.logs(func(dir string) bool { return dir != s.LogDirectory() })
	if s.Server.SpoolDirectory != "" {
		c.at(checkDir(s.Server.SpoolDirectory), "spool-directory")
	}
	for _, page := range s.PageFiles() {
		c.at(checkFile(page.Path), page.Key)
	}
	c.account(userAccounts, s.Socket.User, "socket-user")
	c.account(groupAccounts, s.Socket.Group, "socket-group")
	for _, g := range s.EveryGroup() {
		c.group(g)
	}
	for _, v := range s.Hosts() {
		for i, h := range v.Handlers {
			if g := s.Group(h.Run.Group); h.Run.Script != "" && (g == nil || g.Chroot == "") {
				c.at(checkFile(h.Run.Script), v.handlerAt(i)+".script")
				c.owner(g, h.Run)
			}
		}
		for i, m := range v.Mounts {
			if g := s.Group(m.Dispatcher()); m.Dispatch.Script != "" && (g == nil || g.Chroot == "") {
				c.at(checkFile(m.Dispatch.Script), v.mountAt(i)+".dispatch-script")
			}
			if g := s.Group(m.Group); m.application().Script != "" && (g == nil || g.Chroot == "") {
				c.at(checkFile(m.Script), v.mountAt(i)+".script")
				c.owner(g, m)
			} else if dir := m.application().Directory; dir != "" && (g == nil || g.Chroot == "") {
				c.at(checkDir(dir), v.mountAt(i)+".script-directory")
			}
		}
	}
	for _, dir := range s.StaticDirectories() {
		c.at(checkDir(dir.Path), dir.Key)
	}
	c.access()
	return c.errs.orNil()
}

// owner reports what the group's own key has against a script that is there.
func (c *fileCheck) owner(g *Group, m *Mount) {
	if g == nil || checkFile(m.Script) != nil {
		return
	}
	if err := g.CheckOwner(m.Script); err != nil {
		o, _ := g.scriptOwner()
		c.at(asFault(err), g.Key()+"."+o.key)
	}
}

// logs looks for the directories of log files that are to be looked for.
func (c *fileCheck) logs(wanted func(dir string) bool) {
	for _, l := range c.site.LogFiles() {
		if dir := filepath.Dir(l.Path); wanted(dir) {
			c.at(checkDir(dir), l.Key)
		}
	}
}

func (c *fileCheck) group(g *Group) {
	prefix := g.Key()
	c.account(userAccounts, g.User, prefix+".user")
	c.account(groupAccounts, g.UserGroup, prefix+".group")
	for i, name := range g.SupplementaryGroups {
		c.account(groupAccounts, name, elementKey(prefix+".supplementary-groups", i))
	}
	for i, file := range g.EnvFiles {
		c.envFile(elementKey(prefix+".env-file", i), file)
	}
	if g.Chroot != "" {
		c.at(checkDir(g.Chroot), prefix+".chroot")
		return
	}
	if g.Home != "" {
		c.at(checkDir(g.Home), prefix+".home")
	}
	for i, dir := range g.PythonPath {
		c.at(checkDir(dir), elementKey(prefix+".python-path", i))
	}
	if g.PythonEggs != "" {
		c.at(checkDir(g.PythonEggs), prefix+".python-eggs")
	}
	for i, file := range g.ImportScripts {
		c.at(checkFile(file), elementKey(prefix+".import-script", i))
	}
	if g.Script != "" {
		c.at(checkFile(g.Script), prefix+".script")
	}
	if _, key, err := g.interpreter(); err != nil {
		c.at(asFault(err), prefix+"."+key)
	}
}

// envFile passes on the errors inside the file, which have places of their own.
func (c *fileCheck) envFile(key, file string) {
	_, err := LoadEnvFile(file)
	var inside Errors
	switch {
	case err == nil:
	case errors.As(err, &inside):
		c.errs = append(c.errs, inside...)
	default:
		c.at(statFault(file, err), key)
	}
}

// Interpreters runs each group's interpreter and gives what they are, by group
// name. Groups with the same interpreter share one run; groups with a chroot are
// left out. The error is [Errors].
func (s *Site) Interpreters(ctx context.Context) (map[string]Python, error) {
	c := &fileCheck{site: s}
	type answer struct {
		python Python
		err    error
	}
	seen := map[string]answer{}
	found := map[string]Python{}
	for _, g := range s.EveryGroup() {
		if g.Chroot != "" {
			continue
		}
		path, key, err := g.interpreter()
		a, known := seen[path]
		if err == nil && !known {
			a.python, a.err = g.Probe(ctx)
			seen[path] = a
		}
		if err = errors.Join(err, a.err); err != nil {
			c.at(asFault(err), g.Key()+"."+key)
			continue
		}
		found[g.Name] = a.python
	}
	return found, c.errs.orNil()
}

func checkDir(path string) *fault {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return statFault(path, err)
	case !info.IsDir():
		return &fault{msg: strconv.Quote(path) + " is not a directory"}
	}
	return nil
}

// checkFile opens the file too, so that a script that the caller may not read is
// found. The worker may be another user; it checks again.
func checkFile(path string) *fault {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return statFault(path, err)
	case !info.Mode().IsRegular():
		return &fault{msg: strconv.Quote(path) + " is not a file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return statFault(path, err)
	}
	_ = f.Close() // nothing was written
	return nil
}

// statFault leaves out the path that the system's error repeats.
func statFault(path string, err error) *fault {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &fault{msg: strconv.Quote(path) + ": " + err.Error()}
}
