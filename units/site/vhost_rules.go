package site

import (
	"path"
	"slices"
	"strconv"
)

// hostRules checks what hosts need, and which of them go together.
func (d *decoder) hostRules(hosts []*host) {
	d.topRules(hosts[0], len(hosts) > 1)
	for _, h := range hosts[1:] {
		d.vhostRules(h)
	}
	d.oneHostPerName(hosts)
	d.oneDefault(hosts)
	d.oneFormat(hosts)
}

// topRules is for the top level: what it says of what it serves needs some.
func (d *decoder) topRules(h *host, more bool) {
	if h.serves() {
		if !h.Default && h.ServerName == "" {
			d.fail(h.at("default-host"), "default-host", &fault{
				msg:  "false leaves the top level without requests, because there is no server-name",
				hint: "add server-name, or leave default-host out",
			})
		}
		return
	}
	if !more {
		if h.leftOut("mount") && h.leftOut("static") && h.leftOut("redirect") {
			d.fail(h.node.place, "mount", &fault{
				msg: "the site has no [[mount]]", hint: "write [[mount]], and below it path and script or module; or [[static]] or [[redirect]], for a site without an application",
			})
		}
		return
	}
	for _, key := range [...]string{"server-name", "server-alias", "default-host", "handler", "rewrite", "location"} {
		if h.node.table[key] != nil {
			d.fail(h.at(key), key, &fault{msg: "nothing is served at the top level that it could hold for", hint: "move it into a [[vhost]]"})
		}
	}
}

func (d *decoder) vhostRules(h *host) {
	if h.node.table["server-name"] == nil {
		d.fail(h.node.place, "vhost", &fault{msg: "server-name is missing", hint: `server-name = "www.example.org"`})
	}
	if h.leftOut("mount") && h.leftOut("static") && h.leftOut("redirect") {
		d.fail(h.node.place, "vhost", &fault{
			msg: "the virtual host has no [[vhost.mount]]", hint: "write [[vhost.mount]], and below it path and script or module; or [[vhost.static]] or [[vhost.redirect]], for a host without an application",
		})
	}
	for i, l := range h.Listen {
		at := d.element(h, "listen", i)
		switch {
		case slices.Contains(h.Listen[:i], l):
			d.fail(at, "vhost.listen", &fault{msg: l.String() + " is written twice"})
		case !slices.Contains(d.site.Listen, l) && !d.ownSocket(l):
			d.fail(at, "vhost.listen", &fault{msg: l.String() + " is no address of the site", hint: "add it to listen at the top level"})
		}
	}
}

// leftOut reports whether an array of tables is not in the host, or is empty.
func (h *host) leftOut(name string) bool {
	n := h.node.table[name]
	return n == nil || n.list != nil && len(n.list) == 0
}

// ownSocket knows the socket that every site has under systemd.
func (d *decoder) ownSocket(l Listener) bool {
	dir, file := path.Split(l.Address)
	return l.Network == "unix" && file == d.site.Name+".sock" && path.Base(dir) == "wsgi"
}

// element is the place of an element of an array of the host, or of the one value
// that stands for an array.
func (d *decoder) element(h *host, key string, i int) place {
	if at, found := d.site.lines[elementKey(h.below(key), i)]; found {
		return at
	}
	return h.at(key)
}

// hostSpot is where a host is looked for: a name at an address, "" for all addresses.
type hostSpot struct{ name, address string }

// spots are those of the names of a host.
func (h *host) spots(name string) []hostSpot {
	if len(h.Listen) == 0 {
		return []hostSpot{{name, ""}}
	}
	var spots []hostSpot
	for _, l := range h.Listen {
		spots = append(spots, hostSpot{name, l.String()})
	}
	return spots
}

// oneHostPerName refuses two hosts between which a name does not decide.
func (d *decoder) oneHostPerName(hosts []*host) {
	type owner struct {
		*host
		at place
	}
	owners := map[hostSpot]owner{}
	for _, h := range hosts {
		if !h.serves() {
			continue
		}
		for i, name := range h.written() {
			key, at := "server-name", h.at("server-name")
			if i > 0 {
				key, at = "server-alias", d.element(h, "server-alias", i-1)
			}
			spots := h.spots(hostKey(name))
			taken := slices.IndexFunc(spots, func(s hostSpot) bool { return owners[s].host != nil })
			if taken >= 0 && name != "" {
				first := owners[spots[taken]]
				d.fail(at, h.table(key), &fault{msg: strconv.Quote(name) + sameName(first.host == h) + first.at.String(), hint: sameNameHint(h.Vhost, first.Vhost)})
				continue
			}
			for _, spot := range spots {
				owners[spot] = owner{h, at}
			}
		}
	}
}

// written are the names as the file has them, the server name first.
func (h *host) written() []string { return append([]string{h.ServerName}, h.Aliases...) }

func sameName(same bool) string {
	if same {
		return " is written already, at "
	}
	return " is the name of another host, at "
}

// sameNameHint knows hosts of one name that are meant for two addresses.
func sameNameHint(a, b *Vhost) string {
	if a == b || a.key == "" || b.key == "" || hostKey(a.ServerName) != hostKey(b.ServerName) {
		return ""
	}
	return "hosts of one name need listen, each with addresses of its own"
}

// oneDefault refuses a second default host at the same addresses.
func (d *decoder) oneDefault(hosts []*host) {
	owners := map[hostSpot]*host{}
	for _, h := range hosts {
		if !h.Default || !h.serves() {
			continue
		}
		var first *host
		for _, spot := range h.spots("") {
			if owner := owners[spot]; owner != nil && owner != h {
				first = owner
				continue
			}
			owners[spot] = h
		}
		if first != nil {
			d.fail(h.at("default-host"), "vhost.default-host", twoDefaults(first))
		}
	}
}

func twoDefaults(first *host) *fault {
	if first.isTop() {
		return &fault{
			msg:  "the top level, whose first table is at " + slices.Concat(first.mounts, first.statics, first.redirects)[0].String() + ", is the default host",
			hint: "write default-host = false at the top level",
		}
	}
	return &fault{msg: "there is a default host already, at " + first.at("default-host").String()}
}

// oneFormat refuses a log file with lines of two forms.
func (d *decoder) oneFormat(hosts []*host) {
	first := map[string]*host{}
	for _, h := range hosts {
		other := first[h.AccessLog]
		switch {
		case h.AccessLog == "":
		case other == nil:
			first[h.AccessLog] = h
		case other.AccessLogFormat != h.AccessLogFormat:
			d.fail(h.at("access-log-format"), h.table("access-log-format"), &fault{
				msg:  strconv.Quote(h.AccessLog) + " has lines of the form " + other.AccessLogFormat + " already, at " + other.at("access-log").String(),
				hint: "write another access-log, too",
			})
		}
	}
}
