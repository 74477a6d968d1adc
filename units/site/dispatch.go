package site

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dispatch has functions of a script say for each request in which daemon group and
// application group it is served, and by which callable (mod_wsgi's WSGIDispatchScript).
type Dispatch struct {
	// Script is the absolute file with process_group(), application_group() and
	// callable_object(), or some of these; "" for none.
	Script string
	// Group is the daemon group whose processes call them; "" is the mount's own.
	Group string
	// Timeout is the time that a request may take there, with its wait for a thread.
	Timeout time.Duration
}

// dispatchTimeout is Dispatch.Timeout of a script when nothing is written.
const dispatchTimeout = 15 * time.Second

func dispatchKeys() []Key {
	return []Key{
		{
			Name: "dispatch-script", Type: TypePath, ModWSGI: "WSGIDispatchScript",
			Meaning: "File whose functions process_group(environ), application_group(environ) and callable_object(environ) choose for each request where the mount's application serves it; those that it does not have, or that return None, leave it to the mount.",
			Notes: "process_group() chooses among the mount's group and those of restrict-process, each of which runs the application in the interpreter of its group. " +
				"application_group() chooses among the application groups of that group in which a mount runs the same application, \"%{GLOBAL}\" included. callable_object() names another callable of the mount's script or module. " +
				"Whatever else is chosen is answered 500 and logged, and so are an exception, a result that is no str, and functions that take longer than dispatch-timeout.\n\n" +
				"No Python runs in the front end: the functions are called by the processes of dispatch-group, which load the script when they start. They see the environ, without wsgi.input, before access control has looked at it: they cannot tell who the user is. " +
				"Each request is asked for, nothing is remembered. Mounts with script-directory, or with $ in script, cannot have one, nor can places with auth-type \"digest\".",
		},
		{
			Name: "dispatch-group", Type: TypeString,
			Meaning: "Daemon group whose processes call the functions of dispatch-script, which needs no mount of its own; the mount's group when it is not written.",
		},
		{
			Name: "dispatch-timeout", Type: TypeDuration, Min: int64(time.Millisecond),
			Meaning: "Time that the functions of dispatch-script may take for a request, the wait for a thread of dispatch-group included; 15s when it is not written.",
		},
	}
}

func restrictKey() Key {
	return Key{
		Name: "restrict-process", Type: TypeStrings, ModWSGI: "WSGIRestrictProcess", ModWSGIDefault: "any",
		Meaning: "Daemon groups that may serve requests here: a mount whose group is another is refused, and a dispatch-script may choose these and no other; without it a mount has any group, and a dispatch-script only the mount's.",
	}
}

func dispatchFields(p *Dispatch) fields {
	return fields{
		{"dispatch-script", &p.Script},
		{"dispatch-group", &p.Group},
		{"dispatch-timeout", &p.Timeout},
	}
}

// usualDispatch is what a mount has without dispatch-group and dispatch-timeout.
func (m *Mount) usualDispatch() Dispatch {
	if m.Dispatch.Script == "" {
		return Dispatch{}
	}
	return Dispatch{Timeout: dispatchTimeout}
}

// Dispatcher is the group whose processes call the functions of the mount's dispatch-script,
// "" without one.
func (m *Mount) Dispatcher() string {
	if m.Dispatch.Script == "" {
		return ""
	}
	return cmp.Or(m.Dispatch.Group, m.Group)
}

// Groups are all that run the mount's application, [Mount.Group] first.
func (m *Mount) Groups() []string { return append([]string{m.Group}, m.others...) }

// RunsIn reports whether a group runs the mount's application.
func (m *Mount) RunsIn(group string) bool {
	return m.Group == group || slices.Contains(m.others, group)
}

// DispatchScripts are those whose functions the group's processes call, each once.
func (s *Site) DispatchScripts(group string) []string {
	var all []string
	for _, m := range s.AllMounts() {
		if m.Dispatcher() == group && m.Dispatch.Script != "" && !slices.Contains(all, m.Dispatch.Script) {
			all = append(all, m.Dispatch.Script)
		}
	}
	return all
}

