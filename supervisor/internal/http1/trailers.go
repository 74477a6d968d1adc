package http1

// trailers checks a trailer section byte by byte and forgets it: nothing in WSGI
// could receive one. It is checked all the same, because what it ends is where the next
// request begins.
type trailers struct {
	lim    *Limits // nil: DefaultLimits
	at     place   // afterLineCR, atFieldStart, inName, inValue or afterLastCR
	begun  bool
	fields int
	total  int // bytes of the section
	line   int // bytes of the current line
	name   [longestForbidden + 1]byte
}

// step takes the next byte and reports whether it was the last of the section.
func (t *trailers) step(c byte) (ended bool, err error) {
	lim := t.limits()
	if t.total++; t.total > lim.Head {
		return false, refuse(431, "trailer section too large")
	}
	if !t.begun {
		t.begun, t.at = true, atFieldStart
	}
	switch t.at {
	case atFieldStart:
		return false, t.fieldStart(c, &lim)
	case inName, inValue:
		return false, t.field(c, &lim)
	}
	if c != '\n' {
		return false, bad("CR without LF")
	}
	ended = t.at == afterLastCR
	t.at = atFieldStart
	return ended, nil
}

func (t *trailers) limits() Limits {
	if t.lim == nil {
		return DefaultLimits()
	}
	return *t.lim
}

func (t *trailers) fieldStart(c byte, lim *Limits) error {
	switch {
	case c == '\r':
		t.at = afterLastCR
		return nil
	case isBlank(c):
		return bad("folded trailer line")
	case t.fields >= lim.Fields:
		return refuse(431, "too many trailer fields")
	}
	t.fields++
	t.at, t.line = inName, 0
	return t.field(c, lim)
}

func (t *trailers) field(c byte, lim *Limits) error {
	n := t.line
	t.line++
	switch {
	case c == '\n':
		return bad("LF without CR")
	case c == '\r' && t.at == inValue:
		t.at = afterLineCR
		return nil
	case n >= lim.FieldSize:
		return refuse(431, "trailer field too large")
	case t.at == inValue:
		return checkValueByte(c)
	case c == ':' && n > 0:
		t.at = inValue
		return checkTrailerName(t.name[:min(n, len(t.name))])
	}
	if n < len(t.name) {
		t.name[n] = lower(c)
	}
	return checkNameByte(c)
}

// longestForbidden is the length of the longest name in checkTrailerName; a longer one
// is kept cut to one byte more, and matches none of them.
const longestForbidden = len("proxy-authorization")

// checkTrailerName refuses the fields that must be known before the body (RFC 9110,
// 6.5.1): framing, routing, request modifiers, authentication, and how to read the body.
func checkTrailerName(lower []byte) error {
	switch string(lower) {
	case "transfer-encoding", "content-length", "trailer", "connection", "keep-alive", "proxy-connection", "te", "upgrade",
		"host", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip",
		"cache-control", "expect", "max-forwards", "pragma", "range",
		"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
		"authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "cookie", "set-cookie",
		"content-encoding", "content-type", "content-range":
		return bad("field that is not allowed in a trailer section")
	}
	return nil
}
