package front

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// environ appends names and values, each ended by a NUL, to a frame.
type environ struct {
	b []byte
	// hideAuthorization leaves the Authorization field out.
	hideAuthorization bool
}

// buildEnviron writes the environ of a request that goes to an application.
func (s *session) buildEnviron(frame *group.Frame) {
	e := environ{b: append(frame.Bytes[:0], make([]byte, wire.HeaderSize)...), hideAuthorization: !s.place.policy.PassAuthorization}
	s.appendRequest(&e)
	s.appendFields(&e)
	if host := s.told(site.HostFact); host != nil && s.conn.Request.Host == nil {
		e.addBytes("HTTP_HOST", host)
	}
	s.appendGuard(&e)
	frame.Bytes = e.b
}

func (e *environ) add(name, value string) {
	e.b = append(e.b, name...)
	e.b = append(e.b, 0)
	e.b = append(e.b, value...)
	e.b = append(e.b, 0)
}

func (e *environ) addBytes(name string, value []byte) {
	e.b = append(e.b, name...)
	e.b = append(e.b, 0)
	e.b = append(e.b, value...)
	e.b = append(e.b, 0)
}

func (e *environ) addInt(name string, value int64) {
	e.b = append(e.b, name...)
	e.b = append(e.b, 0)
	e.b = strconv.AppendInt(e.b, value, 10)
	e.b = append(e.b, 0)
}

// appendRequest adds what the request line and the connection say (PEP 3333,
// "environ Variables"; RFC 3875).
func (s *session) appendRequest(e *environ) {
	req := &s.conn.Request
	if s.place.policy.MapHEAD == site.MapAlways && string(req.Method) == "HEAD" {
		e.add("REQUEST_METHOD", "GET")
	} else {
		e.addBytes("REQUEST_METHOD", req.Method)
	}
	s.appendURI(e, req)
	s.appendScript(e)
	e.addBytes("PATH_INFO", s.path[len(s.place.script):])
	e.addBytes("QUERY_STRING", req.Query)
	switch {
	case req.Gateway:
		s.appendGateway(e)
	case req.Minor == 0:
		e.add("SERVER_PROTOCOL", "HTTP/1.0")
		s.appendServer(e, req)
	default:
		e.add("SERVER_PROTOCOL", "HTTP/1.1")
		s.appendServer(e, req)
	}
	s.appendRemote(e)
	e.addBytes("mod_wsgi.request_id", s.id)
	e.addInt("mod_wsgi.request_start", s.began.UnixMicro())
}

// appendURI adds REQUEST_URI, the raw target: in absolute-form without scheme
// and host, as Apache httpd gives it.
func (s *session) appendURI(e *environ, req *http1.Request) {
	if req.Form != http1.AbsoluteForm {
		e.addBytes("REQUEST_URI", req.Target)
		return
	}
	e.b = append(append(e.b, "REQUEST_URI\x00"...), req.Path...)
	if req.Query != nil {
		e.b = append(append(e.b, '?'), req.Query...)
	}
	e.b = append(e.b, 0)
}

// appendScript adds SCRIPT_NAME: the mount's path, or where a trusted proxy says that
// the client sees it.
func (s *session) appendScript(e *environ) {
	script := s.told(site.ScriptFact)
	if script == nil {
		e.add("SCRIPT_NAME", s.place.script)
		return
	}
	e.addBytes("SCRIPT_NAME", script)
	e.addBytes("mod_wsgi.mount_point", script)
}

// appendServer adds SERVER_NAME and SERVER_PORT: the name in the Host field, else the
// site's; the port of the listener, else the client's, because a UNIX socket has none.
// What a trusted proxy says comes before all that.
func (s *session) appendServer(e *environ, req *http1.Request) {
	name, _ := splitPort(req.Host)
	if told := s.told(site.ServerFact); told != nil {
		name = told
	}
	if len(name) > 0 {
		e.addBytes("SERVER_NAME", name)
	} else {
		e.add("SERVER_NAME", s.vhost.name)
	}
	s.appendPort(e)
	e.add("wsgi.url_scheme", s.scheme())
	e.add("REQUEST_SCHEME", s.scheme())
}

func (s *session) appendPort(e *environ) {
	if told := s.told(site.PortFact); told != nil {
		e.addBytes("SERVER_PORT", told)
		return
	}
	if s.conn.Port != "" {
		e.add("SERVER_PORT", s.conn.Port)
		return
	}
	switch _, port := splitPort(s.host()); {
	case len(port) > 0:
		e.addBytes("SERVER_PORT", port)
	case s.scheme() == "https":
		e.add("SERVER_PORT", "443")
	default:
		e.add("SERVER_PORT", "80")
	}
}

func splitPort(host []byte) (name, port []byte) {
	i := bytes.LastIndexByte(host, ':')
	if i < 0 || bytes.IndexByte(host[i:], ']') >= 0 {
		return host, nil
	}
	return host[:i], host[i+1:]
}

// appendRemote adds the client's address: the peer's, which a connection's requests
// share, or what a trusted proxy says.
func (s *session) appendRemote(e *environ) {
	if told := s.forwarded.client; told.IsValid() {
		e.addAddress(told)
		return
	}
	if len(s.remote) == 0 {
		var r environ
		r.addAddress(s.conn.Remote)
		s.remote = r.b
	}
	e.b = append(e.b, s.remote...)
}

