package http1

// Limits bounds what one request head may cost. A zero bound allows nothing;
// start from DefaultLimits.
type Limits struct {
	Line      int // bytes of the request line without its CRLF; more is 414
	Fields    int // number of field lines, and again of trailer lines; more is 431
	FieldSize int // bytes of one field line without its CRLF; more is 431
	Head      int // bytes of the whole head, empty lines included, and again of a trailer section; more is 431
}

// DefaultLimits returns the bounds used when nothing else is configured. Line,
// Fields and FieldSize are the defaults of Apache httpd (LimitRequestLine,
// LimitRequestFields, LimitRequestFieldSize); Head is what nginx's
// large_client_header_buffers add up to. RFC 9112, 3 asks for at least 8000 bytes of
// request line.
func DefaultLimits() Limits {
	return Limits{Line: 8190, Fields: 100, FieldSize: 8190, Head: 32 << 10}
}

const (
	// maxMethod is the longest method taken, in bytes. The longest registered one
	// is UPDATEREDIRECTREF, 17.
	maxMethod = 32
	// maxChunkDigits is the longest chunk-size taken, leading zeros included.
	maxChunkDigits = 16
	// maxChunkExtensions bounds all chunk extensions of one body together, in bytes
	// (RFC 9112, 7.1.1 asks for a bound).
	maxChunkExtensions = 4 << 10
)
