package site

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mountRules checks what no single key can: which keys go together, and which
// mounts.
func (d *decoder) mountRules(hosts []*host) {
	resolved := true
	var good []mounted
	for _, h := range hosts {
		paths := map[string]place{}
		for i := range h.Mounts {
			m := mounted{Mount: h.Mounts[i], host: h, node: h.mounts[i], table: "mount"}
			d.mountPath(m, paths)
			target := d.mountTarget(m)
			group := d.mountGroup(m)
			d.mountDispatch(m)
			resolved = resolved && group
			if target && group {
				good = append(good, m)
			}
		}
		handlers, found := d.handlerRules(h)
		good, resolved = append(good, handlers...), resolved && found
	}
	d.restrictRules(hosts, good)
	d.applicationGroups(good)
	d.oneInterpreter(good)
	d.ownersOfMany(good)
	if resolved {
		d.groupsUsed()
		d.ownersUsed()
	}
}

// mounted is a mount, or what a handler runs, and where it stands.
type mounted struct {
	*Mount
	host  *host
	node  *node
	table string // "mount", or "handler"
}

// key is how a key of the table, or with "" the table, is written.
func (m *mounted) key(name string) string {
	if name == "" {
		return m.host.table(m.table)
	}
	return m.host.table(m.table + "." + name)
}

// mountPath refuses a path without or with two mounts; paths has those of the host.
func (d *decoder) mountPath(m mounted, paths map[string]place) {
	n := m.node
	written, match := n.table["path"], n.table["path-match"]
	if match != nil {
		if written != nil {
			d.fail(match.place, m.key("path-match"), &fault{msg: "path is set too", hint: "keep one of them"})
		}
		return
	}
	if written == nil {
		d.fail(n.place, m.key(""), &fault{msg: "path is missing", hint: `path = "/" serves the whole ` + m.host.kind()})
		return
	}
	if m.Path == "" {
		return // refused before
	}
	if first, found := paths[m.Path]; found {
		d.fail(written.place, m.key("path"), &fault{msg: strconv.Quote(m.Path) + " is mounted already, at " + first.String()})
		return
	}
	paths[m.Path] = written.place
}

// mountTarget reports whether script or module name an application.
func (d *decoder) mountTarget(m mounted) bool {
	n := m.node
	before := len(d.errs)
	script, module, directory := n.table["script"], n.table["module"], n.table["script-directory"]
	if suffix := n.table["script-suffix"]; suffix != nil && directory == nil {
		d.fail(suffix.place, m.key("script-suffix"), &fault{msg: "there is no script-directory, whose scripts have it"})
	}
	switch {
	case directory != nil && (script != nil || module != nil):
		d.fail(directory.place, m.key("script-directory"), &fault{msg: "script or module is set too", hint: "keep one of them"})
	case directory != nil && n.table["path-match"] != nil:
		d.fail(directory.place, m.key("script-directory"), &fault{msg: "does not go with path-match", hint: "write script with $1 in it, or path"})
	case directory != nil:
		d.mountDirectory(m)
	default:
		d.scriptOrModule(m, `script = "/path/to/app.py", or module = "package.module:callable"; script-directory = "/path/to/apps" for many scripts`)
	}
	if m.Callable == "" {
		m.Callable = DefaultCallable
	}
	return len(d.errs) == before && m.Script+m.Module+m.ScriptDirectory != ""
}

// scriptOrModule reads the one of the two that names the application.
func (d *decoder) scriptOrModule(m mounted, hint string) {
	script, module := m.node.table["script"], m.node.table["module"]
	switch {
	case script == nil && module == nil:
		d.fail(m.node.place, m.key(""), &fault{msg: "script or module is missing", hint: hint})
	case script != nil && module != nil:
		d.fail(module.place, m.key("module"), &fault{msg: "script is set too", hint: "keep one of script and module"})
	case script != nil:
		d.mountScript(m, script)
		d.matchedScript(m)
	default:
		d.mountModule(m)
	}
}

