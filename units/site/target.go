package site

import (
	"net/netip"
	"strconv"
	"strings"
)

// Target is the To of a [Rerouting] in parts. What comes from the request stays inside of
// its part: Origin has nothing of it.
type Target struct {
	// Origin is the scheme and the host, "https://www.example.org", with a port if it is
	// written; "" for the host of the request.
	Origin string
	// Path is percent-encoded in a redirect and decoded in a rewrite. Empty only behind an
	// Origin.
	Path []TemplatePiece
	// Query is what stands behind "?"; HasQuery tells an empty one from none.
	Query    []TemplatePiece
	HasQuery bool
	// Fragment is what stands behind "#", with it; "" for none.
	Fragment string
}

// Target takes To apart; it must have passed the rules. It is empty if there is none.
func (r *Redirect) Target() Target {
	if r.LeadsNowhere() {
		return Target{}
	}
	t, _ := r.target()
	return t
}

// Target is that of the redirect, with a path that is decoded.
func (r *Rewrite) Target() Target {
	t, _ := r.target()
	for i := range t.Path {
		t.Path[i].Text, _ = unescape(t.Path[i].Text)
	}
	return t
}

// target takes To apart, or says what is wrong with it.
func (r *Rerouting) target() (Target, *fault) {
	if f := checkTargetText(r.To); f != nil {
		return Target{}, f
	}
	var t Target
	rest := r.To
	if before, fragment, found := strings.Cut(rest, "#"); found {
		rest, t.Fragment = before, "#"+fragment
	}
	rest, query, found := strings.Cut(rest, "?")
	t.HasQuery = found
	if scheme, after, found := strings.Cut(rest, "://"); found && !strings.Contains(scheme, "/") {
		n := strings.IndexByte(after, '/')
		if n < 0 {
			n = len(after)
		}
		if f := checkOrigin(r.To, scheme, after[:n]); f != nil {
			return Target{}, f
		}
		t.Origin, rest = scheme+"://"+after[:n], after[n:]
	} else if f := checkLocal(r.To, rest); f != nil {
		return Target{}, f
	}
	var f *fault
	groups := templateGroups{}
	groups.path, groups.query = r.Matchers()
	if t.Path, f = groups.parse(rest); f != nil {
		return Target{}, f
	}
	if t.Query, f = groups.parse(query); f != nil {
		return Target{}, f
	}
	if strings.Contains(t.Fragment, "$") {
		return Target{}, &fault{msg: quote(r.To) + ` has a "$" behind "#"`, hint: "nothing of a request comes there; write %24 for the character itself"}
	}
	return t, nil
}

// checkTargetText holds an address to the characters of one (RFC 3986, 2).
func checkTargetText(to string) *fault {
	for i := 0; i < len(to); i++ {
		switch c := to[i]; {
		case c == '%':
			one := to[i:min(i+3, len(to))]
			if one == "%00" {
				return &fault{msg: quote(to) + " contains a control character"}
			}
			if _, ok := unescape(one); !ok {
				return &fault{msg: quote(to) + ` has a "%" without two hexadecimal digits`, hint: "write %25 for the character itself"}
			}
		case strings.IndexByte("-._~!$&'()*+,;=:@/?#[]{}", c) < 0 && !isAlphanumeric(c):
			return &fault{msg: quote(to) + " has a character that an address has percent-encoded only", hint: "write " + escaped(to[i:])}
		}
	}
	return nil
}

// escaped is the first character of a text, percent-encoded.
func escaped(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i, c := range text {
		if i > 0 {
			break
		}
		for _, one := range []byte(string(c)) {
			b.Write([]byte{'%', digits[one>>4], digits[one&15]})
		}
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// unescape undoes percent-encoding; false for a "%" without two digits, and for NUL.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return s, false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil || n == 0 {
			return s, false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// checkOrigin: a host that could come from the request would send clients wherever an
// attacker's link says.
func checkOrigin(to, scheme, authority string) *fault {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.Contains(authority[i:], "]") {
		host, port = authority[:i], authority[i+1:]
	}
	switch {
	case scheme != "http" && scheme != "https":
		return &fault{msg: quote(to) + " has another scheme than http and https"}
	case strings.ContainsAny(host, "${}"):
		return &fault{
			msg:  quote(to) + " takes the host from the request, so that a link could lead anywhere",
			hint: `write the host, and a slash behind it: "https://www.example.org/$1"`,
		}
	case port != "" && !isDigits(port):
		return &fault{msg: quote(to) + " has a port that is no number"}
	case strings.HasPrefix(host, "["):
		if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil || !a.Is6() {
			return &fault{msg: quote(to) + " has no valid host"}
		}
		return nil
	}
	if f := checkHost(host); f != nil {
		return &fault{msg: quote(to) + " has no valid host"}
	}
	return nil
}

// checkLocal: browsers take the name behind two slashes for a host.
func checkLocal(to, path string) *fault {
	switch {
	case strings.HasPrefix(path, "//"):
		return &fault{msg: quote(to) + ` begins with "//", behind which clients see a host`, hint: `write one slash for a path, or "https://" and the host`}
	case !strings.HasPrefix(path, "/"):
		return &fault{msg: quote(to) + ` is neither a path that begins with "/" nor an address with https:// or http://`, hint: "write " + quote("/"+to)}
	}
	return nil
}
