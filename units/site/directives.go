package site

import (
	"slices"
	"strconv"
	"strings"
)

// directives reads a table of unit file directives. Their names are checked
// later, see [decoder.directiveNames].
func (r *reading) directives(n *node) any {
	if n.table == nil {
		r.wrong(n, "a table", `write [site.systemd] or [group.NAME.systemd], and below it directives such as TasksMax = 100`)
		return []Directive(nil)
	}
	var list []Directive
	for _, name := range n.sortedKeys() {
		for _, e := range r.directiveValues(name, n.table[name]) {
			value, f := directiveValue(e)
			if f != nil {
				r.faults = append(r.faults, placed{fault: f, place: e.place, sub: name})
			}
			list = append(list, Directive{Name: name, Value: value})
		}
	}
	return list
}

// directiveValues gives the lines that one directive makes.
func (r *reading) directiveValues(name string, n *node) []*node {
	switch {
	case n.list == nil:
		return []*node{n}
	case len(n.list) == 0:
		r.faults = append(r.faults, placed{
			fault: &fault{msg: "an array without a value", hint: `"" takes back what the unit has of its own`},
			place: n.place, sub: name,
		})
	}
	return n.list
}

// directiveValue gives the text behind "Name=", systemd.syntax(7).
func directiveValue(n *node) (string, *fault) {
	switch v := n.value.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		if v {
			return "yes", nil
		}
		return "no", nil
	case float64:
		return "", &fault{msg: n.kind() + " is not a whole number", hint: "put the value in quotes"}
	case string:
		return v, checkDirectiveValue(v)
	}
	return "", &fault{msg: n.kind() + " where a string, a whole number, true or false is expected"}
}

// checkDirectiveValue refuses what would not stay one line of the unit file.
func checkDirectiveValue(s string) *fault {
	text := strings.TrimRight(s, " ")
	backslashes := len(text) - len(strings.TrimRight(text, `\`))
	switch {
	case strings.ContainsFunc(s, isControl):
		return &fault{msg: strconv.Quote(s) + " contains a control character"}
	case backslashes%2 == 1:
		return &fault{msg: strconv.Quote(s) + " ends in a backslash, with which the next line of the unit would become part of it"}
	}
	return nil
}

// unitOf names the service unit that directives are for: that of a group, or
// that of the site's supervisor where group is "".
type unitOf struct {
	site, group string
	service     bool // the group is a service script
}

// directiveNames checks the names of a table that [reading.directives] has read;
// n may be nil.
func (d *decoder) directiveNames(key string, n *node, unit unitOf) {
	if n == nil || n.table == nil {
		return
	}
	for _, name := range n.sortedKeys() {
		e := n.table[name]
		f := unit.refused(name)
		if f == nil && name == "RestrictAddressFamilies" {
			f = checkFamilies(e)
		}
		if f != nil {
			d.fail(e.place, key+"."+quoteKey(name), f)
		}
	}
}

// checkFamilies sees to it that AF_UNIX stays: supervisor, leader, processes,
// systemd and the journal all speak over UNIX sockets. Several values add up as
// in systemd.exec(5); what the unit has of its own is not counted.
func checkFamilies(n *node) *fault {
	nodes := n.list
	if nodes == nil {
		nodes = []*node{n}
	}
	// list is what may be used, or without allow what may not; without begun there
	// is no list.
	var list []string
	allow, begun := false, false
	for _, e := range nodes {
		text, _ := directiveValue(e)
		text = strings.TrimSpace(text)
		if text == "" || text == "none" {
			list, allow, begun = nil, text == "none", false
			continue
		}
		text, inverted := strings.CutPrefix(text, "~")
		if !begun {
			allow, begun = !inverted, true
		}
		for _, family := range strings.Fields(text) {
			list = slices.DeleteFunc(list, func(f string) bool { return f == family })
			if allow != inverted {
				list = append(list, family)
			}
		}
	}
	if slices.Contains(list, "AF_UNIX") == allow {
		return nil
	}
	return &fault{msg: "AF_UNIX is missing, and wsgid's own processes speak over UNIX sockets", hint: `write AF_UNIX too, as in "AF_UNIX AF_INET AF_INET6"`}
}

// refused says why a directive is not passed on, nil when it is.
func (u unitOf) refused(name string) *fault {
	if f := u.contract(name); f != nil {
		return f
	}
	known := directiveNames()
	if slices.Contains(known, name) {
		return nil
	}
	if now := replacedDirectives()[name]; now != "" {
		return &fault{msg: "was replaced in systemd", hint: "use " + now}
	}
	if f := u.otherSection(name); f != nil {
		return f
	}
	if f := u.siteKey(name); f != nil {
		return f
	}
	f := &fault{msg: "unknown directive", hint: "the names are in systemd.exec(5), systemd.resource-control(5), systemd.service(5) and systemd.kill(5)"}
	if near := nearestDirective(name, known); near != "" {
		f.hint = "did you mean " + near + "?"
	}
	return f
}

// siteKey recognises a key of the site file, which systemd does not have.
func (u unitOf) siteKey(name string) *fault {
	switch {
	case lookup(keysOf(tableGroup), name) != nil:
		return &fault{msg: "is a key of a group, not a directive of systemd", hint: u.in("move it into TABLE")}
	case lookup(keysOf(tableTop), name) != nil:
		return &fault{msg: "is a key of the top level, not a directive of systemd", hint: "move it above the first [table]"}
	}
	return nil
}

// nearestDirective also knows the spellings "memory-max", "memorymax" and
// "MemoryMax=".
func nearestDirective(name string, known []string) string {
	plain := strings.NewReplacer("-", "", "_", "", "=", "").Replace(name)
	for _, k := range known {
		if strings.EqualFold(k, plain) {
			return k
		}
	}
	return nearest(name, known)
}

// in puts the names of the unit and its relations into a text.
func (u unitOf) in(text string) string {
	unit, table := "wsgi@"+u.site, "[group.NAME]"
	slice := "wsgi-" + escapeSlice(u.site)
	if u.group != "" {
		unit, table = "wsgi-"+u.site+":"+u.group, "["+groupKey(u.group)+"]"
		if !u.service {
			unit += "@"
		}
		slice += "-" + escapeSlice(u.group)
	}
	return strings.NewReplacer("UNIT", unit, "TABLE", table, "SLICE", slice).Replace(text)
}

// escapeSlice: a hyphen in the name of a slice means a slice inside another,
// systemd.slice(5).
func escapeSlice(name string) string { return strings.ReplaceAll(name, "-", `\x2d`) }
