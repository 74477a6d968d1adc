package front

import "errors"

var (
	errEscape   = errors.New("the path leads above the root")
	errEncoding = errors.New("the path is not percent-encoded correctly")
)

// cleanPath appends the decoded form of a raw path to dst: percent-encoding
// undone once, repeated slashes as one, "." and ".." segments resolved
// (RFC 3986, 5.2.4). It fails when ".." leads above the root.
func cleanPath(dst, raw []byte) ([]byte, error) { return resolve(dst, raw, true) }

// cleanDecoded is cleanPath for a path that is percent-decoded already.
func cleanDecoded(dst, path []byte) ([]byte, error) { return resolve(dst, path, false) }

func resolve(dst, raw []byte, encoded bool) ([]byte, error) {
	base := len(dst)
	if plain(raw) {
		return append(dst, raw...), nil
	}
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' && encoded {
			if i+2 >= len(raw) {
				return dst, errEncoding
			}
			high, low := unhex(raw[i+1]), unhex(raw[i+2])
			if high < 0 || low < 0 {
				return dst, errEncoding
			}
			c = byte(high<<4 | low)
			i += 2
		}
		if c == '/' {
			var err error
			if dst, err = closeSegment(dst, base); err != nil {
				return dst, err
			}
			if n := len(dst); n > base && dst[n-1] == '/' {
				continue
			}
		}
		dst = append(dst, c)
	}
	return closeSegment(dst, base)
}

// closeSegment resolves the last segment of dst[base:] if it is "." or "..";
// the slash before it stays.
func closeSegment(dst []byte, base int) ([]byte, error) {
	n := len(dst)
	switch {
	case n-base >= 2 && dst[n-1] == '.' && dst[n-2] == '/':
		return dst[:n-1], nil
	case n-base >= 3 && dst[n-1] == '.' && dst[n-2] == '.' && dst[n-3] == '/':
		n -= 3
		if n == base {
			return dst, errEscape
		}
		for n > base && dst[n-1] != '/' {
			n--
		}
		return dst[:n], nil
	}
	return dst, nil
}

// plain reports whether a path is its own clean form.
func plain(raw []byte) bool {
	previous := byte(0)
	for _, c := range raw {
		if c == '%' || (previous == '/' && (c == '/' || c == '.')) {
			return false
		}
		previous = c
	}
	return true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
