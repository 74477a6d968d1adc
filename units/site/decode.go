package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// decoder turns the merged tree into a Site and collects everything that is
// wrong with it.
type decoder struct {
	site *Site
	errs Errors
	// seen has what was written for some keys, in whichever tables.
	seen map[string][]*node
}

func (d *decoder) fail(at place, key string, f *fault) {
	d.errs = append(d.errs, &Error{File: at.file, Line: at.line, Key: displayKey(key), Msg: f.msg, Hint: f.hint})
}

// decode reads the whole file.
func (d *decoder) decode(root *node) {
	applyDefaults(tableTop, serverFields(d.site))
	d.table(tableTop, root, "", serverFields(d.site))
	d.siteTable(root.table["site"])
	if n := root.table["group"]; n != nil {
		d.groups(n, &Vhost{})
	}
	hosts := d.hosts(root)
	d.defaultGroup(root, hosts)
	d.listeners(root.table["listen"])
	d.socketRules(root)
	d.proxyProtocolRules(root.table["proxy-protocol"])
	d.tlsTable(root.table["tls"])
	d.hostRules(hosts)
	d.mountRules(hosts)
	for _, h := range hosts {
		d.staticRules(h)
		d.reroutingRules(h)
		d.locationRules(h)
	}
	d.accessRules()
	d.warmUpRules(hosts)
	d.forwardingRules()
}

// table reads the keys of one table into fs. Tables inside it that the key
// list knows are left to the caller.
func (d *decoder) table(t Table, n *node, prefix string, fs fields) {
	keys := keysOf(t)
	for _, name := range n.sortedKeys() {
		child, dotted := n.table[name], prefix+quoteKey(name)
		d.site.lines[dotted] = child.place
		for i, e := range child.list {
			d.site.lines[elementKey(dotted, i)] = e.place
		}
		k := lookup(keys, name)
		if k == nil {
			d.fail(child.place, dotted, unknownKey(t, name))
			continue
		}
		d.key(k, child, dotted, fs)
	}
}

func (d *decoder) key(k *Key, n *node, dotted string, fs fields) {
	if k.State == Needless {
		d.fail(n.place, dotted, k.refused()) // whatever its value
		return
	}
	v, faults := k.read(n)
	for _, f := range faults {
		key := dotted
		if f.sub != "" {
			key += "." + quoteKey(f.sub)
		}
		d.fail(f.place, key, f.fault)
	}
	if len(faults) > 0 {
		return
	}
	if f := k.refused(); f != nil {
		d.fail(n.place, dotted, f)
		return
	}
	if to := fs.find(k.Name); to != nil {
		assign(to, v)
	}
	switch k.Name {
	case "trusted-proxies", "trusted-proxy-headers":
		d.seen[k.Name] = append(d.seen[k.Name], n)
	}
}

// refused says why a key that was written correctly is still an error.
func (k *Key) refused() *fault {
	if k.Type == TypeTables || k.Type == TypeTable {
		return nil
	}
	switch k.State {
	case Later:
		return &fault{msg: "not supported yet"}
	case Needless:
		return &fault{msg: "not supported: wsgid has no need of it", hint: k.Meaning}
	}
	return nil
}

// Key is the dotted key of the group in a site file.
func (g *Group) Key() string {
	if g.key != "" {
		return g.key
	}
	return groupKey(g.Name)
}

func groupKey(name string) string { return "group." + quoteKey(name) }

// assign stores a value that Key.read made.
func assign(to, v any) {
	switch to := to.(type) {
	case *string:
		*to = v.(string)
	case *bool:
		*to = v.(bool)
	case *int:
		*to = int(v.(int64))
	case *int64:
		*to = v.(int64)
	case octal:
		*to.int = int(v.(int64))
	case *time.Duration:
		*to = v.(time.Duration)
	case *[]string:
		*to = v.([]string)
	case *[]Listener:
		*to = v.([]Listener)
	case *[]Directive:
		*to = v.([]Directive)
	case *map[string]string:
		*to, _ = v.(map[string]string)
	case *Peers:
		*to = v.(Peers)
	case *Pages:
		*to = to.over(v.(Pages))
	default:
		panic(fmt.Sprintf("site: a field has the type %T, which no key can fill", to))
	}
}

// copyField stores in one field of a table what another of the same key has.
func copyField(to, from any) {
	switch from := from.(type) {
	case *int64:
		*to.(*int64) = *from
	case *bool:
		*to.(*bool) = *from
	case *time.Duration:
		*to.(*time.Duration) = *from
	case *string:
		*to.(*string) = *from
	case *[]string:
		*to.(*[]string) = *from
	case *Peers:
		*to.(*Peers) = *from
	case *Pages:
		*to.(*Pages) = to.(*Pages).over(*from)
	default:
		panic(fmt.Sprintf("site: a field has the type %T, which cannot be copied", from))
	}
}

// applyDefaults stores the defaults of the key list.
func applyDefaults(t Table, fs fields) {
	for _, k := range keysOf(t) {
		to := fs.find(k.Name)
		if k.Default == nil || to == nil {
			continue
		}
		v, faults := k.read(&node{value: k.Default})
		if len(faults) > 0 {
			panic("site: default of " + k.Name + ": " + faults[0].Error())
		}
		assign(to, v)
	}
}

// groups reads the groups of a virtual host, or of the top level.
func (d *decoder) groups(n *node, v *Vhost) {
	all := v.below("group")
	if n.table == nil {
		d.fail(n.place, all, &fault{msg: n.kind() + " where tables are expected", hint: "write [" + v.table("group") + "." + DefaultGroup + "]"})
		return
	}
	for _, name := range n.sortedKeys() {
		d.group(v.below(groupKey(name)), name, n.table[name], v)
	}
	if len(n.table) == 0 {
		d.fail(n.place, all, &fault{msg: "has no group in it", hint: "leave it out, or write [" + v.table("group") + "." + DefaultGroup + "]"})
	}
}