// LoadedFiles is what the group's processes have to have loaded besides one application, as
// a text; "" is nothing. Processes of two site files can serve the requests of each other
// if it is the same for both.
func (s *Site) LoadedFiles(group string) string {
	text := s.AccessFiles(group)
	all, scripts := s.Applications(group), s.DispatchScripts(group)
	if !NeedsNumbers(all) && len(scripts) == 0 && !s.IsDispatched(group) {
		return text
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v %q", all, scripts)) // of a thousand it would be too long for a message
	return fmt.Sprintf("%s\napplications\t%x", text, sum)
}

// IsDispatched reports whether the group serves requests that a dispatch-script has sent
// there.
func (s *Site) IsDispatched(group string) bool {
	return slices.ContainsFunc(s.AllMounts(), func(m *Mount) bool { return m.Dispatch.Script != "" && slices.Contains(s.reachable(m), group) })
}

// reachable are the groups to which requests of the mount can come.
func (s *Site) reachable(m *Mount) []string {
	all := m.Groups()
	for _, g := range s.Groups {
		if base := cmp.Or(g.Of, g.Name); !slices.Contains(all, g.Name) && (base == s.base(m.Group) || slices.Contains(m.others, base)) &&
			slices.Contains(s.Applications(g.Name), m.application()) {
			all = append(all, g.Name)
		}
	}
	return all
}

// base is the group of the file that a group is of.
func (s *Site) base(group string) string {
	if g := s.Group(group); g != nil && g.Of != "" {
		return g.Of
	}
	return group
}

// DispatchTarget is where a dispatch-script may send a request.
type DispatchTarget struct {
	// Process and Application are what the functions have to return: the daemon group as
	// the file has it, and its application group, "" for that of all that name none.
	Process, Application string
	// Group is the one of [Site.Groups] that it stands for.
	Group string
	// Number is the application's in [Site.Applications], -1 in a group of one.
	Number int
}

// DispatchTargets are those of a place, and the one that counts where nothing is chosen
// but perhaps the daemon group, which is the first with its Process.
func (s *Site) DispatchTargets(p Place) []DispatchTarget {
	m := p.Mount
	if m.Dispatch.Script == "" {
		return nil
	}
	var all []DispatchTarget
	for _, name := range s.reachable(m) {
		g := s.Group(name)
		t := DispatchTarget{Process: cmp.Or(g.Of, g.Name), Application: g.ApplicationGroup, Group: name, Number: -1}
		if list := p.Policy.RestrictProcess; len(list) > 0 && !slices.Contains(list, t.Process) {
			continue
		}
		if apps := s.Applications(name); NeedsNumbers(apps) {
			t.Number = slices.Index(apps, m.application())
		}
		all = append(all, t)
	}
	return all
}

// mountDispatch checks the keys of a mount's dispatch-script.
func (d *decoder) mountDispatch(m mounted) {
	n := m.node.table
	if n["dispatch-script"] == nil {
		for _, name := range []string{"dispatch-group", "dispatch-timeout"} {
			if n[name] != nil {
				d.fail(n[name].place, m.key(name), &fault{msg: "has no effect: there is no dispatch-script"})
			}
		}
		return
	}
	if n["dispatch-timeout"] == nil {
		m.Dispatch.Timeout = m.usualDispatch().Timeout
	}
	if m.application().Directory != "" {
		d.fail(n["dispatch-script"].place, m.key("dispatch-script"), &fault{
			msg: "does not go with scripts that depend on the URL", hint: "write script or module for one application",
		})
	}
	list := d.groupsFor(m.host)
	if g := n["dispatch-group"]; g != nil && m.Dispatch.Group != "" && !slices.Contains(list, m.Dispatch.Group) {
		d.fail(g.place, m.key("dispatch-group"), d.noGroup(m.Dispatch.Group, list))
	}
}

// restrictRules holds the mounts to restrict-process, and gives those with a dispatch-script
// the other groups that they may go to. Groups are still those of the file.
func (d *decoder) restrictRules(hosts []*host, good []mounted) {
	for _, h := range hosts {
		list := d.groupsFor(h)
		for _, p := range h.Places() {
			if len(p.Policy.RestrictProcess) == 0 && p.Mount.Dispatch.Script == "" {
				continue
			}
			known := d.restricted(p.tables, p.Policy.RestrictProcess, list)
			if i := slices.IndexFunc(good, func(m mounted) bool { return m.Mount == p.Mount }); i >= 0 && known {
				d.restrict(p, good[i])
			}
		}
		for _, p := range h.StaticPlaces() {
			if len(p.Policy.RestrictProcess) == 0 {
				continue
			}
			known := d.restricted(p.tables, p.Policy.RestrictProcess, list)
			for _, m := range good {
				if m.host == h && m.handler && known && h.handles(m.Mount, p) {
					d.onlyIn(p.tables, p.Policy.RestrictProcess, m)
				}
			}
		}
	}
}

// handles reports whether a handler's files may be in a place.
func (v *Vhost) handles(run *Mount, p StaticPlace) bool {
	return !p.Static.Internal && slices.ContainsFunc(v.Handlers, func(h *Handler) bool {
		return h.Run == run && (h.Covers(p.Path) || covers(p.Path, h.Path))
	})
}

// restricted reports whether the list that holds in a place, whose tables are given, names
// groups that are there.
func (d *decoder) restricted(tables, names, list []string) bool {
	p := Place{tables: tables}
	for _, name := range names {
		if slices.Contains(list, name) {
			continue
		}
		f := d.noGroup(name, list)
		if s := d.site.Service(name); s != nil {
			f = &fault{msg: "group " + strconv.Quote(name) + " is a service script (threads = 0), which serves no requests; see " + d.site.lines[s.Key()].String()}
		}
		d.failAt(p, "restrict-process", f)
		return false
	}
	return true
}

// restrict is for a place of a mount.
func (d *decoder) restrict(p Place, m mounted) {
	if m.Dispatch.Script == "" {
		d.onlyIn(p.tables, p.Policy.RestrictProcess, m)
		return
	}
	if p.Policy.Access.Digest() {
		d.failAt(p, "auth-type", &fault{msg: `"digest" keeps a key for each group, and dispatch-script of the mount at ` + m.node.String() + " chooses the group", hint: `use "basic" over TLS`})
	}
	for _, name := range p.Policy.RestrictProcess {
		if !m.RunsIn(name) {
			m.others = append(m.others, name)
		}
	}
}

// onlyIn refuses a mount in a group that the place does not allow.
func (d *decoder) onlyIn(tables, names []string, m mounted) {
	if len(names) == 0 || slices.Contains(names, m.Group) {
		return
	}
	d.failAt(Place{tables: tables}, "restrict-process", &fault{
		msg:  "has " + strings.Join(names, ", ") + ", and group " + strconv.Quote(m.Group) + " of the " + m.table + " at " + m.node.String() + " is none of these",
		hint: "add the group, or give the " + m.table + " one of these",
	})
}

// servedBy are the groups that may get requests of the mount.
func (s *Site) servedBy(m *Mount) []string {
	if m.Dispatch.Script == "" {
		return []string{m.Group}
	}
	return s.reachable(m)
}
