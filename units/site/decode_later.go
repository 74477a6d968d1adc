package site

func (d *decoder) laterTables(n *node, name string, t Table) {
	if n == nil {
		return
	}
	for _, e := range d.tables(n, name) {
		d.laterTable(e, name, t)
	}
}

// laterTable checks the keys of a table that does not work yet, and refuses
// the table once instead of each key.
func (d *decoder) laterTable(n *node, name string, t Table) {
	if n.table == nil {
		d.fail(n.place, name, &fault{msg: n.kind() + " where a table is expected", hint: "write [" + name + "]"})
		return
	}
	checked := &decoder{site: &Site{lines: map[string]place{}}, seen: map[string][]*node{}}
	keys := keysOf(t)
	for _, k := range n.sortedKeys() {
		child := n.table[k]
		spec := lookup(keys, k)
		if spec == nil {
			d.fail(child.place, name+"."+quoteKey(k), unknownKey(t, k))
			continue
		}
		spec.State = Supported
		checked.key(spec, child, name+"."+k, nil)
	}
	d.errs = append(d.errs, checked.errs...)
	d.fail(n.place, name, &fault{msg: "not supported yet"})
}
