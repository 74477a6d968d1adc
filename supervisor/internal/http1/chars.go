package http1

import (
	"encoding/binary"
	"math/bits"
)

// A byteSet says for each byte whether it belongs to a class of characters. The
// sets below are written once, here, and only read.
type byteSet [256]bool

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var (
	// tokenBytes is tchar of RFC 9110, 5.6.2.
	tokenBytes = setOf(alphanumeric + "!#$%&'*+-.^_`|~")

	// pathBytes is what a path may hold beside "%": pchar and "/" of RFC 3986, and
	// the visible characters that browsers leave unencoded in a path (URL Standard, "path
	// percent-encode set", past versions included). A backslash is not among them: programs
	// disagree on whether it separates segments.
	pathBytes = setOf(alphanumeric + "-._~!$&'()*+,;=:@/" + "[]^`{|}")

	// queryBytes is what a query may hold, and with that any part of a target. A "%" needs
	// no two digits after it: browsers send "?q=100%" as typed, and the query is handed on as it came.
	queryBytes = setOf(alphanumeric + "-._~!$&'()*+,;=:@/" + "[]^`{|}" + "?%\\")

	// hostBytes is reg-name of RFC 3986 without percent-encoding, which would be a
	// second spelling of the same name.
	hostBytes = setOf(alphanumeric + "-._~!$&'()*+,;=")

	// valueBytes is what a field value may hold: HTAB, SP, VCHAR, obs-text (RFC 9110, 5.5).
	valueBytes = fieldValueSet()
)

func setOf(members string) (s byteSet) {
	for i := range len(members) {
		s[members[i]] = true
	}
	return s
}

func fieldValueSet() (s byteSet) {
	for i := range s {
		s[i] = i == '\t' || (i >= ' ' && i != 0x7f)
	}
	return s
}

// valueEnd returns the index of the first byte of b, from i on, that a field value
// cannot hold, or len(b). It looks at eight bytes at a time: values are most of a head.
func valueEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		if m := controls(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			i += bits.TrailingZeros64(m) / 8
			if b[i] != '\t' {
				return i
			}
			i++
			continue
		}
		i += 8
	}
	for i < len(b) && valueBytes[b[i]] {
		i++
	}
	return i
}

// controls marks the bytes of x below 0x20 or equal to 0x7f by their top bit. The
// lowest mark is exact; a borrow can only set wrong ones above a right one.
func controls(x uint64) uint64 {
	const (
		each = 0x0101010101010101
		top  = 0x80 * each
	)
	del := x ^ 0x7f*each
	return (x-0x20*each)&^x&top | (del-each)&^del&top
}

// trimEnd cuts optional whitespace off the end of a field value.
func trimEnd(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// trim cuts optional whitespace off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return trimEnd(b)
}

// isBlank reports whether c is SP or HTAB, what RFC 9110, 5.6.3 calls whitespace.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isDigit(c byte) bool { return c-'0' <= 9 }

// unhex returns the value of a hexadecimal digit.
func unhex(c byte) (v byte, ok bool) {
	if isDigit(c) {
		return c - '0', true
	}
	if c |= 0x20; c-'a' <= 5 {
		return c - 'a' + 10, true
	}
	return 0, false
}

// foldsTo reports whether b is lower but for case. lower holds only lower-case
// letters, digits and "-", and b only printable characters.
func foldsTo(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// sameFold reports whether a and b are equal but for the case of ASCII letters.
func sameFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		return c | 0x20
	}
	return c
}