func (d *decoder) mountScript(m mounted, n *node) {
	if m.Script == "" || filepath.IsAbs(m.Script) {
		return
	}
	if looksLikeModule(m.Script) {
		d.fail(n.place, m.key("script"), &fault{msg: strconv.Quote(m.Script) + " is not an absolute path", hint: "for a module write module = " + strconv.Quote(m.Script)})
		return
	}
	d.fail(n.place, m.key("script"), &fault{
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

func (d *decoder) mountModule(m mounted) {
	n := m.node
	text := m.Module
	if text == "" {
		return // refused before
	}
	at := n.table["module"].place
	module, callable, written := strings.Cut(text, ":")
	switch {
	case strings.HasPrefix(text, "/"):
		d.fail(at, m.key("module"), &fault{msg: strconv.Quote(text) + " is a path", hint: "write script = " + strconv.Quote(text)})
	case !isDotted(module) || written && !isDotted(callable):
		d.fail(at, m.key("module"), &fault{msg: strconv.Quote(text) + " is not a module", hint: `use "package.module" or "package.module:callable"`})
	case written && m.Callable != "" && m.Callable != callable:
		d.fail(n.table["callable-object"].place, m.key("callable-object"), &fault{msg: strconv.Quote(m.Callable) + " contradicts module, which says " + strconv.Quote(callable), hint: "keep one of them"})
	}
	m.Module = module
	if written {
		m.Callable = callable
	}
}

// mountGroup finds the group of a mount and reports whether it could.
func (d *decoder) mountGroup(m mounted) bool {
	h, n := m.host, m.node
	list := d.groupsFor(h)
	written := n.table["group"]
	switch {
	case len(d.site.Groups) == 0:
		return false
	case written == nil && len(list) == 1:
		m.Group = list[0]
		return true
	case written == nil && len(list) == 0:
		d.fail(n.place, m.key(""), &fault{msg: "no group serves " + h.inWords(), hint: "write [" + h.table("group") + "." + DefaultGroup + "]"})
		return false
	case written == nil:
		d.fail(n.place, m.key(""), &fault{msg: "group is missing, and there are " + strings.Join(list, ", ")})
		return false
	case m.Group == "":
		return false // refused before
	case slices.Contains(list, m.Group):
		return true
	case d.site.Service(m.Group) != nil:
		d.fail(written.place, m.key("group"), &fault{
			msg:  "group " + strconv.Quote(m.Group) + " is a service script (threads = 0), which serves no requests; see " + d.site.lines[d.site.Service(m.Group).Key()].String(),
			hint: "give the mount another group",
		})
		return false
	}
	d.fail(written.place, m.key("group"), d.noGroup(m.Group, list))
	return false
}

// groupsFor are the names of the groups that may run the mounts of a host.
func (d *decoder) groupsFor(h *host) []string {
	var list []string
	for _, g := range d.site.Groups {
		if g.Host == "" || !h.isTop() && hostKey(g.Host) == hostKey(h.ServerName) {
			list = append(list, g.Name)
		}
	}
	return list
}

// noGroup says why a mount cannot have a group.
func (d *decoder) noGroup(name string, list []string) *fault {
	if other := d.site.Group(name); other != nil {
		return &fault{
			msg:  "group " + strconv.Quote(name) + " is for " + other.Host + " alone, declared at " + d.site.lines[other.Key()].String(),
			hint: "a group at the top level, [group." + quoteKey(name) + "], is for every host",
		}
	}
	f := &fault{msg: "there is no group " + strconv.Quote(name) + "; there are: " + strings.Join(list, ", ")}
	if near := nearest(name, list); near != "" {
		f.hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return f
}

// groupsUsed refuses a group whose processes would never get a request.
func (d *decoder) groupsUsed() {
	used := map[string]bool{}
	for _, m := range d.site.AllMounts() {
		used[m.Dispatcher()] = true
		for _, group := range m.Groups() {
			used[group] = true
		}
	}
	for _, g := range d.site.Groups {
		if (len(used) > 0 || d.site.filesAlone()) && !used[g.Name] {
			table := "[[" + strings.TrimSuffix(displayKey(g.Key()), groupKey(g.Name)) + "mount]]"
			d.fail(d.site.lines[g.Key()], g.Key(), &fault{msg: "no " + table + " uses this group", hint: "add a " + table + " with group = " + strconv.Quote(g.Name) + ", or remove the group"})
		}
	}
}

// warmUpRules: what is asked for must be there to answer.
func (d *decoder) warmUpRules(hosts []*host) {
	for _, h := range hosts {
		for i, path := range h.WarmUp {
			if h.matches(path) {
				d.fail(d.element(h, "warm-up", i), h.table("warm-up"), &fault{msg: strconv.Quote(path) + " is answered by a mount with path-match, which has no warm-up"})
			} else if h.MountOf(path) == nil {
				d.fail(d.element(h, "warm-up", i), h.table("warm-up"), &fault{msg: "no mount answers " + strconv.Quote(path)})
			}
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
