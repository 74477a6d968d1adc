package site

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Application names a WSGI application.
type Application struct {
	// Script is the absolute file; "" when Module or Directory is set.
	Script string
	// Module is the dotted name; "" when Script or Directory is set.
	Module string
	// Directory is that of many applications, which requests choose among: of the
	// files in it and below whose names end in Suffix; "" when Script or Module is set.
	Directory, Suffix string
	// Callable is the name of the object in it.
	Callable string
	// Handler says that it answers for files, see [Handler].
	Handler bool
}

// GlobalApplications is the application group of all that share the interpreter of a
// daemon group's processes.
const GlobalApplications = "%{GLOBAL}"

func (m *Mount) application() Application {
	if directory, pieces := m.ScriptTemplate(); pieces != nil {
		return Application{Directory: directory, Callable: m.Callable}
	}
	return Application{Script: m.Script, Module: m.Module, Directory: m.ScriptDirectory, Suffix: m.ScriptSuffix, Callable: m.Callable, Handler: m.handler}
}

// Applications are those that a group runs, each once, in the order of the mounts.
func (s *Site) Applications(group string) []Application {
	var all []Application
	for _, m := range s.AllMounts() {
		if a := m.application(); m.RunsIn(group) && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// numbered reports whether a request always says that it is for the application: the
// processes have to do with it what they do for no other.
func (a *Application) numbered() bool { return a.Directory != "" || a.Handler }

// NeedsNumbers reports whether the processes that run the applications are to be told
// for each request which one it is for.
func NeedsNumbers(all []Application) bool { return len(all) > 1 || len(all) == 1 && all[0].numbered() }

// ApplicationNumbers gives the mounts of groups with several applications, or with a
// directory of them or a handler, the index of theirs in [Site.Applications].
func (s *Site) ApplicationNumbers() map[*Mount]int {
	numbers, seen := map[*Mount]int{}, map[string]map[Application]int{}
	for _, m := range s.AllMounts() {
		for _, group := range m.Groups() {
			of := seen[group]
			if of == nil {
				of = map[Application]int{}
				seen[group] = of
			}
			n, known := of[m.application()]
			if !known {
				n = len(of)
				of[m.application()] = n
			}
			if group == m.Group {
				numbers[m] = n
			}
		}
	}
	for m := range numbers {
		if a := m.application(); len(seen[m.Group]) == 1 && !a.numbered() {
			delete(numbers, m)
		}
	}
	return numbers
}

// defaultSuffix is that of the scripts in a directory.
const defaultSuffix = ".wsgi"

func checkSuffix(s string) *fault {
	if s == "" || strings.HasPrefix(s, ".") && len(s) > 1 && !strings.Contains(s, "/") {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is no ending of file names", hint: `for example ".wsgi"; "" means that the URL has the whole name`}
}

// usualSuffix is the script-suffix that a mount has without the key.
func (m *Mount) usualSuffix() string {
	if m.ScriptDirectory == "" {
		return ""
	}
	return defaultSuffix
}

// mountDirectory checks a mount with a directory of scripts.
func (d *decoder) mountDirectory(m mounted) {
	n := m.node
	if m.ScriptReloading {
		d.fail(n.table["script-reloading"].place, m.key("script-reloading"), &fault{
			msg: "does not see the scripts of a directory", hint: "reload the site when they change",
		})
	}
	if m.ScriptDirectory != "" {
		m.ScriptDirectory = path.Clean(m.ScriptDirectory)
	}
	if n.table["script-suffix"] == nil {
		m.ScriptSuffix = m.usualSuffix()
	}
}

func checkApplicationGroup(s string) *fault {
	if s == "" || s == GlobalApplications {
		return nil
	}
	hint := `write a name, for processes of the application's own, or "` + GlobalApplications + `" for those of the group`
	if strings.Contains(s, "%{") {
		return &fault{msg: strconv.Quote(s) + " depends on the request, and processes do not", hint: hint}
	}
	return checkName("application group", s)
}

// applicationGroups gives applications that are to have an interpreter of their own
// groups of their own: copies of the one that the mount names. The first by name has
// the processes of the group itself, if no application is left there.
func (d *decoder) applicationGroups(mounts []mounted) {
	named := map[string][]string{} // by group; "" is for the applications that share it
	for _, m := range mounts {
		if m.ApplicationGroup == "" && m.node.table["application-group"] != nil {
			m.ApplicationGroup = GlobalApplications
		}
		named[m.Group] = append(named[m.Group], m.ownInterpreter())
		for _, other := range m.others {
			named[other] = append(named[other], "")
		}
	}
	for _, list := range named {
		slices.Sort(list)
	}
	for _, m := range mounts {
		base := d.site.Group(m.Group)
		switch own := m.ownInterpreter(); own {
		case "":
		case named[base.Name][0]:
			base.ApplicationGroup = own
		default:
			d.deriveGroup(m, base)
		}
	}
	slices.SortFunc(d.site.Groups, func(a, b *Group) int { return strings.Compare(a.Name, b.Name) })
}

// ownInterpreter is the name of the application group that the mount's application
// has an interpreter in, "" for that of the group.
func (m *Mount) ownInterpreter() string {
	if m.ApplicationGroup == GlobalApplications {
		return ""
	}
	return m.ApplicationGroup
}

// deriveGroup gives a mount the group that its application group stands for.
func (d *decoder) deriveGroup(m mounted, base *Group) {
	name := base.Name + "." + m.ApplicationGroup
	other := d.site.Group(name)
	at, key := m.node.table["application-group"].place, m.key("application-group")
	switch {
	case other != nil && other.Of == base.Name:
	case other != nil:
		d.fail(at, key, &fault{
			msg:  "its processes would be the group " + strconv.Quote(name) + ", and there is one already, at " + d.site.lines[other.Key()].String(),
			hint: "choose another name",
		})
	case len(d.site.Name)+len(name) > maxNames:
		d.fail(at, key, &fault{msg: "the names of site, group and application group are longer than " + strconv.Itoa(maxNames) + " bytes together"})
	default:
		g := *base
		g.Name, g.Of, g.ApplicationGroup, g.key = name, base.Name, m.ApplicationGroup, base.Key()
		d.site.Groups = append(d.site.Groups, &g)
	}
	m.Group = name
}

// oneInterpreter refuses several applications in one interpreter, where they share
// everything, unless the file says so for each.
func (d *decoder) oneInterpreter(mounts []mounted) {
	first := map[string]mounted{}
	for _, m := range mounts {
		d.alone(m, first)
	}
}

// alone is oneInterpreter for a mount; first has those before it, by the groups that run
// them.
func (d *decoder) alone(m mounted, first map[string]mounted) {
	for _, group := range m.Groups() {
		other, seen := first[group]
		if !seen {
			first[group] = m
			continue
		}
		if m.application() != other.application() && (m.ApplicationGroup == "" || other.ApplicationGroup == "") {
			d.fail(m.node.place, m.key(""), &fault{
				msg: "group " + strconv.Quote(group) + " runs another application already, mounted at " + other.node.String(),
				hint: "give this one a group of its own; or write application-group for both: " + strconv.Quote(GlobalApplications) +
					" shares the interpreter, a name means processes of its own",
			})
		}
	}
}

// ownersOfMany refuses to say whose scripts there must be where only a request tells
// which one is executed.
func (d *decoder) ownersOfMany(mounts []mounted) {
	for _, m := range mounts {
		g := d.site.Group(m.Group)
		if m.application().Directory == "" || g == nil || g.ScriptUser == "" && g.ScriptGroup == "" {
			continue
		}
		d.fail(m.node.place, m.key(""), &fault{
			msg:  "script-user and script-group of group " + strconv.Quote(g.Name) + ", at " + d.site.lines[g.Key()].String() + ", are not for scripts that depend on the URL",
			hint: "give this mount a group of its own",
		})
	}
}