// defaultGroup is for a file without any group: its applications, if there are any, share
// one.
func (d *decoder) defaultGroup(root *node, hosts []*host) {
	written := root.table["group"] != nil
	for _, h := range hosts[1:] {
		written = written || h.node.table["group"] != nil
	}
	scripts := len(d.site.Groups) == 0 && len(d.site.Services) > 0 && d.site.Service(DefaultGroup) == nil
	if (!written || scripts) && !d.site.filesAlone() {
		d.site.Groups = []*Group{NewGroup(DefaultGroup)}
	}
	byName := func(a, b *Group) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(d.site.Groups, byName)
	slices.SortFunc(d.site.Services, byName)
}

func (d *decoder) group(key, name string, n *node, v *Vhost) {
	d.site.lines[key] = n.place
	if n.table == nil {
		f := &fault{msg: n.kind() + " where a table is expected"}
		if lookup(keysOf(tableGroup), name) != nil {
			f = &fault{msg: "is a key of a group, and no group is named", hint: "write it below [" + v.table("group") + "." + DefaultGroup + "]"}
		}
		d.fail(n.place, key, f)
		return
	}
	if f := checkName("group", name); f != nil {
		d.fail(n.place, key, f)
	} else if len(d.site.Name)+len(name) > maxNames {
		d.fail(n.place, key, &fault{msg: fmt.Sprintf("site and group name are longer than %d bytes together", maxNames)})
	}
	g := NewGroup(name)
	g.Host = v.ServerName
	if v.key != "" {
		g.key = key
	}
	d.table(tableGroup, n, key+".", groupFields(g))
	g.ProcessesSet = n.table["processes"] != nil
	d.serviceRules(key, n, g)
	d.groupRules(key, n, g)
	other := d.site.Group(name)
	if other == nil {
		other = d.site.Service(name)
	}
	if other != nil {
		d.fail(n.place, key, &fault{
			msg:  "there is a group " + quote(name) + " already, at " + d.site.lines[other.Key()].String(),
			hint: "units and sockets carry the name: choose another one",
		})
		return
	}
	if isService(n) {
		d.site.Services = append(d.site.Services, g)
	} else {
		d.site.Groups = append(d.site.Groups, g)
	}
	if v.key != "" {
		v.Groups = append(v.Groups, g)
	}
}

// pageSize is the smallest one of any architecture that runs systemd.
const pageSize = 4096

func (d *decoder) groupRules(key string, n *node, g *Group) {
	if g.Python != "" && g.PythonHome != "" {
		d.fail(n.table["python"].place, key+".python", &fault{msg: "python-home is set too, and both name the interpreter", hint: "keep one of them"})
	}
	if g.StackSize%pageSize != 0 {
		d.fail(n.table["stack-size"].place, key+".stack-size", &fault{msg: fmt.Sprintf("%d is not a multiple of %d", g.StackSize, pageSize)})
	}
	if t := n.table["interrupt-timeout"]; t != nil && g.InterruptTimeout > 0 && g.RequestTimeout == 0 {
		d.fail(t.place, key+".interrupt-timeout", &fault{msg: "request-timeout is 0, so no request is late", hint: "set request-timeout, or leave interrupt-timeout out"})
	}
	d.ownerRules(key, n, g)
	d.limitRules(key, n, g)
	d.directiveNames(key+".systemd", n.table["systemd"], unitOf{site: d.site.Name, group: g.Name, service: g.IsService()})
}

// mountTables reads the mounts of a host.
func (d *decoder) mountTables(h *host) {
	d.tablesOf(h, "mount", func(n *node, key string) {
		m := &Mount{Policy: h.Policy}
		d.table(tableMount, n, key+".", mountFields(m))
		h.Mounts, h.mounts = append(h.Mounts, m), append(h.mounts, n)
	})
}

// tablesOf reads the tables of a name in a host, in file order; read gets the table and
// its key.
func (d *decoder) tablesOf(h *host, name string, read func(n *node, key string)) {
	n := h.node.table[name]
	if n == nil {
		return
	}
	for i, e := range d.tables(n, h.below(name)) {
		key := h.below(elementKey(name, i))
		d.site.lines[key] = e.place
		read(e, key)
	}
}

func mountKey(i int) string { return elementKey("mount", i) }

// elementKey is the key of an element of an array.
func elementKey(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

// tables gives the elements of an array of tables.
func (d *decoder) tables(n *node, key string) []*node {
	name := displayKey(key)
	hint := "write [[" + name + "]]"
	if n.list == nil {
		f := &fault{msg: n.kind() + " where an array of tables is expected", hint: hint}
		if n.table != nil {
			f.msg = "[" + name + "] where [[" + name + "]] is expected"
		}
		d.fail(n.place, key, f)
		return nil
	}
	var list []*node
	for _, e := range n.list {
		if e.table == nil {
			d.fail(e.place, key, &fault{msg: e.kind() + " where a table is expected", hint: hint})
			continue
		}
		list = append(list, e)
	}
	return list
}

// listeners refuses an address that is written twice.
func (d *decoder) listeners(n *node) {
	for i, l := range d.site.Listen {
		if slices.Contains(d.site.Listen[:i], l) {
			at := n.place
			if i < len(n.list) {
				at = n.list[i].place
			}
			d.fail(at, "listen", &fault{msg: l.String() + " is written twice"})
		}
	}
}
