package front

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// mayUwsgi reports whether a peer may send its request in the uwsgi protocol, with what
// it says of the client in it: whoever may write to a UNIX socket of the site, and
// trusted proxies.
func (f *Front) mayUwsgi(c *http1.Conn) bool {
	conf := f.conf.Load()
	return conf.uwsgi && (c.Listener.Unix || conf.trustsAddress(c.Remote.Addr()))
}

// proxyHeader says whether a connection begins with a PROXY protocol header: on the
// addresses of proxy-protocol, where over TCP only trusted proxies may connect.
func (f *Front) proxyHeader(c *http1.Conn) http1.ProxyHeader {
	conf := f.conf.Load()
	if len(conf.proxied) == 0 {
		return http1.NoProxyHeader
	}
	switch {
	case !isOneOf(conf.proxied, c.Listener):
		return http1.NoProxyHeader
	case c.Listener.Unix || conf.trustsAddress(c.Remote.Addr()):
		return http1.ProxyHeaderExpected
	}
	return http1.ProxyHeaderForbidden
}

// takeClient has the client of a request that came through a gateway count as the
// connection's, which brings no other request.
func takeClient(c *http1.Conn) {
	c.Remote = netip.AddrPort{}
	addr, err := netip.ParseAddr(string(c.Request.Var("REMOTE_ADDR")))
	if err != nil {
		return // a UNIX socket in front of the gateway, too
	}
	port, err := strconv.ParseUint(string(c.Request.Var("REMOTE_PORT")), 10, 16)
	if err != nil {
		port = 0
	}
	c.Remote = netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

// appendGateway adds what a gateway says of the request and of itself in place of the
// request line and the connection. Its further variables are those that its
// administrator has set there (uwsgi_param), for the application.
func (s *session) appendGateway(e *environ) {
	req := &s.conn.Request
	e.addBytes("SERVER_PROTOCOL", orElse(req.Var("SERVER_PROTOCOL"), "HTTP/1.0"))
	host, port := splitPort(req.Host)
	name := orElse(req.Var("SERVER_NAME"), string(orElse(host, s.vhost.name)))
	e.addBytes("SERVER_NAME", orElse(s.told(site.ServerFact), string(name)))
	scheme, usual := s.scheme(), "80"
	if scheme == "https" {
		usual = "443"
		e.add("HTTPS", "on")
	}
	number := orElse(req.Var("SERVER_PORT"), string(orElse(port, usual)))
	e.addBytes("SERVER_PORT", orElse(s.told(site.PortFact), string(number)))
	e.add("wsgi.url_scheme", scheme)
	e.add("REQUEST_SCHEME", scheme)
	for i := range req.Vars {
		if v := &req.Vars[i]; !settledHere(v.Name) && (s.rewritten == nil || !bytes.HasPrefix(v.Name, redirectPrefix)) {
			e.b = append(append(e.b, v.Name...), 0)
			e.b = append(append(e.b, v.Value...), 0)
		}
	}
}

// redirectPrefix begins the names of what tells of the address before a rewrite.
var redirectPrefix = []byte("REDIRECT_")

// secure reports whether the client spoke TLS to the gateway.
func secure(req *http1.Request) bool {
	https := req.Var("HTTPS")
	return equalFold(https, []byte("on")) || string(https) == "1" || string(req.Var("REQUEST_SCHEME")) == "https"
}

// settledHere names the variables that have their value already, or are this server's
// to set.
func settledHere(name []byte) bool {
	switch string(name) {
	case "SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT", "REQUEST_SCHEME", "HTTPS",
		"SCRIPT_FILENAME", "SERVER_SOFTWARE", "GATEWAY_INTERFACE":
		return true
	}
	return bytes.IndexByte(name, '-') >= 0 || bytes.HasPrefix(name, []byte("wsgid."))
}

func orElse(value []byte, otherwise string) []byte {
	if len(value) > 0 {
		return value
	}
	return []byte(otherwise)
}
