package http1

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// The uwsgi protocol is how nginx (uwsgi_pass) and Apache httpd (mod_proxy_uwsgi) hand
// on a request that they have parsed: a header of four bytes, a block of CGI variables,
// then the raw body. The answer is an HTTP response that ends with the connection. The
// first byte, 0 for a WSGI request, can begin no HTTP request, which is how the two are
// told apart on one socket.

// uwsgiHeader is modifier1, the length of the block (little-endian), modifier2.
const uwsgiHeader = 4

// The kinds of uwsgi requests that are for WSGI applications. The second asks for
// SCRIPT_NAME to be cut off from PATH_INFO, which is done here by the mounts.
const (
	uwsgiRequest        = 0
	uwsgiRequestCutPath = 30
)

// speaksUwsgi reports whether the first byte of a connection begins a uwsgi packet.
func speaksUwsgi(first byte) bool { return first == uwsgiRequest || first == uwsgiRequestCutPath }

// uwsgiPacket returns the length of the packet that buf begins with, without its body:
// 0 while that is not there as a whole.
func uwsgiPacket(buf []byte, lim *Limits) (int, error) {
	if len(buf) < uwsgiHeader {
		return 0, nil
	}
	whole := uwsgiHeader + int(binary.LittleEndian.Uint16(buf[1:]))
	switch {
	case whole > lim.Head:
		return 0, refuse(431, "uwsgi packet too large")
	case len(buf) < whole:
		return 0, nil
	}
	return whole, nil
}

// ParseUwsgi parses a whole uwsgi packet without its body. Its names are changed in
// place: a variable HTTP_X_A becomes the field X-A, as the server in front received it.
// Errors are those of [Request.Parse], and the request is read by the same rules where
// it says the same things.
func (r *Request) ParseUwsgi(packet []byte, lim *Limits) error {
	*r = Request{Fields: r.Fields[:0], Vars: r.Vars[:0], Gateway: true}
	seen := uwsgiSeen{}
	for rest := packet[uwsgiHeader:]; len(rest) > 0; {
		var name, value []byte
		var ok bool
		if name, rest, ok = cutCounted(rest); !ok || len(name) == 0 {
			return bad("malformed uwsgi packet")
		}
		if value, rest, ok = cutCounted(rest); !ok {
			return bad("malformed uwsgi packet")
		}
		if err := r.variable(name, value, &seen, lim); err != nil {
			return err
		}
	}
	return r.settleUwsgi(&seen)
}

// cutCounted takes a string with its length before it.
func cutCounted(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	end := 2 + int(binary.LittleEndian.Uint16(b))
	if len(b) < end {
		return nil, nil, false
	}
	return b[2:end:end], b[end:], true
}

// uwsgiSeen has the variables that say more together than each by itself.
type uwsgiSeen struct {
	path, script, query []byte
	names               uint8 // of those that must not come twice, a bit each
}

// once reports whether one of the variables that must not come twice has not come yet.
func (s *uwsgiSeen) once(bit uint8) bool {
	first := s.names&(1<<bit) == 0
	s.names |= 1 << bit
	return first
}

func (r *Request) variable(name, value []byte, seen *uwsgiSeen, lim *Limits) error {
	for _, c := range name {
		if c != '_' && c != '-' && !isAlphanumeric(c) {
			return bad("name of a uwsgi variable is not one of CGI")
		}
	}
	if field, isField := bytes.CutPrefix(name, []byte("HTTP_")); isField && len(field) > 0 {
		return r.httpVariable(field, value, lim)
	}
	if bytes.IndexByte(value, 0) >= 0 {
		return bad("NUL in a uwsgi variable") // it ends strings on the way to the application
	}
	if !anyBytes(name) && valueEnd(value, 0) != len(value) {
		return bad("control byte in a uwsgi variable")
	}
	switch string(name) {
	case "PATH_INFO":
		seen.path = value
		return twice(seen.once(0))
	case "REQUEST_METHOD":
		return r.uwsgiMethod(value, seen)
	case "REQUEST_URI":
		r.Target = value
		return twice(seen.once(2))
	case "QUERY_STRING":
		seen.query = value
		return twice(seen.once(3))
	case "SCRIPT_NAME":
		seen.script = value
		return twice(seen.once(4))
	case "CONTENT_LENGTH":
		if len(value) == 0 {
			return nil // a request without a body, as nginx says it
		}
		return r.noteContentLength(value)
	case "CONTENT_TYPE":
		if len(value) == 0 {
			return nil
		}
		r.Fields = append(r.Fields, Field{Name: []byte("Content-Type"), Value: value})
		return r.noteContentType()
	}
	if bytes.HasPrefix(name, []byte("UWSGI_")) {
		return nil // orders to a uWSGI server, to load code for one: nothing of them is obeyed
	}
	r.Vars = append(r.Vars, Field{Name: name, Value: value})
	return nil
}

