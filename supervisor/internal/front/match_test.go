package front

import (
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

const matchSite = `limit-request-body = 1
[[mount]]
path = "/wiki/plain"
module = "a"
application-group = ""
[[mount]]
path-match = "^/wiki(/.*)?$"
script = "/srv/wiki.py$1"
application-group = ""
[[mount]]
path-match = "^/(old|new)/blog"
module = "a"
application-group = ""
limit-request-body = 2
[[mount]]
path-match = "^/sites/([a-z]+)"
script = "/srv/sites/$1/$1-app.py"
application-group = ""
[[mount]]
path = "/"
module = "a"
application-group = ""
[[location]]
path = "/new/blog/in"
limit-request-body = 3
`

// TestPathMatch: expressions come before paths, the first that matches counts; the match
// is SCRIPT_NAME, what follows it PATH_INFO, and both make the path of the script.
func TestPathMatch(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, matchSite) })
	for _, c := range []struct {
		path, script, info, file, application string
		limit                                 int64
	}{
		{"/wiki/plain", "/wiki/plain", "", "/wiki.py/plain", "1", 1},
		{"/wiki", "/wiki", "", "/wiki.py", "1", 1},
		{"/wikis", "", "/wikis", "-", "0", 1},
		{"/new/blog/x", "/new/blog", "/x", "-", "0", 2},
		{"/old/blogger", "/old/blog", "ger", "-", "0", 2},
		{"/new/blog/in/x", "/new/blog", "/in/x", "-", "0", 3},
		{"/a/new/blog", "", "/a/new/blog", "-", "0", 1},
		{"/sites/one/two", "/sites/one", "/two", "/one/one-app.py/two", "2", 1},
		{"/sites/", "", "/sites/", "-", "0", 1},
	} {
		s := sessionFor(t, f, "GET "+c.path+" HTTP/1.1\r\nHost: h\r\n\r\n")
		e := environOf(t, s)
		file, found := e[scriptPathKey]
		if !found {
			file = "-"
		}
		if e["SCRIPT_NAME"] != c.script || e["PATH_INFO"] != c.info || file != c.file || e[applicationKey] != c.application || s.place.policy.RequestBody != c.limit {
			t.Errorf("%s: SCRIPT_NAME %q, PATH_INFO %q, script %q of application %s, limit %d", c.path, e["SCRIPT_NAME"], e["PATH_INFO"], file, e[applicationKey], s.place.policy.RequestBody)
		}
	}
}
