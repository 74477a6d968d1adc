package site

import (
	"slices"
	"strconv"
	"strings"
)

// reroutingTables reads the redirects and the rewrites of a host.
func (d *decoder) reroutingTables(h *host) {
	d.tablesOf(h, "redirect", func(n *node, key string) {
		r := newRedirect()
		d.table(tableRedirect, n, key+".", redirectFields(r))
		h.Redirects, h.redirects = append(h.Redirects, r), append(h.redirects, n)
	})
	d.tablesOf(h, "rewrite", func(n *node, key string) {
		r := newRewrite()
		d.table(tableRewrite, n, key+".", rewriteFields(r))
		h.Rewrites, h.rewrites = append(h.Rewrites, r), append(h.rewrites, n)
	})
}

// reroutingRules checks what no single key of a redirect or a rewrite can.
func (d *decoder) reroutingRules(h *host) {
	for i, r := range h.Redirects {
		n := h.redirects[i]
		target, ok := d.rerouting(h, "redirect", &r.Rerouting, n, !r.LeadsNowhere())
		if at := n.table["status"]; at != nil && !slices.Contains(redirectStatuses(), r.Status) && !r.LeadsNowhere() {
			d.fail(at.place, h.table("redirect.status"), &fault{msg: strconv.Itoa(r.Status) + " is no redirect", hint: "use 301 or 308 for good, 302, 303 or 307 for now; 410 or 404 for what is gone"})
		}
		if ok && r.circular(&target) {
			d.fail(n.table["to"].place, h.table("redirect.to"), &fault{
				msg: quote(r.To) + " is below " + quote(r.Path) + ", so that clients would be sent on for ever", hint: "write another path, or path-match for what is to be sent on",
			})
		}
	}
	for i, r := range h.Rewrites {
		n := h.rewrites[i]
		target, ok := d.rerouting(h, "rewrite", &r.Rerouting, n, true)
		if ok && target.Origin != "" {
			d.fail(n.table["to"].place, h.table("rewrite.to"), &fault{msg: quote(r.To) + " is another host's", hint: "write a path that begins with \"/\"; [[redirect]] sends clients elsewhere, and wsgid is no proxy"})
		}
		if ok && target.Fragment != "" {
			d.fail(n.table["to"].place, h.table("rewrite.to"), &fault{msg: quote(r.To) + ` has a "#", behind which is what only browsers see`, hint: "write %23 for the character itself"})
		}
	}
}

// rerouting checks what redirects and rewrites have in common. The target is valid if ok;
// leads says that there must be one.
func (d *decoder) rerouting(h *host, name string, r *Rerouting, n *node, leads bool) (target Target, ok bool) {
	fail := func(key string, f *fault) { d.fail(n.table[key].place, h.table(name+"."+key), f) }
	path, match := n.table["path"], n.table["path-match"]
	switch {
	case path == nil && match == nil:
		d.fail(n.place, h.table(name), &fault{msg: "path or path-match is missing", hint: `path = "/old" is for everything below /old`})
	case path != nil && match != nil:
		fail("path-match", &fault{msg: "path is set too", hint: "keep one of them"})
	}
	for _, key := range []string{"host", "method"} {
		if e := n.table[key]; e != nil && e.list != nil && len(e.list) == 0 {
			fail(key, &fault{msg: "names none, so that it never holds", hint: "leave " + key + " out"})
		}
	}
	if !leads {
		for _, key := range []string{"to", "query"} {
			if n.table[key] != nil {
				fail(key, &fault{msg: "has no effect with a status that leads nowhere", hint: "leave it out, or write another status"})
			}
		}
		return target, false
	}
	if n.table["to"] == nil {
		d.fail(n.place, h.table(name), &fault{msg: "to is missing", hint: `to = "/new"`})
		return target, false
	}
	unread := match != nil && r.PathMatch == "" || n.table["query-match"] != nil && r.QueryMatch == "" || r.To == ""
	if unread || path == nil && match == nil {
		return target, false // refused before
	}
	target, f := r.target()
	if f != nil {
		fail("to", f)
		return target, false
	}
	if target.HasQuery && len(target.Query) == 0 && r.Query == QueryAppended {
		fail("query", &fault{msg: `"append" appends to nothing: to has an empty query string`, hint: `leave the "?" out of to`})
	}
	return target, true
}

// circular reports whether each request that the redirect holds for is answered with an
// address that it holds for again.
func (r *Redirect) circular(to *Target) bool {
	if r.Path == "" || to.Origin != "" || r.QueryMatch != "" || r.Methods != nil {
		return false
	}
	path, _ := unescape(to.Path[0].Text)
	return r.Path == "/" || covers(r.Path, strings.TrimSuffix(path, "/"))
}