// anyBytes reports whether a variable may hold control bytes: a path that is decoded,
// and what is for the application alone, such as Apache's SERVER_SIGNATURE, which is HTML.
func anyBytes(name []byte) bool {
	switch string(name) {
	case "SERVER_SIGNATURE", "PATH_INFO":
		return true
	}
	for _, ours := range []string{"REQUEST_", "CONTENT_", "SERVER_", "REMOTE_", "QUERY_", "SCRIPT_", "HTTPS"} {
		if bytes.HasPrefix(name, []byte(ours)) {
			return false
		}
	}
	return true
}

func twice(first bool) error {
	if first {
		return nil
	}
	return bad("uwsgi variable given twice")
}

func (r *Request) uwsgiMethod(value []byte, seen *uwsgiSeen) error {
	switch {
	case !isToken(value):
		return bad("method is not a token")
	case len(value) > maxMethod:
		return refuse(501, "method too long")
	}
	r.Method = value
	return twice(seen.once(1))
}

// httpVariable takes a header field. Those that frame a message, or steer a connection,
// are the front server's and say nothing of this one; it sends Content-Type and
// Content-Length as variables of their own.
func (r *Request) httpVariable(name, value []byte, lim *Limits) error {
	switch {
	case valueEnd(value, 0) != len(value):
		return bad("control byte in a field value")
	case len(name)+len(value) > lim.FieldSize:
		return refuse(431, "header field too large")
	case len(r.Fields) >= lim.Fields:
		return refuse(431, "too many header fields")
	}
	for i, c := range name {
		if c == '_' {
			name[i] = '-'
		}
	}
	if slices.ContainsFunc(notHandedOn, func(s string) bool { return foldsTo(name, s) }) {
		return nil
	}
	if foldsTo(name, "host") && len(value) == 0 {
		return nil
	}
	r.Fields = append(r.Fields, Field{Name: name, Value: value})
	return r.note(name, value)
}

var notHandedOn = []string{
	"content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
	"proxy-connection", "expect",
}

// settleUwsgi draws the conclusions from all variables together.
func (r *Request) settleUwsgi(seen *uwsgiSeen) error {
	if r.Method == nil {
		return bad("uwsgi packet without REQUEST_METHOD")
	}
	if len(r.Target) == 0 {
		r.Target = nil
	}
	if r.Target != nil {
		if err := r.parseTarget(); err != nil {
			return err
		}
	}
	if len(seen.path) > 0 {
		if seen.path[0] != '/' {
			return bad("PATH_INFO does not begin with a slash")
		}
		r.Path, r.Decoded, r.Form = seen.path, true, OriginForm
		if s := seen.script; len(s) > 0 && s[0] == '/' && !below(seen.path, s) {
			r.Path = append(slices.Clone(s), seen.path...)
		}
	}
	if r.Path == nil {
		return bad("uwsgi packet without REQUEST_URI and PATH_INFO")
	}
	if len(seen.query) > 0 {
		if err := r.parseQuery(seen.query); err != nil {
			return err
		}
	}
	if err := r.settleHost(); err != nil {
		return err
	}
	r.Close = true
	return nil
}

// below reports whether a path is another, or a part of it.
func below(path, outer []byte) bool {
	rest, found := bytes.CutPrefix(path, outer)
	return found && (len(rest) == 0 || rest[0] == '/' || outer[len(outer)-1] == '/')
}

func isAlphanumeric(c byte) bool {
	return isDigit(c) || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// Var returns the value of a variable that a gateway has sent, nil without one.
func (r *Request) Var(name string) []byte {
	for i := range r.Vars {
		if string(r.Vars[i].Name) == name {
			return r.Vars[i].Value
		}
	}
	return nil
}
