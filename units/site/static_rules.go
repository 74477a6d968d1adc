package site

// staticTables reads the static files of a host.
func (d *decoder) staticTables(h *host) {
	d.tablesOf(h, "static", func(n *node, key string) {
		st := h.newStatic()
		d.table(tableStatic, n, key+".", staticFields(st))
		h.Statics, h.statics = append(h.Statics, st), append(h.statics, n)
	})
}

// staticRules checks what static files need, and how they go together with the mounts.
func (d *decoder) staticRules(h *host) {
	paths := map[string]place{}
	for i, st := range h.Statics {
		n := h.statics[i]
		if n.table["directory"] == nil {
			d.fail(n.place, h.table("static"), &fault{msg: "directory is missing", hint: `directory = "/srv/www/static"`})
		}
		written := n.table["path"]
		switch {
		case written == nil:
			d.fail(n.place, h.table("static"), &fault{msg: "path is missing", hint: `path = "/static"`})
			continue
		case st.Path == "":
			continue // refused before
		}
		if first, found := paths[st.Path]; found {
			d.fail(written.place, h.table("static.path"), &fault{msg: quote(st.Path) + " has static files already, at " + first.String()})
			continue
		}
		paths[st.Path] = written.place
		if st.Internal {
			d.internalRules(h, n)
			d.internalUse(h, n)
		}
		d.staticAndMounts(h, st, n)
	}
	d.staticAccess(h)
}

// staticAndMounts: with a mount at the same path only one of the two could be reached,
// and a fallback needs a mount.
func (d *decoder) staticAndMounts(h *host, st *Static, n *node) {
	m := h.mountOf(st.Path)
	switch {
	case st.Fallback && m < 0:
		d.fail(n.table["fallback"].place, h.table("static.fallback"), &fault{
			msg: "nothing is mounted at " + quote(st.Path) + ", nor above it", hint: "leave fallback out, or mount an application there",
		})
	case !st.Fallback && m >= 0 && h.Mounts[m].Path == st.Path:
		d.fail(n.table["path"].place, h.table("static.path"), &fault{
			msg:  quote(st.Path) + " is mounted already, at " + h.mounts[m].String(),
			hint: "fallback = true serves a file where there is one, else the application",
		})
	}
}

// internalRules refuses keys that count for requests from outside.
func (d *decoder) internalRules(h *host, n *node) {
	for _, name := range append(staticPolicy(), "fallback") {
		if n.table[name] != nil {
			d.fail(n.table[name].place, h.table("static."+name), &fault{
				msg: "has no effect with internal = true", hint: "the keys of the mount hold, whose application has the file sent",
			})
		}
	}
}

// internalUse refuses files that nobody can have sent.
func (d *decoder) internalUse(h *host, n *node) {
	if len(h.Mounts)+len(h.Handlers) == 0 {
		d.fail(n.table["internal"].place, h.table("static.internal"), &fault{msg: "there is no application that could have the files sent", hint: "leave internal out, or mount an application"})
	}
}

// staticAccess refuses access rules that would have to ask an application.
func (d *decoder) staticAccess(h *host) {
	for _, p := range h.StaticPlaces() {
		if p.Policy.Access.Rule() == "" || p.Static.Internal {
			continue
		}
		table := p.tables[0]
		for _, name := range []string{"access-script", "auth-type", "require"} {
			if key := d.site.nearest(Place{tables: p.tables}, name); key != p.tables[0] {
				table = key
				break
			}
		}
		d.fail(d.site.lines[table], table, &fault{
			msg:  "cannot hold for the static files at " + quote(p.Path) + ": they are served without an application to ask",
			hint: "use allow and deny for them, or write the key where it holds for mounts alone",
		})
	}
}
