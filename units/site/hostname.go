package site

import (
	"net/netip"
	"strings"
)

// AppendHost appends the one spelling by which host names are compared (RFC 9110,
// 4.2.3): lower case, without the dot of an absolute name, an address as
// [netip.Addr.String] gives it. host has no port; one of IPv6 may be in brackets.
func AppendHost(dst, host []byte) []byte {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	start := len(dst)
	colon := false
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		colon = colon || c == ':'
		dst = append(dst, c)
	}
	if colon {
		if addr, err := netip.ParseAddr(string(dst[start:])); err == nil {
			return addr.AppendTo(dst[:start])
		}
	}
	if n := len(dst); n > start+1 && dst[n-1] == '.' {
		return dst[:n-1]
	}
	return dst
}

// hostKey is that for a name of a site file, where "*." stays in front.
func hostKey(name string) string { return string(AppendHost(nil, []byte(name))) }

// checkHostPattern takes what checkHost does, and "*." before the name of a domain.
func checkHostPattern(s string) *fault {
	domain, wild := strings.CutPrefix(s, "*.")
	if !strings.Contains(s, "*") {
		return checkHost(s)
	}
	if !wild || strings.Contains(domain, "*") {
		f := &fault{msg: quote(s) + " is not a host name", hint: `"*" stands for whole labels at the beginning: "*.example.org"`}
		if s == "*" {
			f.hint = "default-host = true takes every name that no other host has"
		}
		return f
	}
	if _, err := netip.ParseAddr(domain); err == nil {
		return &fault{msg: quote(s) + " is not a host name", hint: "an address has no names below it"}
	}
	return checkHost(domain)
}
