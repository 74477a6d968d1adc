package http1

import "math"

// Chunked decodes a body in the chunked transfer coding (RFC 9112, 7.1), in place and
// in pieces of any size. It keeps no bytes of the body. The zero value begins a body under
// DefaultLimits.
type Chunked struct {
	at         chunkPlace
	err        error // the refusal, repeated by every later call
	left       int64 // payload bytes of the current chunk still to come
	digits     int   // of the current chunk-size
	extensions int   // bytes of chunk extensions so far
	trailers   trailers
}

// Reset prepares c for a body. The bounds of lim on fields hold for its trailer
// section; nil means DefaultLimits.
func (c *Chunked) Reset(lim *Limits) {
	*c = Chunked{}
	c.trailers.lim = lim
}

// Done reports whether the body has ended, with its trailer section. Bytes not consumed
// by then belong to the next message.
func (c *Chunked) Done() bool { return c.at == chunksDone }

// Next consumes the first n bytes of p, of which data, a part of p, is payload. It stops
// after each run of payload: call it again with p[n:]. It consumes all of p otherwise, so
// n is 0 only when p is empty, when the body is done, or with an error, which is an *Error
// and repeats.
func (c *Chunked) Next(p []byte) (data []byte, n int, err error) {
	for n < len(p) && c.at != chunksDone && c.err == nil {
		if c.at == inChunk {
			size := int(min(int64(len(p)-n), c.left))
			data = p[n : n+size : n+size]
			c.consume(size)
			return data, n + size, nil
		}
		c.err = c.step(p[n])
		n++
	}
	if c.err != nil {
		return nil, 0, c.err
	}
	return nil, n, nil
}

func (c *Chunked) consume(size int) {
	if c.left -= int64(size); c.left == 0 {
		c.at = afterChunk
	}
}

// A chunkPlace is where in a chunked body the decoder stands. The order matters to step.
type chunkPlace uint8

const (
	inSize        chunkPlace = iota
	beforeSemi               // whitespace that must end in a ";"
	beforeExtName            // after a ";"
	inExtName
	afterExtName   // whitespace that must end in "=" or ";"
	beforeExtValue // after a "="
	inExtValue
	inQuoted     // inside a quoted-string
	inQuotedPair // after a "\"
	afterQuoted
	afterSizeCR
	inChunk      // payload
	afterChunk   // the CR after payload
	afterChunkCR // and its LF
	inTrailers
	chunksDone
)

func (c *Chunked) step(b byte) error {
	switch {
	case c.at == inSize:
		return c.size(b)
	case c.at < afterSizeCR:
		return c.extension(b)
	case c.at == inTrailers:
		return c.trailer(b)
	}
	return c.lineEnd(b)
}

// size takes the digits of a chunk-size and what may follow them. Whitespace before
// the line's end is no part of the grammar.
func (c *Chunked) size(b byte) error {
	d, ok := unhex(b)
	switch {
	case ok && (c.digits == maxChunkDigits || c.left > math.MaxInt64>>4):
		return bad("chunk size too large")
	case ok:
		c.left = c.left<<4 | int64(d)
		c.digits++
		return nil
	case c.digits == 0:
		return bad("invalid chunk size")
	}
	switch {
	case b == '\r':
		c.at = afterSizeCR
	case b == ';' || isBlank(b):
		c.at = beforeSemi
		return c.extension(b)
	default:
		return bad("invalid chunk size")
	}
	return nil
}

// extension takes a byte of the chunk extensions, which are validated and forgotten.
func (c *Chunked) extension(b byte) error {
	if b != '\r' {
		c.extensions++
	}
	if c.extensions > maxChunkExtensions {
		return bad("chunk extensions too large")
	}
	next, ok := c.extensionPlace(b)
	if !ok {
		return bad("invalid chunk extension")
	}
	c.at = next
	return nil
}

// extensionPlace is the grammar of chunk-ext (RFC 9112, 7.1.1), with the whitespace
// around ";" and "=" that a recipient must take.
func (c *Chunked) extensionPlace(b byte) (next chunkPlace, ok bool) {
	switch c.at {
	case inQuoted:
		return quotedPlace(b)
	case inQuotedPair:
		return inQuoted, valueBytes[b]
	case beforeExtName:
		if isBlank(b) {
			return beforeExtName, true
		}
		return inExtName, tokenBytes[b]
	case beforeExtValue:
		return valuePlace(b)
	case inExtName, inExtValue:
		if tokenBytes[b] {
			return c.at, true
		}
	}
	return c.separatorPlace(b)
}

// separatorPlace takes what ends a name or a value.
func (c *Chunked) separatorPlace(b byte) (next chunkPlace, ok bool) {
	named := c.at == inExtName || c.at == afterExtName
	switch {
	case b == ';':
		return beforeExtName, true
	case b == '=':
		return beforeExtValue, named
	case isBlank(b) && named:
		return afterExtName, true
	case isBlank(b):
		return beforeSemi, true
	}
	return afterSizeCR, b == '\r' && c.at != beforeSemi && c.at != afterExtName
}

func valuePlace(b byte) (next chunkPlace, ok bool) {
	switch {
	case isBlank(b):
		return beforeExtValue, true
	case b == '"':
		return inQuoted, true
	}
	return inExtValue, tokenBytes[b]
}

func quotedPlace(b byte) (next chunkPlace, ok bool) {
	switch b {
	case '"':
		return afterQuoted, true
	case '\\':
		return inQuotedPair, true
	}
	return inQuoted, valueBytes[b]
}

// lineEnd takes the CR and LF around payload.
func (c *Chunked) lineEnd(b byte) error {
	want := byte('\n')
	if c.at == afterChunk {
		want = '\r'
	}
	switch {
	case b != want && c.at == afterSizeCR:
		return bad("CR without LF after a chunk size")
	case b != want:
		return bad("chunk data not followed by CRLF")
	case c.at == afterChunk:
		c.at = afterChunkCR
	case c.at == afterChunkCR:
		c.at, c.digits = inSize, 0
	case c.left > 0:
		c.at = inChunk
	default:
		c.at = inTrailers
	}
	return nil
}

func (c *Chunked) trailer(b byte) error {
	ended, err := c.trailers.step(b)
	if ended {
		c.at = chunksDone
	}
	return err
}
