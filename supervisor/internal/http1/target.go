package http1

import "bytes"

// parseTarget sorts r.Target into its parts, by the forms that RFC 9112, 3.2 allows
// the method.
func (r *Request) parseTarget() error {
	t := r.Target
	switch {
	case len(t) == 0:
		return errSyntax()
	case string(r.Method) == "CONNECT":
		return r.parseAuthorityForm()
	case t[0] == '/':
		r.Form = OriginForm
		return r.parsePath(t)
	case string(t) == "*":
		return r.parseAsteriskForm()
	}
	return r.parseAbsoluteForm()
}

// parseAuthorityForm takes "host:port"; the port must be there (RFC 9110, 9.3.6).
func (r *Request) parseAuthorityForm() error {
	host, port, ok := splitAuthority(r.Target)
	if !ok || len(host) == 0 || len(port) == 0 {
		return bad("target of CONNECT is not host:port")
	}
	r.Form, r.Host = AuthorityForm, r.Target
	return nil
}

func (r *Request) parseAsteriskForm() error {
	if string(r.Method) != "OPTIONS" {
		return bad("target * with a method other than OPTIONS")
	}
	r.Form, r.Path = AsteriskForm, r.Target
	return nil
}

// parseAbsoluteForm takes "http://authority/path?query" and the same with https. It
// refuses userinfo, as RFC 9110, 4.2.4 wants of what comes from elsewhere.
func (r *Request) parseAbsoluteForm() error {
	scheme, rest, ok := bytes.Cut(r.Target, []byte("://"))
	if !ok || (!foldsTo(scheme, "http") && !foldsTo(scheme, "https")) {
		return bad("request target is neither a path nor an http or https URL")
	}
	n := bytes.IndexAny(rest, "/?")
	if n < 0 {
		n = len(rest)
	}
	authority := rest[:n:n]
	if host, _, ok := splitAuthority(authority); !ok || len(host) == 0 {
		return bad("invalid authority in the request target")
	}
	r.Form, r.Scheme, r.Host = AbsoluteForm, scheme[:len(scheme):len(scheme)], authority
	if n < len(rest) && rest[n] == '/' {
		return r.parsePath(rest[n:])
	}
	if err := r.parsePath(rest[n:]); err != nil {
		return err
	}
	// The path is "/" then; the target has one to point at, in "://".
	slash := len(scheme) + 1
	r.Path = r.Target[slash : slash+1 : slash+1]
	return nil
}

// parsePath takes a path and, after a "?", a query.
func (r *Request) parsePath(t []byte) error {
	i := 0
	for i < len(t) {
		if pathBytes[t[i]] {
			i++
			continue
		}
		if t[i] != '%' {
			break
		}
		if err := checkEscape(t[i:]); err != nil {
			return err
		}
		i += 3
	}
	r.Path = t[:i:i]
	if i == len(t) {
		return nil
	}
	if t[i] != '?' {
		return bad("byte in the path that must be percent-encoded")
	}
	return r.parseQuery(t[i+1:])
}

func (r *Request) parseQuery(q []byte) error {
	for _, c := range q {
		if !queryBytes[c] {
			return errSyntax()
		}
	}
	r.Query = q
	return nil
}

// checkEscape looks at the percent-encoded byte that b begins with. NUL is refused: no
// file or application has one in a name, and C code behind us would cut the path there.
func checkEscape(b []byte) error {
	if len(b) < 3 {
		return bad("cut-off percent-encoding in the path")
	}
	high, ok1 := unhex(b[1])
	low, ok2 := unhex(b[2])
	switch {
	case !ok1 || !ok2:
		return bad("invalid percent-encoding in the path")
	case high == 0 && low == 0:
		return bad("percent-encoded NUL in the path")
	}
	return nil
}
