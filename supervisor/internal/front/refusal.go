package front

import (
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// refusal is the answer to a request that the keys of its place do not let pass;
// status 0 if they do.
func (s *session) refusal() (status int, text, fields string) {
	req, policy := &s.conn.Request, &s.place.policy
	switch {
	case policy.RedirectHTTPS && s.scheme() != "https":
		return s.redirectToTLS()
	case s.place.rules.guarded && !s.admitted():
		return 403, "You may not see this from where you are.", ""
	case req.Chunked && !policy.ChunkedRequest && s.conn.Protocol == "":
		return 411, "The request needs a Content-Length: chunked bodies are not taken here.", ""
	case policy.OddHeaders == site.HeadersRefused && hasOddName(req.Fields):
		return 400, "The name of a header field has other characters than letters, digits and hyphens.", ""
	case policy.RequestBody > 0 && req.HasContentLength && req.ContentLength > policy.RequestBody:
		return 413, "The request body is larger than limit-request-body.", ""
	}
	return 0, "", ""
}

// hasOddName reports whether a field has a name that could be taken for another's in
// the environ.
func hasOddName(fields []http1.Field) bool {
	for i := range fields {
		for _, c := range fields[i].Name {
			if nameBytes[c] == 0 {
				return true
			}
		}
	}
	return false
}
