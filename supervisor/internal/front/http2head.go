package front

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// What Go's server for HTTP/2 lets through although RFC 9113 calls it malformed, and what
// would mean something else as HTTP/1.1.
var (
	errMethod    = errors.New("the method has characters that no method has")
	errTarget    = errors.New("the path is not one that begins with a slash")
	errAuthority = errors.New("the authority has characters that no host name has")
	errHosts     = errors.New("the authority and the Host field name two hosts")
	errValue     = errors.New("a field value begins or ends with white space, or has line ends in it")
	errLength    = errors.New("the Content-Length is not that of the body")
)

// appendHead appends the request as the head of one in HTTP/1.1. The engine judges it as
// any other; refused here is only what it would not see as it was sent (RFC 9113, 8.2.1
// and 8.3.1). Length is that of the body, -1 for one of unknown length.
func appendHead(b []byte, r *http.Request) (head []byte, length int64, err error) {
	switch target := r.RequestURI; {
	case hasBlank(r.Method) || r.Method == "":
		return b, 0, errMethod
	case r.Method != http.MethodConnect && target != "*" && (target == "" || target[0] != '/') || hasBlank(target):
		return b, 0, errTarget
	case hasBlank(r.Host):
		return b, 0, errAuthority
	}
	for _, host := range r.Header["Host"] {
		if host != r.Host {
			return b, 0, errHosts
		}
	}
	if length, err = bodyLength(r); err != nil {
		return b, 0, err
	}
	b = append(append(append(append(b, r.Method...), ' '), r.RequestURI...), " HTTP/1.1\r\n"...)
	if r.Host != "" {
		b = appendField(b, "Host", r.Host) // without one the engine says what is missing
	}
	for name, values := range r.Header {
		if ownField(name) {
			continue
		}
		for _, value := range values {
			if !whole(value) {
				return b, 0, errValue
			}
			b = appendField(b, name, value)
		}
	}
	switch {
	case length < 0:
		b = appendField(b, "Transfer-Encoding", "chunked")
	case length > 0 || needsLength([]byte(r.Method)):
		b = appendField(b, "Content-Length", strconv.FormatInt(length, 10))
	}
	return append(b, '\r', '\n'), length, nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(append(b, name...), ": "...), value...)
	return append(b, '\r', '\n')
}

// ownField names the fields that the translation sets itself, or that mean a hop.
func ownField(name string) bool {
	switch name {
	case "Host", "Content-Length", "Te", "Trailer", "Expect", "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// bodyLength is what Content-Length says, which the end of the stream must not contradict
// (RFC 9113, 8.1.1); Go's server sees to the bytes of a body that there is.
func bodyLength(r *http.Request) (int64, error) {
	said := r.Header["Content-Length"]
	if len(said) == 0 {
		return r.ContentLength, nil // 0 for a stream that ended with its head
	}
	n, err := strconv.ParseUint(said[0], 10, 63)
	if err != nil || len(said) > 1 || int64(n) != r.ContentLength {
		return 0, errLength
	}
	if n == 0 {
		return -1, nil // the stream may not have ended yet, and is to end without a byte
	}
	return r.ContentLength, nil
}

// hasBlank reports what would end a part of the head early.
func hasBlank(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// whole reports whether a field value is as it would be read again in HTTP/1.1.
func whole(value string) bool {
	if strings.ContainsAny(value, "\r\n\x00") {
		return false
	}
	return value == "" || !isBlank(value[0]) && !isBlank(value[len(value)-1])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
