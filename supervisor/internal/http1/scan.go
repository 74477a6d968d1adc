package http1

import "bytes"

// Scanner finds the end of a request head while it arrives. The zero value is ready.
//
// A head that is all there costs one search for its end. One that is not goes
// through a byte-by-byte grammar, so that what can never become a valid head is refused
// with its first wrong byte. Parse asks the same grammar why a head is wrong: how a
// request was cut into packets never changes the answer to it.
type Scanner struct {
	next int // where the search for the end goes on
	g    grammar
}

// Reset prepares s for the next head.
func (s *Scanner) Reset() { *s = Scanner{} }

// Scan looks at buf, all bytes of the head received so far; what earlier calls
// have seen must not have changed. It returns the length of the head with its empty line
// once that has come, 0 while more is needed, or an *Error. A head that was found has not
// been validated: that is Parse's, with the same limits.
func (s *Scanner) Scan(buf []byte, lim *Limits) (headEnd int, err error) {
	if end := s.findEnd(buf); end > 0 {
		return end, nil
	}
	return 0, s.g.check(buf, lim)
}

// findEnd returns the index after the first LF CR LF. Whether the LF had its CR is
// for the grammar to say.
func (s *Scanner) findEnd(buf []byte) int {
	for i := s.next; ; i++ {
		j := bytes.IndexByte(buf[i:], '\n')
		if j < 0 {
			s.next = len(buf)
			return 0
		}
		i += j
		if i+2 >= len(buf) {
			s.next = i
			return 0
		}
		if buf[i+1] == '\r' && buf[i+2] == '\n' {
			return i + 3
		}
	}
}

// A place is where in a head the grammar stands.
type place uint8

const (
	atStart place = iota
	afterStartCR
	inMethod
	inTarget
	inVersion
	afterLineCR
	atFieldStart
	inName
	inValue
	afterLastCR
	atEnd
)

// grammar is the syntax of RFC 9112, 2 to 5, as a machine that stops at the first
// byte that cannot be right. It knows nothing of meaning: whether a target suits its
// method, or what a field says, is looked at once the head is whole.
type grammar struct {
	at     place
	pos    int // bytes already looked at
	line   int // where the current line begins
	part   int // where the current part of the request line begins
	fields int // field lines begun
}

// check goes on where it stopped and returns the first violation in buf.
func (g *grammar) check(buf []byte, lim *Limits) error {
	for g.pos < len(buf) && g.at != atEnd {
		if g.pos >= lim.Head {
			return refuse(431, "request head too large")
		}
		if err := g.step(buf, lim); err != nil {
			return err
		}
		g.pos++
	}
	return nil
}

func (g *grammar) step(buf []byte, lim *Limits) error {
	c := buf[g.pos]
	switch g.at {
	case atStart:
		return g.start(c, lim)
	case afterStartCR:
		g.line = g.pos + 1
		return g.lineFeed(c, inMethod)
	case inMethod, inTarget, inVersion:
		return g.requestLine(buf, lim)
	case afterLineCR:
		return g.lineFeed(c, atFieldStart)
	case atFieldStart:
		return g.fieldStart(c, lim)
	case inName, inValue:
		return g.field(c, lim)
	case afterLastCR:
		return g.lineFeed(c, atEnd)
	}
	return bad("bytes after the end of the head")
}

// start takes the one empty line that RFC 9112, 2.2 lets a server skip, and names
// the usual mistake of speaking TLS to a plain port.
func (g *grammar) start(c byte, lim *Limits) error {
	switch c {
	case '\r':
		g.at = afterStartCR
		return nil
	case 0x16:
		return bad("TLS handshake on a port that speaks plain HTTP")
	}
	g.at = inMethod
	return g.method(c, lim)
}

func (g *grammar) lineFeed(c byte, then place) error {
	if c != '\n' {
		return bad("CR without LF")
	}
	g.at = then
	return nil
}

func (g *grammar) requestLine(buf []byte, lim *Limits) error {
	c := buf[g.pos]
	if c == '\n' {
		return bad("LF without CR")
	}
	switch g.at {
	case inMethod:
		return g.method(c, lim)
	case inTarget:
		return g.target(buf, lim)
	}
	return g.version(c, lim)
}

func (g *grammar) lineFull(lim *Limits) bool { return g.pos-g.line >= lim.Line }

func (g *grammar) method(c byte, lim *Limits) error {
	n := g.pos - g.line
	switch {
	case c == ' ' && n > 0:
		g.at, g.part = inTarget, g.pos+1
	case !tokenBytes[c]:
		return bad("method is not a token")
	case n >= maxMethod:
		return refuse(501, "method too long")
	case g.lineFull(lim):
		return refuse(414, "request line too long")
	}
	return nil
}

func (g *grammar) target(buf []byte, lim *Limits) error {
	c := buf[g.pos]
	switch {
	case g.lineFull(lim):
		return refuse(414, "request line too long")
	case queryBytes[c]:
		return nil
	case c == '\r':
		return bad("request line without HTTP version")
	case c != ' ':
		return bad("byte in the request target that must be percent-encoded")
	case g.pos == g.part:
		return bad("empty request target")
	case string(buf[g.line:g.pos]) == "PRI *":
		return refuse(505, "HTTP/2 preface on a port that speaks HTTP/1.1")
	}
	g.at, g.part = inVersion, g.pos+1
	return nil
}

// version takes "HTTP/1." DIGIT and CR. Letters are case-sensitive (RFC 9112, 2.3).
func (g *grammar) version(c byte, lim *Limits) error {
	const form = "HTTP/1."
	n := g.pos - g.part
	switch {
	case n == len(form)+1 && c == '\r':
		g.at = afterLineCR
		return nil
	case n == len("HTTP/") && c != '1' && isDigit(c):
		return refuse(505, "HTTP version not supported")
	case n < len(form) && c != form[n], n == len(form) && !isDigit(c), n > len(form):
		return bad("malformed HTTP version")
	case g.lineFull(lim):
		return refuse(414, "request line too long")
	}
	return nil
}

func (g *grammar) fieldStart(c byte, lim *Limits) error {
	switch {
	case c == '\r':
		g.at = afterLastCR
		return nil
	case isBlank(c):
		return bad("folded field line")
	case g.fields >= lim.Fields:
		return refuse(431, "too many header fields")
	}
	g.fields++
	g.at, g.line = inName, g.pos
	return g.field(c, lim)
}

func (g *grammar) field(c byte, lim *Limits) error {
	n := g.pos - g.line
	switch {
	case c == '\n':
		return bad("LF without CR")
	case c == '\r' && g.at == inValue:
		g.at = afterLineCR
		return nil
	case n >= lim.FieldSize:
		return refuse(431, "header field too large")
	case g.at == inValue:
		return checkValueByte(c)
	case c == ':' && n > 0:
		g.at = inValue
		return nil
	}
	return checkNameByte(c)
}

func checkValueByte(c byte) error {
	if !valueBytes[c] {
		return bad("control byte in a field value")
	}
	return nil
}

func checkNameByte(c byte) error {
	switch {
	case tokenBytes[c]:
		return nil
	case isBlank(c):
		return bad("whitespace in a field name or before its colon")
	case c == '\r':
		return bad("field line without a colon")
	}
	return bad("field name is not a token")
}
