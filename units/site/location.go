package site

// Location sets keys of a [Policy] for a part of the URL space.
type Location struct {
	// Path is the URL path, decoded, without a trailing slash except "/" itself. The
	// location holds for it and for what is below.
	Path string

	policy  Policy
	written []string // names of the keys that it has
}

// Covers reports whether a URL path is that of the location, or below it.
func (l *Location) Covers(path string) bool { return covers(l.Path, path) }

// Over is p with the keys that the location has.
func (l *Location) Over(p Policy) Policy {
	from, to := policyFields(&l.policy), policyFields(&p)
	for _, name := range l.written {
		copyField(to.find(name), from.find(name))
	}
	return p
}

func (d *decoder) locationTables(n *node) {
	if n == nil {
		return
	}
	for i, e := range d.tables(n, "location") {
		d.location(i, e)
	}
}

func (d *decoder) location(i int, n *node) {
	l := &Location{}
	key := elementKey("location", i)
	d.site.lines[key] = n.place
	d.table(tableLocation, n, key+".", append(policyFields(&l.policy), field{"path", &l.Path}))
	for _, name := range n.sortedKeys() {
		if policyFields(&l.policy).find(name) != nil {
			l.written = append(l.written, name)
		}
	}
	d.site.Locations = append(d.site.Locations, l)
	if n.table["path"] == nil {
		d.fail(n.place, "location", &fault{msg: "path is missing", hint: `path = "/api" is for everything below /api`})
		return
	}
	if len(n.table) == 1 {
		d.fail(n.place, "location", &fault{msg: "sets nothing", hint: "write the keys for " + quote(l.Path) + " below its path, or remove the location"})
	}
	for j, other := range d.site.Locations[:i] {
		if other.Path == l.Path && l.Path != "" {
			first := d.site.lines[elementKey("location", j)+".path"]
			d.fail(n.table["path"].place, "location.path", &fault{msg: quote(l.Path) + " has a location already, at " + first.String()})
			return
		}
	}
}
