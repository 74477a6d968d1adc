package front

import (
	"slices"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// route is one mount, ready for matching.
type route struct {
	prefix string // "" for "/", else without a slash at the end
	group  *group.Group
	memory int // response-buffer-size of the group, bytes
}

// routes are a site's mounts, the longest path first.
type routes []route

func newRoutes(s *site.Site, groups map[string]*group.Group) routes {
	var rs routes
	for _, m := range s.Mounts {
		prefix := m.Path
		if prefix == "/" {
			prefix = ""
		}
		rs = append(rs, route{prefix: prefix, group: groups[m.Group], memory: int(s.Group(m.Group).ResponseBufferSize)})
	}
	slices.SortStableFunc(rs, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
	return rs
}

// find returns the mount of a clean path: the longest whose path is a prefix
// that ends at a slash or at the end. nil when there is none.
func (rs routes) find(path []byte) *route {
	for i := range rs {
		p := rs[i].prefix
		if len(path) >= len(p) && string(path[:len(p)]) == p && (len(path) == len(p) || path[len(p)] == '/') {
			return &rs[i]
		}
	}
	return nil
}
