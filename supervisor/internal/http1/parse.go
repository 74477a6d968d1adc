package http1

import "bytes"

// Field is one header field line as received; both slices point into the parsed
// buffer. Value is without the whitespace around it, and may be empty.
type Field struct{ Name, Value []byte }

// Form is the form of a request target (RFC 9112, 3.2).
type Form uint8

const (
	OriginForm    Form = iota // "/path?query"
	AbsoluteForm              // "http://host/path?query", as sent to proxies
	AuthorityForm             // "host:port", with CONNECT only
	AsteriskForm              // "*", with OPTIONS only
)

// Request is a parsed request head. The zero value is ready for Parse, and one value
// serves all requests of a connection. Every slice points into the buffer given to Parse
// and is valid as long as that is.
type Request struct {
	Method, Target []byte // as received

	Path   []byte // raw path of the target, undecoded; "/" when an absolute-form has none, "*" in asterisk-form, nil in authority-form
	Query  []byte // raw, without the "?"; nil when there is no "?", empty but not nil after a bare one
	Host   []byte // effective authority: that of the target in absolute-form and authority-form, else the Host field; nil on HTTP/1.0 without one
	Scheme []byte // of an absolute-form target as received, else nil

	Minor uint8 // HTTP/1.<Minor>: 0 or 1; later minor versions count as 1
	Form  Form

	Fields []Field // in the order received; the array is used again by the next Parse

	ContentLength    int64 // bytes of body; valid when HasContentLength
	HasContentLength bool
	Chunked          bool // the body has the chunked transfer coding; never with HasContentLength
	Close            bool // the connection must end after this exchange: "Connection: close", or HTTP/1.0 without keep-alive
	ExpectContinue   bool // the client waits for 100 before its body; never on HTTP/1.0

	// Gateway says that a server in front sent the request in the uwsgi protocol.
	// Close is set and Minor is 0 then, for the answer ends with the connection.
	Gateway bool
	// Vars are the variables of such a request that are neither fields nor in what is
	// above, in the order received. REMOTE_ADDR is one of them.
	Vars []Field
	// Decoded says that Path is percent-decoded already.
	Decoded bool

	seen seen // what the fields gave so far
}

// forget drops what points into a buffer that is given back: a connection that
// waits would keep it from being collected.
func (r *Request) forget() {
	clear(r.Fields)
	clear(r.Vars)
	*r = Request{Fields: r.Fields[:0], Vars: r.Vars[:0]}
}

// Parse parses head, a whole request head as measured by Scanner.Scan, with its empty
// line. It returns an *Error for what is not exactly right, and then r holds nothing of
// use. It does not allocate once Fields has grown to the connection's needs.
func (r *Request) Parse(head []byte, lim *Limits) error {
	*r = Request{Fields: r.Fields[:0], Vars: r.Vars[:0]}
	err := r.parse(head, lim)
	if err == nil {
		return nil
	}
	return explain(head, lim, err)
}

// explain finds the error to report for a refused head: the first violation of the
// grammar, as Scan would have reported it on the way, else what the parser found.
func explain(head []byte, lim *Limits, found error) error {
	var g grammar
	if err := g.check(head, lim); err != nil {
		return err
	}
	if g.at != atEnd || g.pos != len(head) {
		return bad("head is not complete")
	}
	return found
}

// errSyntax stands for any violation of the grammar. The parser only decides; the
// words come from explain.
func errSyntax() error { return bad("malformed request head") }

func (r *Request) parse(head []byte, lim *Limits) error {
	// Every loop below ends at a CR at the latest, thanks to this.
	if len(head) > lim.Head || !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		return errSyntax()
	}
	next, err := r.parseRequestLine(head, lim)
	if err != nil {
		return err
	}
	if err := r.parseFields(head, next, lim); err != nil {
		return err
	}
	return r.settle()
}

// parseRequestLine returns the index after the line.
func (r *Request) parseRequestLine(head []byte, lim *Limits) (next int, err error) {
	start := 0
	if head[0] == '\r' && head[1] == '\n' {
		start = 2
	}
	i := start
	for tokenBytes[head[i]] {
		i++
	}
	n := bytes.IndexByte(head[i+1:], ' ')
	end := i + 1 + n + len(" HTTP/1.1")
	if i == start || i-start > maxMethod || head[i] != ' ' || n < 0 ||
		end+2 > len(head) || end-start > lim.Line {
		return 0, errSyntax()
	}
	r.Method, r.Target = head[start:i:i], head[i+1:i+1+n:i+1+n]
	if !r.parseVersion(head[end-len("HTTP/1.1"):end]) || head[end] != '\r' || head[end+1] != '\n' {
		return 0, errSyntax()
	}
	return end + 2, r.parseTarget()
}

// parseVersion takes the eight bytes of an HTTP-version. A minor version above 1 is
// answered as 1.1 (RFC 9110, 2.5).
func (r *Request) parseVersion(v []byte) bool {
	r.Minor = 1
	if string(v) == "HTTP/1.1" {
		return true
	}
	if v[7] == '0' {
		r.Minor = 0
	}
	return string(v[:7]) == "HTTP/1." && isDigit(v[7])
}

// parseFields takes the field lines from i to the end of head. It appends to a local
// slice: storing the grown header through r with each line costs a write barrier each.
//
// The first request of a connection makes room for as many as its head may well have:
// a line is seldom shorter than 24 bytes.
func (r *Request) parseFields(head []byte, i int, lim *Limits) error {
	fields := r.Fields
	if fields == nil {
		fields = make([]Field, 0, min((len(head)-i)/24+1, 24))
	}
	for head[i] != '\r' {
		start := i
		for tokenBytes[head[i]] {
			i++
		}
		name := head[start:i:i]
		if len(name) == 0 || head[i] != ':' {
			return errSyntax()
		}
		i++
		for isBlank(head[i]) {
			i++
		}
		from := i
		i = valueEnd(head, i)
		if i+1 >= len(head) || head[i] != '\r' || head[i+1] != '\n' ||
			i-start > lim.FieldSize || len(fields) >= lim.Fields {
			return errSyntax()
		}
		value := trimEnd(head[from:i:i])
		fields = append(fields, Field{Name: name, Value: value})
		if err := r.note(name, value); err != nil {
			return err
		}
		i += 2
	}
	r.Fields = fields
	if i+2 != len(head) {
		return errSyntax()
	}
	return nil
}
