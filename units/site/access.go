package site

import "net/netip"

// Admits reports whether a client is served, who is described as for [Peers.Match].
// What describes it more closely counts, allow or deny, and deny if both do equally;
// whom neither has is served unless there is an allow.
func (p *Policy) Admits(client netip.Addr, local bool) bool {
	allowed, denied := p.Allow.Match(client, local), p.Deny.Match(client, local)
	switch {
	case allowed > denied:
		return true
	case denied >= 0:
		return false
	}
	return p.Allow.Nobody()
}

// accessNotes are for the man page.
const accessNotes = "Of allow and deny that which describes a client more closely counts, in whatever order they are written: an address before a network, a small network before a large one, every one of them before \"all\". " +
	"Of two that describe it equally deny counts. So allow = \"192.0.2.0/24\" with deny = \"192.0.2.7\" serves the network without that one address, and deny = \"all\" with allow = \"192.0.2.7\" that one alone.\n\n" +
	"The client is who trusted-proxy-headers say it is, else the peer. A location that writes only one of the two keys has the other one from around it; [] takes it back."
