package front

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// reroutings are what a host says of URLs for which others count. They come before its
// places, so that nothing that holds for a place is decided by a path that is not asked
// for in the end.
type reroutings struct {
	redirects []redirectRule
	rewrites  []rewriteRule
}

type redirectRule struct {
	rerouting
	status int
}

type rewriteRule struct {
	rerouting
	last bool
}

// rerouting is a [site.Rerouting] in the form that requests go by.
type rerouting struct {
	path        string         // in the form of place.path
	expression  *regexp.Regexp // nil for a path
	query       *regexp.Regexp // nil for any
	hosts       []string       // as [site.AppendHost] has them, "*." kept; nil for all
	methods     []string       // nil for all
	to          site.Target
	queryOption string // site.QueryKept and so on
}

// newReroutings returns nil for a host that has none.
func newReroutings(v *site.Vhost) *reroutings {
	if len(v.Redirects)+len(v.Rewrites) == 0 {
		return nil
	}
	all := &reroutings{}
	for _, r := range v.Redirects {
		all.redirects = append(all.redirects, redirectRule{newRerouting(&r.Rerouting, r.Target()), r.Status})
	}
	for _, r := range v.Rewrites {
		all.rewrites = append(all.rewrites, rewriteRule{newRerouting(&r.Rerouting, r.Target()), r.Last})
	}
	return all
}

func newRerouting(r *site.Rerouting, to site.Target) rerouting {
	made := rerouting{path: prefix(r.Path), methods: r.Methods, to: to, queryOption: r.Query}
	made.expression, made.query = r.Matchers()
	for _, name := range r.Hosts {
		domain, wild := strings.CutPrefix(name, "*.")
		key := string(site.AppendHost(nil, []byte(domain)))
		if wild {
			key = "*." + key
		}
		made.hosts = append(made.hosts, key)
	}
	return made
}

// wanted is what a request asks for, while it is rerouted.
type wanted struct {
	host, method []byte
	path         []byte // clean
	query        []byte // as it was sent; nil for none
}

// found is how a rerouting holds for an address: where its expressions have matched.
type found struct {
	*wanted
	path, query []int // as [regexp.Regexp.FindSubmatchIndex] gives it; nil without an expression
	rest        []byte
}

// find reports whether the rerouting holds for an address.
func (r *rerouting) find(a *wanted) (f found, ok bool) {
	f.wanted = a
	if r.expression != nil {
		if f.path = r.expression.FindSubmatchIndex(a.path); f.path == nil {
			return f, false
		}
	} else if f.rest, ok = bytes.CutPrefix(a.path, []byte(r.path)); !ok || len(f.rest) > 0 && f.rest[0] != '/' {
		return f, false
	}
	if r.query != nil {
		if f.query = r.query.FindSubmatchIndex(a.query); f.query == nil {
			return f, false
		}
	}
	return f, r.isFor(a)
}

// isFor reports whether the rerouting holds for a host and a method.
func (r *rerouting) isFor(a *wanted) bool {
	method := string(a.method)
	if r.methods != nil && !slices.Contains(r.methods, method) && (method != "HEAD" || !slices.Contains(r.methods, "GET")) {
		return false
	}
	if r.hosts == nil {
		return true
	}
	name, _ := splitPort(a.host)
	key := string(site.AppendHost(nil, name))
	return slices.ContainsFunc(r.hosts, func(host string) bool {
		domain, wild := strings.CutPrefix(host, "*")
		return key == host || wild && strings.HasSuffix(key, domain) && len(key) > len(domain)
	})
}

// piece is what a piece of the target stands for, and whether that is percent-encoded.
func (f *found) piece(p *site.TemplatePiece) (text []byte, encoded bool) {
	at, of := f.path, f.wanted.path
	switch {
	case p.Group < 0:
		return []byte(p.Text), true
	case p.OfQuery:
		at, of, encoded = f.query, f.wanted.query, true
	}
	if at[2*p.Group] < 0 {
		return nil, encoded
	}
	return of[at[2*p.Group]:at[2*p.Group+1]], encoded
}

// appendDecodedPath appends the path of the target, decoded, with what the request has
// behind the rerouting's.
func (r *rerouting) appendDecodedPath(b []byte, f *found) []byte {
	for i := range r.to.Path {
		text, encoded := f.piece(&r.to.Path[i])
		if encoded && r.to.Path[i].Group >= 0 {
			text = unescapeLoosely(text)
		}
		b = append(b, text...)
	}
	return append(b, f.rest...)
}

// appendPath is that for a path that is percent-encoded. It begins with exactly one slash,
// unless it is empty.
func (r *rerouting) appendPath(b []byte, f *found) []byte {
	start := len(b)
	for i := range r.to.Path {
		p := &r.to.Path[i]
		text, encoded := f.piece(p)
		switch {
		case p.Group < 0:
			b = append(b, text...)
		case encoded:
			b = appendEscapedPath(b, unescapeLoosely(text))
		default:
			b = appendEscapedPath(b, text)
		}
	}
	if n := len(b); len(f.rest) > 0 && n > start && b[n-1] == '/' {
		b = b[:n-1]
	}
	b = appendEscapedPath(b, f.rest)
	// Behind two slashes clients see a host.
	slashes := start
	for slashes+1 < len(b) && b[slashes] == '/' && b[slashes+1] == '/' {
		slashes++
	}
	return append(b[:start], b[slashes:]...)
}

// appendQuery appends the query string that counts now. has tells an empty one from none.
func (r *rerouting) appendQuery(b []byte, f *found) (query []byte, has bool) {
	start := len(b)
	for i := range r.to.Query {
		p := &r.to.Query[i]
		text, encoded := f.piece(p)
		switch {
		case p.Group < 0:
			b = append(b, text...)
		case encoded:
			b = appendQueryBytes(b, text)
		default:
			b = appendEscapedValue(b, text)
		}
	}
	old := f.wanted.query
	switch {
	case old == nil || r.queryOption == site.QueryDropped || r.queryOption == site.QueryKept && r.to.HasQuery:
		return b, r.to.HasQuery
	case len(b) > start && len(old) > 0:
		b = append(b, '&')
	}
	return appendQueryBytes(b, old), true
}

// location is the address that clients are sent to.
func (r *rerouting) location(f *found) []byte {
	b := r.appendPath([]byte(r.to.Origin), f)
	mark := len(b)
	b, has := r.appendQuery(append(b, '?'), f)
	if !has {
		b = b[:mark]
	}
	return append(b, r.to.Fragment...)
}
