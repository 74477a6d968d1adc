package http1

import (
	"bytes"
	"math"
)

// seen is what the fields that steer a message have said. Their meaning together is
// settled when all have been read.
type seen struct {
	host             []byte
	transferEncoding []byte // of the last such field
	hosts            int
	codings          int // Transfer-Encoding fields
	contentType      bool
	close, keepAlive bool
}

// note looks at one field. The switch on the length keeps the cost of the many
// fields that do not matter here at one comparison.
func (r *Request) note(name, value []byte) error {
	switch len(name) {
	case len("host"):
		if foldsTo(name, "host") {
			r.seen.host = value
			r.seen.hosts++
		}
	case len("expect"):
		if foldsTo(name, "expect") {
			return r.noteExpect(value)
		}
	case len("connection"):
		if foldsTo(name, "connection") {
			r.noteConnection(value)
		}
	case len("content-type"):
		if foldsTo(name, "content-type") {
			return r.noteContentType()
		}
	case len("content-length"):
		if foldsTo(name, "content-length") {
			return r.noteContentLength(value)
		}
	case len("transfer-encoding"):
		if foldsTo(name, "transfer-encoding") {
			r.seen.transferEncoding = value
			r.seen.codings++
		}
	}
	return nil
}

// noteExpect takes the one expectation there is (RFC 9110, 10.1.1). On HTTP/1.0 it
// must be ignored, for such a client would take the 100 for its response.
func (r *Request) noteExpect(value []byte) error {
	if len(value) == 0 {
		return nil
	}
	if !foldsTo(value, "100-continue") {
		return refuse(417, "unknown expectation")
	}
	r.ExpectContinue = r.Minor >= 1
	return nil
}

// noteConnection looks for the two options that concern us among a list of any.
func (r *Request) noteConnection(value []byte) {
	for len(value) > 0 {
		option := value
		if i := bytes.IndexByte(value, ','); i >= 0 {
			option, value = value[:i], value[i+1:]
		} else {
			value = nil
		}
		option = trim(option)
		switch len(option) {
		case len("close"):
			r.seen.close = r.seen.close || foldsTo(option, "close")
		case len("keep-alive"):
			r.seen.keepAlive = r.seen.keepAlive || foldsTo(option, "keep-alive")
		}
	}
}

// noteContentType refuses a second one: which of them an application would see is
// chance.
func (r *Request) noteContentType() error {
	if r.seen.contentType {
		return bad("more than one Content-Type")
	}
	r.seen.contentType = true
	return nil
}

// noteContentLength takes 1*DIGIT. RFC 9110, 8.6 would let a list of equal numbers
// pass; programs in front of us have read such lists differently.
func (r *Request) noteContentLength(value []byte) error {
	if r.HasContentLength {
		return bad("more than one Content-Length")
	}
	if len(value) == 0 {
		return bad("invalid Content-Length")
	}
	n, over := int64(0), false
	for _, c := range value {
		if !isDigit(c) {
			return bad("invalid Content-Length")
		}
		d := int64(c - '0')
		over = over || n > (math.MaxInt64-d)/10
		if !over {
			n = n*10 + d
		}
	}
	if over {
		return refuse(413, "Content-Length too large")
	}
	r.ContentLength, r.HasContentLength = n, true
	return nil
}

// settle draws the conclusions from all fields together.
func (r *Request) settle() error {
	r.Close = r.seen.close || (r.Minor == 0 && !r.seen.keepAlive)
	if err := r.settleHost(); err != nil {
		return err
	}
	if r.seen.codings > 0 {
		return r.settleTransferEncoding()
	}
	return nil
}

// settleHost checks RFC 9112, 3.2: exactly one Host on HTTP/1.1, and the same as the
// authority of a target that has one. RFC 9112, 3.2.2 would have the target win; two names in
// one request are refused instead, for a server beside us may have looked at the other.
func (r *Request) settleHost() error {
	switch {
	case r.seen.hosts > 1:
		return bad("more than one Host")
	case r.seen.hosts == 0 && r.Minor >= 1:
		return bad("no Host")
	case r.seen.hosts == 0:
		return nil
	}
	host, _, ok := splitAuthority(r.seen.host)
	switch {
	case !ok, len(host) == 0 && len(r.seen.host) > 0:
		return bad("invalid Host")
	case len(host) == 0 && r.Form != AsteriskForm:
		// An http URL always has a host (RFC 9110, 4.2.1); only "*" names none.
		return bad("empty Host")
	case r.Host == nil:
		r.Host = r.seen.host
	case !sameFold(r.Host, r.seen.host):
		return bad("Host differs from the authority of the request target")
	}
	return nil
}

// settleTransferEncoding accepts nothing but one "chunked". Everything that could be
// framed in two ways is refused (RFC 9112, 6.1 and 6.3).
func (r *Request) settleTransferEncoding() error {
	value := r.seen.transferEncoding
	switch {
	case r.Minor == 0:
		return bad("Transfer-Encoding on HTTP/1.0")
	case r.HasContentLength:
		return bad("Transfer-Encoding together with Content-Length")
	case r.seen.codings == 1 && foldsTo(value, "chunked"):
		r.Chunked = true
		return nil
	}
	return r.refuseCodings()
}

// refuseCodings tells a coding that we do not have (501) from a list that is wrong
// with any set of codings (400): chunked must come last, once and without parameters.
func (r *Request) refuseCodings() error {
	ended := false
	for _, f := range r.Fields {
		if !foldsTo(f.Name, "transfer-encoding") {
			continue
		}
		for coding := range bytes.SplitSeq(f.Value, []byte(",")) {
			name, _, hasParameter := bytes.Cut(trim(coding), []byte(";"))
			name = trimEnd(name)
			chunked := foldsTo(name, "chunked")
			if ended || !isToken(name) || (chunked && hasParameter) {
				return bad("invalid Transfer-Encoding")
			}
			ended = chunked
		}
	}
	return refuse(501, "transfer coding not supported")
}

// isToken reports whether b is a token (RFC 9110, 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(b) > 0
}
