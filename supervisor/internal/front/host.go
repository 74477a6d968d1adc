package front

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// host is what is served under some names.
type host struct {
	name   string // SERVER_NAME of requests that name no host
	places *places
	rules  *rules     // for requests that no place gets
	log    *accessLog // nil for none
	// reroutings are nil for a host that has none.
	reroutings *reroutings
	// internal are static files that only the applications can have sent; nil for none.
	internal []*static
}

// hosts are those of a site.
type hosts struct {
	all []*host
	// everywhere is for listeners that no virtual host names.
	everywhere hostTable
	at         []hostsAt
}

// hostsAt are the hosts at a listener that a virtual host names.
type hostsAt struct {
	address site.Listener
	hostTable
}

// hostTable finds hosts by name, at a cost that their number does not change.
type hostTable struct {
	exact map[string]*host
	below map[string]*host // of "*.example.org", by "example.org"
	// others is for all other names; nil when there is no default host.
	others *host
}

func newHosts(s *site.Site, groups map[string]*group.Group, logs accessLogs) *hosts {
	h := &hosts{}
	declared, numbers := s.Hosts(), s.ApplicationNumbers()
	for _, v := range declared {
		h.all = append(h.all, &host{name: v.Name(), places: newPlaces(s, v, groups, numbers), rules: newRules(&v.Policy), log: logs.find(v.AccessLog), internal: internalFiles(v), reroutings: newReroutings(v)})
	}
	h.everywhere = h.table(declared, func(v *site.Vhost) bool { return len(v.Listen) == 0 })
	for _, v := range declared {
		for _, l := range v.Listen {
			if !slices.ContainsFunc(h.at, func(have hostsAt) bool { return have.address == l }) {
				h.at = append(h.at, hostsAt{l, h.tableAt(declared, l)})
			}
		}
	}
	return h
}

// tableAt is that of a listener: a host that names it counts before those that name
// none.
func (h *hosts) tableAt(declared []*site.Vhost, l site.Listener) hostTable {
	t := h.table(declared, func(v *site.Vhost) bool { return len(v.Listen) == 0 })
	t.over(h.table(declared, func(v *site.Vhost) bool { return slices.Contains(v.Listen, l) }))
	return t
}

// table has the hosts that are wanted; declared are what they were made of.
func (h *hosts) table(declared []*site.Vhost, wanted func(*site.Vhost) bool) hostTable {
	t := hostTable{exact: map[string]*host{}, below: map[string]*host{}}
	for i, v := range declared {
		if wanted(v) {
			t.add(h.all[i], v)
		}
	}
	return t
}

func (t *hostTable) add(h *host, v *site.Vhost) {
	for _, name := range v.Names() {
		if domain, wild := strings.CutPrefix(name, "*."); wild {
			t.below[domain] = h
		} else {
			t.exact[name] = h
		}
	}
	if v.Default {
		t.others = h
	}
}

// over lays another table over t.
func (t *hostTable) over(o hostTable) {
	for name, h := range o.exact {
		t.exact[name] = h
	}
	for name, h := range o.below {
		t.below[name] = h
	}
	if o.others != nil {
		t.others = o.others
	}
}

// of is the table of a listener.
func (h *hosts) of(l *http1.Listener) *hostTable {
	for i := range h.at {
		if address := l.Addr(); h.at[i].address.Names(address.Network(), address.String()) {
			return &h.at[i].hostTable
		}
	}
	return &h.everywhere
}

// longestName bounds the names that are looked for; one of the DNS has no more than
// 253 bytes (RFC 1035, 2.3.4).
const longestName = 255

// find is the host of an authority, with or without a port: by its name, else by the
// longest domain that it is below, else the default host. nil when there is none.
func (t *hostTable) find(authority []byte) *host {
	name, _ := splitPort(authority)
	if len(name) == 0 || len(name) > longestName || len(t.exact)+len(t.below) == 0 {
		return t.others
	}
	var room [longestName]byte
	key := site.AppendHost(room[:0], name)
	if h := t.exact[string(key)]; h != nil {
		return h
	}
	for len(t.below) > 0 {
		dot := bytes.IndexByte(key, '.')
		if dot < 0 {
			break
		}
		key = key[dot+1:]
		if h := t.below[string(key)]; h != nil {
			return h
		}
	}
	return t.others
}

// again is what has the place of a host of other settings: the one with its name.
func (t *hostTable) again(h *host) *host {
	if now := t.exact[string(site.AppendHost(nil, []byte(h.name)))]; now != nil {
		return now
	}
	return t.others
}

// smallestBody is a size that no place refuses a request body for, in bytes: one that
// may be refused is not waited for.
func (h *hosts) smallestBody() int64 {
	smallest := int64(math.MaxInt64)
	for _, one := range h.all {
		for p := range one.places.all {
			if p.policy.RequestBody > 0 {
				smallest = min(smallest, p.policy.RequestBody)
			}
		}
	}
	return smallest
}
