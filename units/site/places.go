package site

import (
	"cmp"
	"slices"
)

// Place is a part of a host's URL space in which one [Policy] holds: a mount, or a
// location inside one, without the locations inside that.
type Place struct {
	// Path is that of the mount or the location; "/" for a mount with path-match.
	Path   string
	Mount  *Mount
	Policy Policy

	// tables are the keys of the tables that the policy comes from, the nearest
	// first; "" is the top level.
	tables []string
}

// Places are those of all hosts.
func (s *Site) Places() []Place {
	var all []Place
	for _, v := range s.Hosts() {
		all = append(all, v.Places()...)
	}
	return all
}

// Places are those of the host, mounts first.
func (v *Vhost) Places() []Place {
	var all []Place
	for i, m := range v.Mounts {
		if m.PathMatch == "" {
			all = append(all, v.place(m.Path, i))
			continue
		}
		// The match decides, wherever it is: in every location.
		all = append(all, v.place("/", i))
		for _, l := range v.Locations {
			if l.Path != "/" {
				all = append(all, v.place(l.Path, i))
			}
		}
	}
	for _, l := range v.Locations {
		if i := v.mountOf(l.Path); i >= 0 && v.Mounts[i].Path != l.Path {
			all = append(all, v.place(l.Path, i))
		}
	}
	return all
}

// mountOf is the index of the mount that serves a path, -1 when there is none.
func (v *Vhost) mountOf(path string) int {
	found := -1
	for i, m := range v.Mounts {
		if m.PathMatch == "" && m.Covers(path) && (found < 0 || len(m.Path) > len(v.Mounts[found].Path)) {
			found = i
		}
	}
	return found
}

// place takes the mount's keys and those of the locations around the path.
func (v *Vhost) place(path string, mount int) Place {
	m := v.Mounts[mount]
	policy, tables := v.around(path, m.Policy, v.mountAt(mount))
	return Place{Path: path, Mount: m, Policy: policy, tables: tables}
}

// around adds to the keys of what a path belongs to, which has a table, those of the
// locations around the path, of which the longest is the nearest. It also gives the tables
// that keys can come from, the nearest first.
func (v *Vhost) around(path string, policy Policy, table string) (Policy, []string) {
	tables := []string{"", v.key, table}
	var around []int
	for i, l := range v.Locations {
		if l.Covers(path) {
			around = append(around, i)
		}
	}
	slices.SortStableFunc(around, func(a, b int) int { return cmp.Compare(len(v.Locations[a].Path), len(v.Locations[b].Path)) })
	for _, i := range around {
		policy = v.Locations[i].Over(policy)
		tables = append(tables, v.below(elementKey("location", i)))
	}
	slices.Reverse(tables)
	return policy, tables
}

// nearest is the key of a place as it is written nearest to it; where it is not
// written, the table of the place.
func (s *Site) nearest(p Place, name string) string {
	for _, table := range p.tables {
		if _, written := s.lines[keyIn(table, name)]; written {
			return keyIn(table, name)
		}
	}
	return p.tables[0]
}

// keyIn is the dotted key of a key in a table; "" is the top level.
func keyIn(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}
