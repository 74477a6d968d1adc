package front

import (
	"bytes"
	"net/netip"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// forwarding is what a place makes of the headers by which proxies tell of a request.
type forwarding struct {
	headers []forwardingHeader
	proxies *site.Peers
}

// forwardingHeader is one that the application gets only from a proxy that is trusted.
type forwardingHeader struct {
	site.Forwarding
	name []byte
	rank int // place in the list of the site file, from 1; 0 for one that is believed from nobody
}

// newForwarding returns nil for a place where no header is listed.
func newForwarding(p *site.Policy) *forwarding {
	var told [site.Facts]bool
	var all []forwardingHeader
	for _, h := range site.ForwardingHeaders() {
		entry := forwardingHeader{Forwarding: h, name: []byte(h.Name)}
		for i, listed := range p.TrustedHeaders {
			if equalFold(entry.name, []byte(listed)) {
				entry.rank = i + 1
				told[h.Tells] = true
			}
		}
		all = append(all, entry)
	}
	f := &forwarding{proxies: &p.TrustedProxies}
	for _, h := range all {
		if told[h.Tells] {
			f.headers = append(f.headers, h)
		}
	}
	if len(f.headers) == 0 {
		return nil
	}
	return f
}

// find returns the header of a name, nil if it is none of them.
func (f *forwarding) find(name []byte) *forwardingHeader {
	if name[0]|0x20 != 'x' {
		return nil
	}
	for i := range f.headers {
		if h := &f.headers[i]; equalFold(h.name, name) {
			return h
		}
	}
	return nil
}

// forwarded is what proxies have told of one request. Its slices are valid as long as
// the request's head is.
type forwarded struct {
	rules *forwarding // nil when no header tells anything
	// facts is nil until there were rules: a connection with a client of its own needs
	// no room for what proxies tell.
	facts *[site.Facts]fact
	// client is the address that X-Forwarded-For and its like tell; invalid if none.
	client  netip.AddrPort
	scratch []byte
}

// fact is what a request says of one of the facts.
type fact struct {
	header *forwardingHeader // nil when no header counts
	field  int               // the first field of that name
	value  []byte            // what counts of it, and what the application gets
}

// learn finds what a request's fields tell; from a peer that is not trusted nothing.
func (w *forwarded) learn(rules *forwarding, trusted bool, fields []http1.Field) {
	*w = forwarded{rules: rules, facts: w.facts, scratch: w.scratch[:0]}
	if rules != nil && w.facts == nil {
		w.facts = new([site.Facts]fact)
	}
	w.forget()
	if rules == nil || !trusted {
		return
	}
	for i := range fields {
		h := rules.find(fields[i].Name)
		if h == nil || h.rank == 0 {
			continue
		}
		if known := &w.facts[h.Tells]; known.header == nil || known.header.rank < h.rank {
			*known = fact{header: h, field: i}
		}
	}
	hops := w.learnClient(fields)
	for tells := site.HostFact; tells < site.Facts; tells++ {
		if known := &w.facts[tells]; known.header != nil && !known.learn(w.whole(fields, known), hops) {
			*known = fact{}
		}
	}
}

// forget drops what points into the request's head, which a connection that waits must
// not keep. Who the client is stays, for the access log.
func (w *forwarded) forget() {
	if w.facts != nil {
		*w.facts = [site.Facts]fact{}
	}
}

// whole is a field's value, with those of later fields of its name behind it.
func (w *forwarded) whole(fields []http1.Field, f *fact) []byte {
	name, value, joined := f.header.name, fields[f.field].Value, false
	for _, more := range fields[f.field+1:] {
		if !equalFold(more.Name, name) {
			continue
		}
		if !joined {
			start := len(w.scratch)
			w.scratch = append(w.scratch, value...)
			value, joined = w.scratch[start:], true
		}
		before := len(w.scratch) - len(value)
		w.scratch = append(append(w.scratch, ',', ' '), more.Value...)
		value = w.scratch[before:]
	}
	return value
}

// learnClient finds who the client is, and how many proxies that are known stand
// between it and the peer.
func (w *forwarded) learnClient(fields []http1.Field) (hops int) {
	known := &w.facts[site.ClientFact]
	if known.header == nil {
		return 0
	}
	value := w.whole(fields, known)
	if !known.header.List {
		known.value, w.client = value, parseClient(value)
	} else {
		known.value, w.client, hops = w.rules.walk(value)
	}
	if !w.client.IsValid() {
		*known = fact{}
	}
	return hops
}

// walk goes through the addresses of X-Forwarded-For from the last one on as long as
// they are those of trusted proxies. It returns the client's with what is behind it,
// and how many addresses that is. An element that is no address ends the walk: what
// has added it is then the client. The address is invalid if there is none.
func (f *forwarding) walk(list []byte) (rest []byte, client netip.AddrPort, behind int) {
	count := 0
	for end := len(list); end >= 0; {
		start := bytes.LastIndexByte(list[:end], ',') + 1
		if element := bytes.TrimSpace(list[start:end]); len(element) > 0 {
			address := parseClient(element)
			if !address.IsValid() {
				break
			}
			rest, client, behind = bytes.TrimSpace(list[start:]), address, count
			if f.proxies.Match(address.Addr(), false) < 0 {
				break
			}
			count++
		}
		end = start - 1
	}
	return rest, client, behind
}

// parseClient reads an address, alone or with a port ("192.0.2.1:80", "[2001:db8::1]:80").
// It is invalid when it is not one; port 0 stands for none.
func parseClient(text []byte) netip.AddrPort {
	s := string(bytes.TrimSpace(text))
	address, err := netip.ParseAddr(s)
	port := uint16(0)
	if err != nil {
		both, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.AddrPort{}
		}
		address, port = both.Addr(), both.Port()
	}
	return netip.AddrPortFrom(address.Unmap().WithZone(""), port)
}

