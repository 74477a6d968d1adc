package front

import (
	"math"
	"slices"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// place is a part of the URL space with all that holds for it: a mount, or a location
// inside one.
type place struct {
	path   string // "" for "/", else without a slash at the end
	script string // path of the mount, in the same form: SCRIPT_NAME
	group  *group.Group
	// What the group's responses get: response-buffer-size in bytes,
	// response-socket-timeout and response-flush-delay.
	memory      int
	sendTimeout time.Duration
	flushDelay  time.Duration
	policy      site.Policy
	rules       *rules // of policy
}

// places are those of a site, the longest path first.
type places []*place

func newPlaces(s *site.Site, groups map[string]*group.Group) places {
	var all places
	for _, m := range s.Mounts {
		all = append(all, newPlace(s, m, m.Path, groups))
	}
	for _, l := range s.Locations {
		m := mountOf(s, l.Path)
		if m != nil && m.Path != l.Path {
			all = append(all, newPlace(s, m, l.Path, groups))
		}
	}
	slices.SortStableFunc(all, func(a, b *place) int { return len(b.path) - len(a.path) })
	return all
}

func newPlace(s *site.Site, m *site.Mount, path string, groups map[string]*group.Group) *place {
	g := s.Group(m.Group)
	p := &place{
		path: prefix(path), script: prefix(m.Path), group: groups[m.Group], policy: m.Policy,
		memory: int(g.ResponseBufferSize), sendTimeout: g.ResponseSocketTimeout, flushDelay: g.ResponseFlushDelay,
	}
	around := slices.DeleteFunc(slices.Clone(s.Locations), func(l *site.Location) bool { return !l.Covers(path) })
	slices.SortStableFunc(around, func(a, b *site.Location) int { return len(a.Path) - len(b.Path) })
	for _, l := range around {
		p.policy = l.Over(p.policy)
	}
	p.rules = newRules(&p.policy)
	return p
}

// mountOf is the mount that serves a path, nil when there is none.
func mountOf(s *site.Site, path string) *site.Mount {
	var found *site.Mount
	for _, m := range s.Mounts {
		if m.Covers(path) && (found == nil || len(m.Path) > len(found.Path)) {
			found = m
		}
	}
	return found
}

// prefix is the form of a path that others begin with.
func prefix(path string) string {
	if path == "/" {
		return ""
	}
	return path
}

// smallestBody is a size that no place refuses a request body for, in bytes: one that
// may be refused is not waited for.
func (all places) smallestBody() int64 {
	smallest := int64(math.MaxInt64)
	for _, p := range all {
		if p.policy.RequestBody > 0 {
			smallest = min(smallest, p.policy.RequestBody)
		}
	}
	return smallest
}

// find returns the place of a clean path: the longest whose path is a prefix
// that ends at a slash or at the end. nil when there is none.
func (all places) find(path []byte) *place {
	for _, p := range all {
		if n := len(p.path); len(path) >= n && string(path[:n]) == p.path && (len(path) == n || path[n] == '/') {
			return p
		}
	}
	return nil
}
