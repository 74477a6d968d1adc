package site

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mountRules checks what no single key can: which keys go together, and which
// mounts.
func (d *decoder) mountRules() {
	resolved := true
	first := map[string]int{}
	for i, m := range d.site.Mounts {
		n := d.mounts[i]
		d.mountPath(i, m, n)
		target := d.mountTarget(m, n)
		group := d.mountGroup(m, n)
		resolved = resolved && group
		if target && group {
			d.oneApplication(i, first)
		}
	}
	if resolved {
		d.groupsUsed()
	}
}

func (d *decoder) mountPath(i int, m *Mount, n *node) {
	if n.table["path"] == nil {
		d.fail(n.place, "mount", &fault{msg: "path is missing", hint: `path = "/" serves the whole site`})
		return
	}
	for j, other := range d.site.Mounts[:i] {
		if other.Path == m.Path && m.Path != "" {
			first := d.mounts[j].table["path"].place
			d.fail(n.table["path"].place, "mount.path", &fault{msg: strconv.Quote(m.Path) + " is mounted already, at " + first.String()})
			return
		}
	}
}

// mountTarget reports whether script or module name an application.
func (d *decoder) mountTarget(m *Mount, n *node) bool {
	before := len(d.errs)
	script, module := n.table["script"], n.table["module"]
	switch {
	case script == nil && module == nil:
		d.fail(n.place, "mount", &fault{msg: "script or module is missing", hint: `script = "/path/to/app.py", or module = "package.module:callable"`})
	case script != nil && module != nil:
		d.fail(module.place, "mount.module", &fault{msg: "script is set too", hint: "keep one of script and module"})
	case script != nil:
		d.mountScript(m, script)
	default:
		d.mountModule(m, n)
	}
	if m.Callable == "" {
		m.Callable = DefaultCallable
	}
	return len(d.errs) == before && m.Script+m.Module != ""
}

func (d *decoder) mountScript(m *Mount, n *node) {
	if m.Script == "" || filepath.IsAbs(m.Script) {
		return
	}
	if looksLikeModule(m.Script) {
		d.fail(n.place, "mount.script", &fault{msg: strconv.Quote(m.Script) + " is not an absolute path", hint: "for a module write module = " + strconv.Quote(m.Script)})
		return
	}
	d.fail(n.place, "mount.script", &fault{
		msg:  strconv.Quote(m.Script) + " is not an absolute path",
		hint: "write " + strconv.Quote(d.absolute(m.Script)),
	})
}

// looksLikeModule knows "package.module:callable" from a file name.
func looksLikeModule(s string) bool {
	module, callable, found := strings.Cut(s, ":")
	return found && isDotted(module) && isDotted(callable)
}

// absolute takes a relative name as seen from the site file.
func (d *decoder) absolute(name string) string {
	abs, err := filepath.Abs(filepath.Join(filepath.Dir(d.site.Path), name))
	if err != nil {
		return filepath.Join("/", name)
	}
	return abs
}

func (d *decoder) mountModule(m *Mount, n *node) {
	text := m.Module
	if text == "" {
		return // refused before
	}
	at := n.table["module"].place
	module, callable, written := strings.Cut(text, ":")
	switch {
	case strings.HasPrefix(text, "/"):
		d.fail(at, "mount.module", &fault{msg: strconv.Quote(text) + " is a path", hint: "write script = " + strconv.Quote(text)})
	case !isDotted(module) || written && !isDotted(callable):
		d.fail(at, "mount.module", &fault{msg: strconv.Quote(text) + " is not a module", hint: `use "package.module" or "package.module:callable"`})
	case written && m.Callable != "" && m.Callable != callable:
		d.fail(n.table["callable-object"].place, "mount.callable-object", &fault{msg: strconv.Quote(m.Callable) + " contradicts module, which says " + strconv.Quote(callable), hint: "keep one of them"})
	}
	m.Module = module
	if written {
		m.Callable = callable
	}
}

// mountGroup finds the group of a mount and reports whether it could.
func (d *decoder) mountGroup(m *Mount, n *node) bool {
	list := make([]string, len(d.site.Groups))
	for i, g := range d.site.Groups {
		list[i] = g.Name
	}
	written := n.table["group"]
	switch {
	case len(list) == 0:
		return false
	case written == nil && len(list) == 1:
		m.Group = list[0]
		return true
	case written == nil:
		d.fail(n.place, "mount", &fault{msg: "group is missing, and there are " + strings.Join(list, ", ")})
		return false
	case m.Group == "":
		return false // refused before
	case d.site.Group(m.Group) != nil:
		return true
	}
	f := &fault{msg: "there is no group " + strconv.Quote(m.Group) + "; there are: " + strings.Join(list, ", ")}
	if near := nearest(m.Group, list); near != "" {
		f.hint = "did you mean " + strconv.Quote(near) + "?"
	}
	d.fail(written.place, "mount.group", f)
	return false
}

// application is what two mounts must share to be served by the same processes.
type application struct{ Script, Module, Callable, Group string }

func (m *Mount) application() application {
	return application{Script: m.Script, Module: m.Module, Callable: m.Callable, Group: m.Group}
}

// oneApplication holds a group to one application: a process has one main
// interpreter, and everything in it is shared. first has the first mount of
// each group.
func (d *decoder) oneApplication(i int, first map[string]int) {
	m := d.site.Mounts[i]
	j, seen := first[m.Group]
	if !seen {
		first[m.Group] = i
		return
	}
	if m.application() != d.site.Mounts[j].application() {
		d.fail(d.mounts[i].place, "mount", &fault{
			msg:  "group " + strconv.Quote(m.Group) + " runs another application already, mounted at " + d.mounts[j].String(),
			hint: "give this one a group of its own",
		})
	}
}

// groupsUsed refuses a group whose processes would never get a request.
func (d *decoder) groupsUsed() {
	if len(d.site.Mounts) == 0 {
		return
	}
	for _, g := range d.site.Groups {
		used := false
		for _, m := range d.site.Mounts {
			used = used || m.Group == g.Name
		}
		if !used {
			d.fail(d.site.lines[groupKey(g.Name)], groupKey(g.Name), &fault{msg: "no [[mount]] uses this group", hint: "add a [[mount]] with group = " + strconv.Quote(g.Name) + ", or remove the group"})
		}
	}
}

// warmUpRules: what is asked for must be there to answer.
func (d *decoder) warmUpRules() {
	for _, path := range d.site.WarmUp.Paths {
		if !slices.ContainsFunc(d.site.Mounts, func(m *Mount) bool { return m.Covers(path) }) {
			d.fail(d.site.lines["warm-up"], "warm-up", &fault{msg: "no mount answers " + strconv.Quote(path)})
		}
	}
}

// Covers reports whether a URL path is that of the mount, or below it.
func (m *Mount) Covers(path string) bool {
	return covers(m.Path, path)
}

// covers reports whether a URL path is part of what begins at another.
func covers(outer, path string) bool {
	rest, found := strings.CutPrefix(path, strings.TrimSuffix(outer, "/"))
	return found && (rest == "" || rest[0] == '/')
}