// addAddress adds REMOTE_ADDR, empty for the peer of a UNIX socket, and REMOTE_PORT if
// that is known.
func (e *environ) addAddress(a netip.AddrPort) {
	e.b = append(e.b, "REMOTE_ADDR\x00"...)
	if a.IsValid() {
		e.b = a.Addr().AppendTo(e.b)
	}
	e.b = append(e.b, 0)
	if a.Port() != 0 {
		e.addInt("REMOTE_PORT", int64(a.Port()))
	}
}

func address(remote netip.AddrPort) string {
	if !remote.IsValid() {
		return ""
	}
	return remote.Addr().String()
}

// appendFields adds the header fields (mod_wsgi's rules): names outside
// [A-Za-z0-9-] are dropped, because X_A and X-A would be one key; Proxy is
// dropped, because HTTP_PROXY steers HTTP clients, and Proxy-Authorization,
// which is not for us; repeated fields are joined.
func (s *session) appendFields(e *environ) {
	fields := s.conn.Request.Fields
	var seen uint64
	for i := range fields {
		f := &fields[i]
		if s.forwarded.rules != nil && s.appendForwarded(e, f, i) {
			continue
		}
		// A bit for each name so far says cheaply that this is a new one.
		bit := uint64(1) << (mix(f.Name) & 63)
		if seen&bit != 0 && firstOf(fields, i) < i {
			continue // joined where it came first
		}
		seen |= bit
		mark := len(e.b)
		if !appendName(e, f.Name) {
			e.b = e.b[:mark]
			continue
		}
		e.b = append(e.b, 0)
		if bytes.EqualFold(f.Name, requestIDName) {
			e.b = append(e.b, s.id...)
		} else {
			e.b = append(e.b, f.Value...)
			if i < len(fields)-1 {
				joinRepeats(e, fields, i)
			}
		}
		e.b = append(e.b, 0)
	}
}

// appendForwarded deals with a field that proxies tell of a request by, or whose value
// they tell. It reports whether the field is one of them.
func (s *session) appendForwarded(e *environ, f *http1.Field, i int) bool {
	if host := s.told(site.HostFact); host != nil && equalFold(f.Name, hostName) {
		e.addBytes("HTTP_HOST", host)
		return true
	}
	header := s.forwarded.rules.find(f.Name)
	if header == nil {
		return false
	}
	if known := &s.forwarded.facts[header.Tells]; known.header == header && known.field == i {
		appendName(e, f.Name)
		e.b = append(append(append(e.b, 0), known.value...), 0)
	}
	return true
}

var hostName = []byte("Host")

var requestIDName = []byte("X-Request-ID")

// mix is a cheap hash of a name that ignores case.
func mix(name []byte) int {
	n := len(name)
	return n + int(name[0]|0x20)*7 + int(name[n-1]|0x20)*31 + int(name[n/2]|0x20)*13
}

func firstOf(fields []http1.Field, i int) int {
	for j := range i {
		if len(fields[j].Name) == len(fields[i].Name) && bytes.EqualFold(fields[j].Name, fields[i].Name) {
			return j
		}
	}
	return i
}

// joinRepeats appends the values of later fields of the same name.
func joinRepeats(e *environ, fields []http1.Field, i int) {
	name := fields[i].Name
	separator := ", "
	if bytes.EqualFold(name, []byte("Cookie")) {
		separator = "; " // RFC 6265, 5.4: one field, semicolons
	}
	for j := i + 1; j < len(fields); j++ {
		if len(fields[j].Name) == len(name) && bytes.EqualFold(fields[j].Name, name) {
			e.b = append(append(e.b, separator...), fields[j].Value...)
		}
	}
}

// appendName adds the CGI name of a field; false if it has none.
func appendName(e *environ, name []byte) bool {
	switch len(name) {
	case len("Proxy"):
		if bytes.EqualFold(name, []byte("Proxy")) {
			return false
		}
	case len("Authorization"):
		if e.hideAuthorization && bytes.EqualFold(name, []byte("Authorization")) {
			return false
		}
	case len("Proxy-Authorization"):
		if bytes.EqualFold(name, []byte("Proxy-Authorization")) {
			return false // for the proxy before us (RFC 9110, 11.7.2)
		}
	case len("Content-Type"):
		if bytes.EqualFold(name, []byte("Content-Type")) {
			e.b = append(e.b, "CONTENT_TYPE"...)
			return true
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			return false // the front end says it, see session.appendLength
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return false // undone by the front end
		}
	}
	e.b = append(e.b, "HTTP_"...)
	for _, c := range name {
		c = nameBytes[c]
		if c == 0 {
			return false
		}
		e.b = append(e.b, c)
	}
	return true
}

// nameBytes maps the bytes of a field name to those of its environ key; 0 is
// for bytes that a name may not have.
var nameBytes = func() (table [256]byte) {
	for c := '0'; c <= '9'; c++ {
		table[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		table[c] = byte(c)
		table[c|0x20] = byte(c)
	}
	table['-'] = '_'
	return table
}()
