package front

import (
	"bytes"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// compression is what a place compresses.
type compression struct {
	types   map[string]bool // in lower case
	kinds   []string        // "text/" for "text/*"
	minimum int64           // bytes
}

// newCompression returns nil for a place that compresses nothing.
func newCompression(p *site.Policy) *compression {
	if len(p.Compress) == 0 {
		return nil
	}
	c := &compression{types: map[string]bool{}, minimum: p.CompressMinimum}
	for _, name := range p.Compress {
		name = strings.ToLower(name)
		if kind, all := strings.CutSuffix(name, "*"); all {
			c.kinds = append(c.kinds, kind)
		} else {
			c.types[name] = true
		}
	}
	return c
}

// has reports whether a Content-Type is one of those that are compressed.
func (c *compression) has(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte(";"))
	name := strings.ToLower(string(bytes.TrimSpace(kind)))
	if c.types[name] {
		return true
	}
	for _, k := range c.kinds {
		if strings.HasPrefix(name, k) {
			return true
		}
	}
	return false
}

// takesGzip reports whether a client likes gzip better than nothing done (RFC 9110, 12.5.3).
func takesGzip(fields []http1.Field) bool {
	for _, c := range codingsOf(fields) {
		switch c.name {
		case "gzip":
			return true
		case "":
			return false
		}
	}
	return false
}

// responseFacts are what a head says of whether its body may be compressed.
type responseFacts struct {
	status   int
	declared int64 // Content-Length; -1 without one
	may      bool  // as far as the head says
}

// facts reads a head. It is not ok for one that is not well-formed, which the engine refuses.
func (c *compression) facts(head http1.Head) (facts responseFacts, ok bool) {
	var parsed http1.ResponseHead
	if parsed.ParseResponseHead(head.Block, head.Count, head.MaxLine) != nil {
		return facts, false
	}
	typed, fixed := false, false
	for i := range parsed.Fields {
		f := &parsed.Fields[i]
		switch string(bytes.ToLower(f.Name)) {
		case "content-type":
			typed = c.has(f.Value)
		case "location":
			fixed = fixed || parsed.Status == 200 // perhaps a local redirect
		case "content-encoding", "content-range", "content-md5", "content-digest", "repr-digest", "digest":
			fixed = true
		case "cache-control":
			fixed = fixed || hasWord(f.Value, "no-transform")
		}
	}
	switch parsed.Status {
	case 204, 205, 206, 304:
		fixed = true
	}
	return responseFacts{status: parsed.Status, declared: parsed.ContentLength, may: typed && !fixed}, true
}

// hasWord reports whether a comma-separated list has a word, in whichever case.
func hasWord(list []byte, word string) bool {
	for _, one := range bytes.Split(list, []byte(",")) {
		if equalFold(bytes.TrimSpace(one), []byte(word)) {
			return true
		}
	}
	return false
}

// change says what becomes of a head.
type change struct {
	vary   bool // the response depends on Accept-Encoding
	packed bool // it is compressed
	// weak is an entity tag that becomes a weak one; "" for none, "*" for any.
	weak string
}

// of is a head that is changed.
func (ch change) of(head http1.Head) http1.Head {
	const longer = 32 // what may come to a line, in bytes
	line, rest, more := bytes.Cut(head.Block, []byte{0})
	to := http1.Head{Block: append(make([]byte, 0, len(head.Block)+80), line...), MaxLine: head.MaxLine + longer}
	varies := false
	for more {
		var name, value []byte
		name, rest, _ = bytes.Cut(rest, []byte{0})
		value, rest, more = bytes.Cut(rest, []byte{0})
		text := string(value)
		switch string(bytes.ToLower(name)) {
		case "content-length", "accept-ranges":
			if ch.packed {
				continue
			}
		case "vary":
			if ch.vary && !varies {
				text, varies = withAcceptEncoding(text), true
			}
		case "etag":
			if len(text) > 0 && text[0] == '"' && (ch.weak == "*" || ch.weak == text) {
				text = "W/" + text
			}
		}
		addField(&to, string(name), text)
	}
	if ch.vary && !varies {
		addField(&to, "Vary", "Accept-Encoding")
	}
	if ch.packed {
		addField(&to, "Content-Encoding", "gzip")
	}
	return to
}

// withAcceptEncoding is the value of a Vary field that has that name, too.
func withAcceptEncoding(value string) string {
	switch {
	case hasWord([]byte(value), "*") || hasWord([]byte(value), "Accept-Encoding"):
		return value
	case strings.TrimSpace(value) == "":
		return "Accept-Encoding"
	}
	return value + ", Accept-Encoding"
}

// weakOf is the strong tag of a response that the client has as a weak one: it has got it
// compressed. "" for none.
func weakOf(tags []byte, head http1.Head) string {
	var parsed http1.ResponseHead
	if len(tags) == 0 || parsed.ParseResponseHead(head.Block, head.Count, head.MaxLine) != nil {
		return ""
	}
	tag, _ := fieldValue(parsed.Fields, "ETag")
	if len(tag) > 0 && tag[0] == '"' && bytes.Contains(tags, append([]byte("W/"), tag...)) {
		return string(tag)
	}
	return ""
}
