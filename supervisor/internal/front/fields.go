package front

import (
	"bytes"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

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
