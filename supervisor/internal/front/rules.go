package front

import (
	"net/netip"

	"github.com/wsgid/wsgid/units/site"
)

// rules are the keys for a part of the URL space in the form that requests go by. They
// are made when the site is loaded.
type rules struct {
	proxies    *site.Peers // nil when nobody is trusted
	forwarding *forwarding // nil when no header is listed
	guarded    bool        // not everybody is served
	pages      *errorPages // nil when errors have their own texts
	override   bool        // the application's errors are replaced
	policy     *site.Policy
	fields     responseFields
	compress   *compression // nil when nothing is compressed
	mapHEAD    bool         // the application sees HEAD as GET
}

func newRules(p *site.Policy) *rules {
	r := &rules{forwarding: newForwarding(p), guarded: !p.Allow.Nobody() || !p.Deny.Nobody(), override: p.ErrorOverride, policy: p, fields: newResponseFields(p), compress: newCompression(p)}
	r.mapHEAD = p.MapHEAD == site.MapAlways || p.MapHEAD == site.MapAuto && r.compress != nil
	if r.compress != nil {
		r.fields.vary()
	}
	if !p.TrustedProxies.Nobody() {
		r.proxies = &p.TrustedProxies
	}
	return r
}

// rules are those of the place that the request goes to, or if it goes to none of the
// host, or the site.
func (s *session) rules() *rules {
	switch {
	case s.place != nil:
		return s.place.rules
	case s.vhost != nil:
		return s.vhost.rules
	}
	return s.conf.rules
}

// believe takes from the request what its peer may say of it.
func (s *session) believe() {
	r := s.rules()
	trusted := r.proxies != nil && r.proxies.Match(s.conn.Remote.Addr(), s.conn.Local()) >= 0
	if r.forwarding != nil || s.forwarded.rules != nil {
		s.forwarded.learn(r.forwarding, trusted, s.conn.Request.Fields)
		s.captureHost()
	}
	s.chooseID(trusted)
}

// client is the address of who sent the request, as far as that is known: that of
// the peer, or what a trusted proxy says. It is not valid for the peer of a UNIX socket.
func (s *session) client() netip.AddrPort {
	if s.forwarded.client.IsValid() {
		return s.forwarded.client
	}
	return s.conn.Remote
}

// admitted reports whether the client is one that the place serves.
func (s *session) admitted() bool {
	told := s.forwarded.client.IsValid()
	return s.place.policy.Admits(s.client().Addr(), !told && s.conn.Local())
}

// told is what a trusted proxy says of a fact; nil if nothing.
func (s *session) told(f site.Fact) []byte {
	if s.forwarded.rules == nil || s.forwarded.facts[f].header == nil {
		return nil
	}
	return s.forwarded.facts[f].value
}

// scheme is the scheme of the URL that the client asked for.
func (s *session) scheme() string {
	secured := s.conn.Secure || s.conn.Request.Gateway && secure(&s.conn.Request)
	if s.told(site.SchemeFact) != nil {
		secured = s.forwarded.facts[site.SchemeFact].https()
	}
	if secured {
		return "https"
	}
	return "http"
}

// host is the authority that the client asked for; nil when it named none.
func (s *session) host() []byte {
	if host := s.told(site.HostFact); host != nil {
		return host
	}
	return s.conn.Request.Host
}
