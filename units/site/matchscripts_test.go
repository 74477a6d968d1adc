package site

import (
	"fmt"
	"testing"
)

// TestScriptPattern: a script fits if the groups of the expression can make its name.
func TestScriptPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		match, script, path string
		fits                bool
	}{
		{`^/([^/]+)/site`, "/srv/sites/$1/app.py", "/one/app.py", true},
		{`^/([^/]+)/site`, "/srv/sites/$1/app.py", "/one/two/app.py", false},
		{`^/([^/]+)/site`, "/srv/sites/$1/app.py", "/one/app.pyc", false},
		{`^/([^/]+)/site`, "/srv/sites/$1/app.py", "/one/appxpy", false},
		{`^/([a-z]+)/site`, "/srv/sites/$1/app.py", "/OLD/app.py", false},
		{`^/((?:[a-z]+/)*)site`, "/srv/sites/x-$1app.py", "/x-a/b/app.py", true},
		{`(?i)^/(a|b(c))/`, "/srv/sites/$1/$2.py", "/BC/c.py", true},
		{`^/(a|b(c))/`, "/srv/sites/$1/x$2.py", "/a/x.py", true},
		{`^/(a)/`, "/srv/sites/x$1.py", "/x.py", false},
		{`^/(\w+)/`, "/srv/sites/$1/$1.wsgi", "/one/one.wsgi", true},
		{`^/(\w+)/`, "/srv/sites/$1/$1.wsgi", "/one/two.wsgi", false},
		{`^/(\pL+)/`, "/srv/sites/$1.wsgi", "/\u00e9.wsgi", true},
		{`^/wiki(/.*)?$`, "/srv/sites/wiki.py$1", "/wiki.py", true},
		{`^/(.+)$`, "/srv/sites/$1", "/a\nb", false},
	} {
		s := mustParse(t, fmt.Sprintf("[[mount]]\npath-match = '%s'\nscript = '%s'\n", c.match, c.script))
		p := s.Mounts[0].ScriptPattern()
		if p == nil || p.Directory != "/srv/sites" || p.Fits(c.path) != c.fits {
			t.Errorf("%s with %s: %s fits: %t", c.match, c.script, c.path, !c.fits)
		}
	}
	for _, script := range []string{"/srv/sites/one.py", "/srv/sites$0"} {
		if p := (&Mount{PathMatch: "^/(a)", Script: script}).ScriptPattern(); p != nil {
			t.Errorf("%s has a pattern: %+v", script, p)
		}
	}
}
