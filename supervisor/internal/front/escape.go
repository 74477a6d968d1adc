package front

import "strings"

// appendEscapedPath appends a decoded path, percent-encoded: what is not clearly a part of
// a path is (RFC 3986, 3.3), so that nothing in it ends the path, or a line.
func appendEscapedPath(b, path []byte) []byte { return appendPercent(b, path, "/:@!$&'()*+,;=") }

// appendEscapedValue appends text as one value in a query string: what would begin
// another one is percent-encoded, too.
func appendEscapedValue(b, text []byte) []byte { return appendPercent(b, text, "/:@,") }

// appendPercent appends text with everything percent-encoded that is not unreserved (RFC
// 3986, 2.3) and not among the characters that stay as they are.
func appendPercent(b, text []byte, stay string) []byte {
	for _, c := range text {
		if isUnreserved(c) || strings.IndexByte(stay, c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// appendQueryBytes appends a part of a query string as it is, but for bytes that cannot
// stand in an address.
func appendQueryBytes(b, query []byte) []byte {
	for _, c := range query {
		if c > ' ' && c < 0x7f && strings.IndexByte("\"#<>\\", c) < 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// unescapeLoosely undoes percent-encoding; a "%" without two digits is left, as browsers
// send it in query strings.
func unescapeLoosely(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && unhex(text[i+1]) >= 0 && unhex(text[i+2]) >= 0 {
			out = append(out, byte(unhex(text[i+1])<<4|unhex(text[i+2])))
			i += 2
			continue
		}
		out = append(out, text[i])
	}
	return out
}
