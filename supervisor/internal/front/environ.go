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

// applicationKey has the number of the application that is asked for, for the Python
// program, which takes it out of the environ.
const applicationKey = "wsgid.application"

// buildEnviron writes the environ of a request that goes to an application.
func (s *session) buildEnviron(frame *group.Frame) {
	e := environ{b: append(frame.Bytes[:0], make([]byte, wire.HeaderSize)...), hideAuthorization: !s.place.policy.PassAuthorization}
	s.appendRequest(&e)
	s.appendFields(&e)
	if host := s.told(site.HostFact); host != nil && s.conn.Request.Host == nil {
		e.addBytes("HTTP_HOST", host)
	}
	s.public = len(e.b)
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
	if s.place.rules.mapHEAD && string(req.Method) == "HEAD" {
		e.add("REQUEST_METHOD", "GET")
	} else {
		e.addBytes("REQUEST_METHOD", req.Method)
	}
	s.appendURI(e, req)
	script, rest, file := s.place.split(s.path)
	if s.file.handler != nil {
		script, rest = s.file.split()
	}
	s.appendScript(e, script)
	e.addBytes("PATH_INFO", rest)
	if file != nil {
		e.addBytes(scriptPathKey, file)
	}
	e.addBytes("QUERY_STRING", s.query())
	s.appendRewritten(e)
	switch {
	case req.Gateway:
		s.appendGateway(e)
	case s.conn.Protocol != "":
		e.add("SERVER_PROTOCOL", s.conn.Protocol)
		s.appendServer(e, req)
	case req.Minor == 0:
		e.add("SERVER_PROTOCOL", "HTTP/1.0")
		s.appendServer(e, req)
	default:
		e.add("SERVER_PROTOCOL", "HTTP/1.1")
		s.appendServer(e, req)
	}
	s.appendRemote(e)
	if s.place.application != "" {
		e.add(applicationKey, s.place.application)
	}
	s.file.append(e)
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
func (s *session) appendScript(e *environ, script []byte) {
	told := s.told(site.ScriptFact)
	if told == nil {
		e.addBytes("SCRIPT_NAME", script)
		return
	}
	e.addBytes("SCRIPT_NAME", told)
	e.addBytes("mod_wsgi.mount_point", told)
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
		r := environ{b: s.remote}
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
