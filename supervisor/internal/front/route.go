package front

import (
	"bytes"
	"maps"
	"strconv"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// place is a part of the URL space with all that holds for it: a mount, or a location
// inside one.
type place struct {
	path   string // "" for "/", else without a slash at the end
	script string // path of the mount, in the same form: SCRIPT_NAME
	match  *match // nil for a mount with a path
	group  *group.Group
	// application says which one of the group's it is; "" when the group runs one.
	application string
	// What the group's responses get: response-buffer-size in bytes,
	// response-socket-timeout and response-flush-delay.
	memory      int
	sendTimeout time.Duration
	flushDelay  time.Duration
	policy      site.Policy
	rules       *rules // of policy
	guard       guard
	static      *static     // serves the place; nil for an application
	dispatch    *dispatcher // chooses the group and the application; nil where they are known
}

// places are those of a host, found by path at a cost that their number does not
// change.
type places struct {
	root    *place // whose path is "/"; nil when there is none
	byPath  map[string]*place
	longest int // bytes of the longest path
	matches []*match
	// apps are the places without those of static files; nil if there are none of these.
	apps *places
}

func newPlaces(s *site.Site, v *site.Vhost, groups map[string]*group.Group, numbers map[*site.Mount]int) *places {
	all := &places{byPath: map[string]*place{}}
	of := map[*site.Mount]*match{}
	for _, p := range v.Places() {
		into := all
		if p.Mount.PathMatch != "" {
			if of[p.Mount] == nil {
				of[p.Mount] = newMatch(p.Mount)
				all.matches = append(all.matches, of[p.Mount])
			}
			into = of[p.Mount].places
		}
		made := newPlace(s, p, groups, numbers)
		if made.dispatch = newDispatcher(s, p, groups); made.dispatch != nil {
			made.application = ""
		}
		made.match = of[p.Mount]
		into.add(made)
	}
	if len(v.Statics) == 0 {
		return all
	}
	both := &places{root: all.root, byPath: maps.Clone(all.byPath), longest: all.longest, matches: all.matches, apps: all}
	for _, p := range v.StaticPlaces() {
		files := newStatic(p.Static)
		files.handlers = newHandlers(s, v, p, groups, numbers)
		both.add(&place{path: prefix(p.Path), policy: p.Policy, rules: newRules(&p.Policy), static: files})
	}
	return both
}

func (all *places) add(p *place) {
	if p.path == "" {
		all.root = p
		return
	}
	all.byPath[p.path] = p
	all.longest = max(all.longest, len(p.path))
}

// all iterates over the places, in any order.
func (all *places) all(yield func(*place) bool) {
	if all.root != nil && !yield(all.root) {
		return
	}
	for _, p := range all.byPath {
		if !yield(p) {
			return
		}
	}
	if all.apps == nil {
		for _, m := range all.matches {
			m.places.all(yield)
		}
		return
	}
	for p := range all.apps.all {
		if p != all.root && p != all.byPath[p.path] && !yield(p) {
			return
		}
	}
}

func newPlace(s *site.Site, p site.Place, groups map[string]*group.Group, numbers map[*site.Mount]int) *place {
	m := p.Mount
	g := s.Group(m.Group)
	made := &place{
		path: prefix(p.Path), script: prefix(m.Path), group: groups[m.Group], policy: p.Policy,
		rules: newRules(&p.Policy), guard: newGuard(&p.Policy.Access, m.Group),
		memory: int(g.ResponseBufferSize), sendTimeout: g.ResponseSocketTimeout, flushDelay: g.ResponseFlushDelay,
	}
	if n, several := numbers[m]; several {
		made.application = strconv.Itoa(n)
	}
	return made
}

// prefix is the form of a path that others begin with.
func prefix(path string) string {
	if path == "/" {
		return ""
	}
	return path
}

// find returns the place of a clean path: that of the first mount whose expression
// matches it, else the longest whose path is a prefix that ends at a slash or at the
// end. nil when there is none.
func (all *places) find(path []byte) *place {
	for _, m := range all.matches {
		if m.expression.Match(path) {
			return m.places.find(path)
		}
	}
	n := len(path)
	if n > all.longest {
		// A prefix ends before a slash; the first byte is one.
		n = bytes.LastIndexByte(path[:all.longest+1], '/')
	}
	for n > 0 {
		if p := all.byPath[string(path[:n])]; p != nil {
			return p
		}
		n = bytes.LastIndexByte(path[:n], '/')
	}
	return all.root
}