// learn takes what counts of a header's value, from behind the elements of the last
// proxies. It reports whether that is valid.
func (f *fact) learn(value []byte, hops int) bool {
	if f.header.List {
		value = element(value, hops)
	}
	value = bytes.TrimSpace(value)
	f.value = value
	switch f.header.Tells {
	case site.HostFact:
		return validHost(value, true)
	case site.ServerFact:
		return validHost(value, false)
	case site.PortFact:
		return validPort(value)
	case site.ScriptFact:
		return f.learnScript(value)
	case site.SchemeFact:
		return f.https() || f.plain()
	}
	return false
}

// element is the one of a list before the last hops, or the first if there are fewer.
func element(list []byte, hops int) (found []byte) {
	for end := len(list); end >= 0; {
		start := bytes.LastIndexByte(list[:end], ',') + 1
		if e := bytes.TrimSpace(list[start:end]); len(e) > 0 {
			found = e
			if hops == 0 {
				break
			}
			hops--
		}
		end = start - 1
	}
	return found
}

// learnScript takes a path in the form of SCRIPT_NAME: decoded, without a slash at
// the end, and empty for the root.
func (f *fact) learnScript(value []byte) bool {
	if len(value) == 0 || value[0] != '/' {
		return false
	}
	path, err := cleanPath(nil, value)
	if err != nil || bytes.IndexByte(path, 0) >= 0 {
		return false
	}
	f.value = bytes.TrimSuffix(path, []byte("/"))
	return true
}

func (f *fact) https() bool {
	if f.header.Flag {
		return isAny(f.value, "on", "true", "1")
	}
	return isAny(f.value, "https")
}

func (f *fact) plain() bool {
	if f.header.Flag {
		return isAny(f.value, "off", "false", "0")
	}
	return isAny(f.value, "http")
}

func isAny(value []byte, words ...string) bool {
	for _, word := range words {
		if equalFold(value, []byte(word)) {
			return true
		}
	}
	return false
}

// validHost reports whether a value can stand where the name of a host is asked for:
// a name, or an address, with a port if that may be there.
func validHost(value []byte, withPort bool) bool {
	name, port := splitPort(value)
	if port != nil && (!withPort || !validPort(port)) || len(name) == 0 {
		return false
	}
	if name[0] == '[' {
		address, err := netip.ParseAddr(string(bytes.Trim(name, "[]")))
		return err == nil && address.Is6() && name[len(name)-1] == ']'
	}
	for _, c := range name {
		if nameBytes[c] == 0 && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func validPort(value []byte) bool {
	number := 0
	for _, c := range value {
		if c < '0' || c > '9' || number > 65535 {
			return false
		}
		number = number*10 + int(c-'0')
	}
	return number > 0 && number <= 65535
}
