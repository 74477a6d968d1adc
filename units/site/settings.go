package site

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is a key that does not have its default.
type Setting struct {
	// Key is the name of the key in its table.
	Key string
	// Value is for people: "512M", "60s", "a, b".
	Value string
}

// Settings lists the keys of the top level and of [site] that do not have their
// defaults, without those that have tables of their own.
func (s *Site) Settings() []Setting {
	std := Default(s.Name)
	return append(serverFields(s).differing(serverFields(std)), siteTableFields(s).differing(siteTableFields(std))...)
}

// Settings lists the keys of the group that do not have their defaults, without
// the environment, which may hold secrets.
func (g *Group) Settings() []Setting {
	return groupFields(g).differing(groupFields(NewGroup(g.Name)))
}

// Settings lists the keys for requests to the mount in which it differs from all of the
// host's URL space.
func (m *Mount) Settings(of *Vhost) []Setting {
	around := of.Policy
	return policyFields(&m.Policy).differing(policyFields(&around))
}

// Settings lists the keys of the location. An empty Value takes something back.
func (l *Location) Settings() []Setting {
	fs := policyFields(&l.policy)
	list := make([]Setting, len(l.written))
	for i, name := range l.written {
		list[i] = Setting{name, plainValue(fs.find(name))}
	}
	return list
}

func (fs fields) differing(std fields) []Setting {
	var list []Setting
	for i, f := range fs {
		if value := plainValue(f.to); value != plainValue(std[i].to) {
			list = append(list, Setting{f.key, value})
		}
	}
	return list
}

// plainValue gives a value without the quotes of TOML; "" for the environment.
func plainValue(v any) string {
	switch v := v.(type) {
	case *string:
		return *v
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case octal:
		return formatOctal(int64(*v.int))
	case *int64:
		return FormatSize(*v)
	case *time.Duration:
		return FormatDuration(*v)
	case *[]string:
		return strings.Join(*v, ", ")
	case *[]Listener:
		texts := make([]string, len(*v))
		for i, l := range *v {
			texts[i] = l.String()
		}
		return strings.Join(texts, ", ")
	case *[]Directive:
		lines := make([]string, len(*v))
		for i, d := range *v {
			lines[i] = d.Name + "=" + d.Value
		}
		return strings.Join(lines, ", ")
	case *Pages:
		return strings.Join(slices.Sorted(maps.Keys(*v)), ", ")
	case *Peers:
		return strings.Join(v.strings(), ", ")
	}
	return ""
}
