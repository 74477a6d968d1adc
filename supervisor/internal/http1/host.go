package http1

import "bytes"

// splitAuthority splits uri-host [ ":" port ] (RFC 9110, 7.2) and reports whether it
// is valid. The host may be empty; the port is empty when absent, or when nothing follows
// the colon, which RFC 3986 allows. IPvFuture and zone identifiers are refused: nothing
// listens on the one, and the other has no meaning away from the client.
func splitAuthority(a []byte) (host, port []byte, ok bool) {
	host, rest := a, []byte(nil)
	if len(a) > 0 && a[0] == '[' {
		end := bytes.IndexByte(a, ']')
		if end < 0 || !validIPv6(a[1:end]) {
			return nil, nil, false
		}
		host, rest = a[:end+1], a[end+1:]
	} else {
		n := regNameEnd(a)
		host, rest = a[:n], a[n:]
	}
	if len(rest) == 0 {
		return host, nil, true
	}
	port = rest[1:]
	return host, port, rest[0] == ':' && validPort(port)
}

func regNameEnd(a []byte) int {
	for i, c := range a {
		if !hostBytes[c] {
			return i
		}
	}
	return len(a)
}

func validPort(p []byte) bool {
	n := 0
	for _, c := range p {
		if !isDigit(c) {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return true
}

// validIPv6 checks IPv6address of RFC 3986, 3.2.2: eight groups of hexadecimal
// digits, "::" once for one or more groups of zeros, and perhaps an IPv4 address in
// the place of the last two.
func validIPv6(a []byte) bool {
	groups, gap := 0, false
	if bytes.HasPrefix(a, []byte("::")) {
		gap, a = true, a[2:]
	}
	for len(a) > 0 {
		n := hexRun(a)
		if n < len(a) && a[n] == '.' {
			return validIPv4(a) && full(groups+2, gap)
		}
		if n == 0 || n > 4 || groups == 8 {
			return false
		}
		groups++
		if a = a[n:]; len(a) == 0 {
			break
		}
		if len(a) == 1 || a[0] != ':' {
			return false
		}
		if a = a[1:]; a[0] == ':' {
			if gap {
				return false
			}
			gap, a = true, a[1:]
		}
	}
	return full(groups, gap)
}

// full reports whether so many groups make an address, beside a gap or without one.
func full(groups int, gap bool) bool {
	if gap {
		return groups <= 7
	}
	return groups == 8
}

func hexRun(a []byte) int {
	for i, c := range a {
		if _, ok := unhex(c); !ok {
			return i
		}
	}
	return len(a)
}

func validIPv4(a []byte) bool {
	for parts := 1; ; parts++ {
		octet, rest, more := bytes.Cut(a, []byte("."))
		if !validOctet(octet) {
			return false
		}
		if !more {
			return parts == 4
		}
		a = rest
	}
}

// validOctet checks dec-octet: 0 to 255 without leading zeros.
func validOctet(o []byte) bool {
	if len(o) == 0 || len(o) > 3 || (o[0] == '0' && len(o) > 1) {
		return false
	}
	n := 0
	for _, c := range o {
		if !isDigit(c) {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 255
}
