package site

import (
	"net/netip"
	"slices"
	"strconv"
)

// Peers are clients or proxies, by their addresses. The zero value is nobody.
type Peers struct {
	// Networks hold addresses; the bits behind their lengths are zero, and no IPv4
	// address is written as IPv6. Nil means none.
	Networks []netip.Prefix
	// Unix stands for whoever connects to a UNIX socket.
	Unix bool
	// All stands for everybody.
	All bool
}

// Nobody reports whether there are none.
func (p *Peers) Nobody() bool { return len(p.Networks) == 0 && !p.Unix && !p.All }

// How closely Peers describe somebody, beside the length of a network.
const (
	notMatched = -1
	matchAll   = 0
	matchUnix  = 1 << 8
)

// Match tells how closely the peers describe somebody, by the address, which is not
// valid if it is not known, and by whether it is the peer on a UNIX socket: a number
// that is larger for a smaller network, -1 if they do not have it.
func (p *Peers) Match(addr netip.Addr, local bool) int {
	best := notMatched
	switch {
	case local && p.Unix:
		return matchUnix
	case p.All:
		best = matchAll
	}
	for _, n := range p.Networks {
		if n.Bits()+1 > best && n.Contains(addr) {
			best = n.Bits() + 1
		}
	}
	return best
}

// strings is the form of a site file.
func (p *Peers) strings() []string {
	list := prefixStrings(p.Networks)
	if p.Unix {
		list = append(list, peerUnix)
	}
	if p.All {
		list = append(list, peerAll)
	}
	return list
}

// The words beside networks.
const (
	peerUnix = "unix"
	peerAll  = "all"
)

func (r *reading) peers(n *node) any {
	var p Peers
	each(r, n, func(e *node) (struct{}, *fault) { return struct{}{}, p.add(e) })
	return p
}

func (p *Peers) add(n *node) *fault {
	s, ok := n.value.(string)
	switch {
	case !ok:
		return &fault{msg: n.kind() + " where a network is expected"}
	case s == peerUnix:
		p.Unix = true
		return nil
	case s == peerAll:
		p.All = true
		return nil
	}
	prefix, f := parseNetwork(s)
	if f == nil && !slices.Contains(p.Networks, prefix) {
		p.Networks = append(p.Networks, prefix)
	}
	return f
}

func parseNetwork(s string) (netip.Prefix, *fault) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, &fault{msg: strconv.Quote(s) + " is not a network", hint: `use "10.0.0.0/8", "127.0.0.1", "fd00::/8", "unix" or "all"`}
	}
	if p != p.Masked() {
		return p, &fault{msg: strconv.Quote(s) + " has bits set behind the network part", hint: "write " + strconv.Quote(p.Masked().String())}
	}
	return unmapped(p), nil
}

// unmapped is a network of IPv4 addresses that was written as one of IPv6.
func unmapped(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits before the IPv4 address (RFC 4291, 2.5.5.2)
	if !p.Addr().Is4In6() || p.Bits() < mapped {
		return p
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
}
