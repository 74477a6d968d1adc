package site

func locationKeys() []Key {
	return append(policyKeys(), []Key{
		{Name: "path", Type: TypeString, check: checkURLPath, Meaning: "URL path that the settings hold for, and for what is below it."},
	}...)
}

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

// locationTables reads the locations of a host.
func (d *decoder) locationTables(h *host) {
	paths := map[string]place{}
	d.tablesOf(h, "location", func(n *node, key string) { d.location(h, n, key, paths) })
}

// location reads one; paths has the places of those before it.
func (d *decoder) location(h *host, n *node, key string, paths map[string]place) {
	l := &Location{}
	d.table(tableLocation, n, key+".", append(policyFields(&l.policy), field{"path", &l.Path}))
	for _, name := range n.sortedKeys() {
		if policyFields(&l.policy).find(name) != nil {
			l.written = append(l.written, name)
		}
	}
	h.Locations = append(h.Locations, l)
	path := n.table["path"]
	if path == nil {
		d.fail(n.place, h.table("location"), &fault{msg: "path is missing", hint: `path = "/api" is for everything below /api`})
		return
	}
	if len(n.table) == 1 {
		d.fail(n.place, h.table("location"), &fault{msg: "sets nothing", hint: "write the keys for " + quote(l.Path) + " below its path, or remove the location"})
	}
	if first, found := paths[l.Path]; found && l.Path != "" {
		d.fail(path.place, h.table("location.path"), &fault{msg: quote(l.Path) + " has a location already, at " + first.String()})
		return
	}
	paths[l.Path] = path.place
}

// locationRules refuses a location that no request can come to.
func (d *decoder) locationRules(h *host) {
	for i, l := range h.Locations {
		reached := l.Path == "" || !h.serves() // refused before
		for _, m := range h.Mounts {
			reached = reached || m.Path == "" || m.Covers(l.Path) || l.Covers(m.Path)
		}
		for _, st := range h.Statics {
			reached = reached || st.Path == "" || st.Covers(l.Path) || l.Covers(st.Path)
		}
		if !reached {
			at := d.site.lines[h.below(elementKey("location", i))+".path"]
			d.fail(at, h.table("location.path"), &fault{msg: "nothing is mounted at " + quote(l.Path) + ", nor above or below it"})
		}
	}
}
