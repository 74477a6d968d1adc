package front

import (
	"bytes"
	"errors"
)

// rewritten is a request that goes on with another address than it came with.
type rewritten struct {
	query []byte // that counts now; nil for none
	// oldPath is the clean path, and oldQuery the query string, of what the client has asked
	// for.
	oldPath, oldQuery []byte
}

// query is the query string that counts for the request; nil for none.
func (s *session) query() []byte {
	if s.rewritten != nil {
		return s.rewritten.query
	}
	return s.conn.Request.Query
}

// reroute sends the client elsewhere, status not 0 then, or has the request go on with
// another address, where the host says so.
func (s *session) reroute() (status int, text, fields string) {
	req := &s.conn.Request
	a := wanted{host: req.Host, method: req.Method, path: s.path, query: req.Query}
	if status, text, fields = s.redirect(&a); status != 0 {
		return status, text, fields
	}
	status, text = s.rewrite(a)
	return status, text, ""
}

// redirect is the answer to a request that is to be asked elsewhere; status 0 if it is not.
func (s *session) redirect(a *wanted) (status int, text, fields string) {
	for i := range s.vhost.reroutings.redirects {
		r := &s.vhost.reroutings.redirects[i]
		f, holds := r.find(a)
		if !holds {
			continue
		}
		switch r.status {
		case 404:
			return 404, "There is nothing at this address.", ""
		case 410:
			return 410, "What was at this address is gone for good.", ""
		}
		to := r.location(&f)
		if len(to) > s.conf.headSize {
			return 414, "The address that this one leads to is too long.", ""
		}
		return r.status, "This is to be found at another address.", "Location: " + string(to) + "\r\n"
	}
	return 0, "", ""
}

// rewrite has the request go on with another address where one counts in place of a, or
// says why it cannot.
func (s *session) rewrite(a wanted) (status int, text string) {
	old, changed := a, false
	for i := range s.vhost.reroutings.rewrites {
		r := &s.vhost.reroutings.rewrites[i]
		f, holds := r.find(&a)
		if !holds {
			continue
		}
		next, err := r.rewrite(&f, s.conf.headSize)
		switch {
		case errors.Is(err, errLong):
			return 414, "The address that this one stands for is too long."
		case err != nil:
			return 400, "The request cannot be served: " + err.Error() + "."
		}
		a, changed = next, true
		if r.last {
			break
		}
	}
	if changed {
		s.rewritten = &rewritten{query: a.query, oldPath: bytes.Clone(old.path), oldQuery: bytes.Clone(old.query)}
		s.path = append(s.path[:0], a.path...)
	}
	return 0, ""
}

var (
	errLong = errors.New("the address becomes too long")
	errNUL  = errors.New("the path contains a NUL")
)

// rewrite is what counts in place of another. Its path is as clean as that of
// any request.
func (r *rerouting) rewrite(f *found, longest int) (wanted, error) {
	next := *f.wanted
	raw := r.appendDecodedPath(nil, f)
	query, has := r.appendQuery(nil, f)
	if len(raw)+len(query) > longest {
		return next, errLong
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return next, errNUL
	}
	var err error
	if next.path, err = cleanDecoded(nil, raw); err != nil {
		return next, err
	}
	if next.query = nil; has {
		next.query = append([]byte{}, query...)
	}
	return next, nil
}

// appendRewritten tells the application which address the request came with, as Apache
// httpd does.
func (s *session) appendRewritten(e *environ) {
	if s.rewritten == nil {
		return
	}
	e.addBytes("REDIRECT_URL", s.rewritten.oldPath)
	if s.rewritten.oldQuery != nil {
		e.addBytes("REDIRECT_QUERY_STRING", s.rewritten.oldQuery)
	}
	e.add("REDIRECT_STATUS", "200")
}
