package site

import "slices"

// accessRules checks, for each place, what the keys of access need of each other;
// they may stand in several tables.
func (d *decoder) accessRules() {
	used := map[string]bool{}
	for _, p := range d.site.Places() {
		a := &p.Policy.Access
		d.requireRules(p, a)
		if !a.AsksUser() {
			continue
		}
		used["auth-name"], used["auth-user-script"] = true, true
		for _, need := range []struct{ key, value, example string }{
			{"auth-name", a.AuthName, `"Members"`},
			{"auth-user-script", a.UserScript, `"/srv/auth.wsgi"`},
		} {
			if need.value == "" {
				d.failAt(p, "auth-type", &fault{msg: "needs " + need.key, hint: need.key + " = " + need.example})
			}
		}
		if len(a.groups()) == 0 {
			continue
		}
		used["auth-group-script"], used["group-authoritative"] = true, true
		if a.GroupScript == "" {
			d.failAt(p, "require", &fault{msg: "names a group, and there is no auth-group-script", hint: `auth-group-script = "/srv/auth.wsgi"`})
		}
	}
	d.refuseUnused(used)
}

// requireRules checks require for itself.
func (d *decoder) requireRules(p Place, a *Access) {
	alone := a.says(allGranted) || a.says(allDenied)
	switch {
	case alone && len(a.Require) > 1:
		d.failAt(p, "require", &fault{msg: `"all granted" and "all denied" stand alone`, hint: "leave the other entries out"})
	case !alone && len(a.Require) > 0 && !a.AsksUser():
		d.failAt(p, "require", &fault{msg: "asks who the client is, and there is no auth-type", hint: `auth-type = "basic"`})
	}
}

// refuseUnused refuses keys that have no effect anywhere.
func (d *decoder) refuseUnused(used map[string]bool) {
	tables := []string{""}
	for _, v := range d.site.Hosts() {
		tables = append(tables, v.key)
		for i := range v.Mounts {
			tables = append(tables, v.mountAt(i))
		}
		for i := range v.Locations {
			tables = append(tables, v.below(elementKey("location", i)))
		}
	}
	slices.Sort(tables)
	tables = slices.Compact(tables)
	for _, key := range []struct{ name, wants string }{
		{"auth-name", "there is no auth-type that asks for a user"},
		{"auth-user-script", "there is no auth-type that asks for a user"},
		{"auth-group-script", "no require names a group"},
		{"group-authoritative", "no require names a group"},
	} {
		for _, table := range tables {
			full := keyIn(table, key.name)
			if at, written := d.site.lines[full]; written && !used[key.name] && !d.refusedAt(at, full) {
				d.fail(at, full, &fault{msg: "has no effect: " + key.wants})
			}
		}
	}
}

// refusedAt reports whether a key is wrong already.
func (d *decoder) refusedAt(at place, key string) bool {
	return slices.ContainsFunc(d.errs, func(e *Error) bool {
		return e.File == at.file && e.Line == at.line && e.Key == displayKey(key)
	})
}

// failAt reports a fault at a key as it is written nearest to the place, or at the
// place.
func (d *decoder) failAt(p Place, name string, f *fault) {
	key := d.site.nearest(p, name)
	at := d.site.lines[key]
	same := func(e *Error) bool {
		return e.File == at.file && e.Line == at.line && e.Key == displayKey(key) && e.Msg == f.msg
	}
	if !slices.ContainsFunc(d.errs, same) { // places may share the key
		d.fail(at, key, f)
	}
}
