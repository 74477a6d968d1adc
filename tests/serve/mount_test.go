package serve_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const mountedSite = `
[group.web]
processes = 1
threads = 2

[group.other]
processes = 1
threads = 2

[group.third]
processes = 1
threads = 2

[[mount]]
path = "/"
script = {{app "environ.py"}}
group = "web"

[[mount]]
path = "/blog"
script = {{app "environ.py"}}
group = "web"

[[mount]]
path = "/blog/admin"
script = {{app "environ.py"}}
group = "other"

[[mount]]
path = "/other"
script = {{app "environ.py"}}
callable-object = "other"
group = "third"
`

// TestMounts: SCRIPT_NAME is the mount, PATH_INFO the rest, and the longest
// mount wins at a segment's border (RFC 3875 4.1.5 and 4.1.13).
func TestMounts(t *testing.T) {
	t.Parallel()
	s := startSite(t, mountedSite)
	tests := []struct{ target, script, path, group string }{
		{"/", "", "/", "web"},
		{"/blog", "/blog", "", "web"},
		{"/blog/", "/blog", "/", "web"},
		{"/blog/x/y", "/blog", "/x/y", "web"},
		{"/blogs", "", "/blogs", "web"},
		{"/blog/admin", "/blog/admin", "", "other"},
		{"/blog/admin/x", "/blog/admin", "/x", "other"},
		{"/blog/administration", "/blog", "/administration", "web"},
		{"//blog//x", "/blog", "/x", "web"},
		{"/%62log/x", "/blog", "/x", "web"},
		{"/BLOG/x", "", "/BLOG/x", "web"},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			s := s.in(t)
			e := s.ask(t, get(test.target))
			e.assertValue(t, "SCRIPT_NAME", test.script)
			e.assertValue(t, "PATH_INFO", test.path)
			e.assertValue(t, "mod_wsgi.process_group", test.group)
			e.assertValue(t, "REQUEST_URI", test.target)
		})
	}
	if body := s.getOK("/other"); body != "other\n" {
		t.Errorf("callable-object: %q", body)
	}
}

// TestNoMount: a path that no mount covers is 404 from the front end.
func TestNoMount(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1

[[mount]]
path = "/blog"
script = {{app "hello.py"}}
group = "web"
`)
	if a := s.get("/elsewhere"); a.status != http.StatusNotFound {
		t.Errorf("status %d, want 404", a.status)
	}
	s.getOK("/blog")
}

// TestModuleMount: module "pkg.mod:callable" found through python-path, with the group's
// environment and its switch interval.
func TestModuleMount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, "callables.py", `
import os, sys
def entry(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    text = "%s %s %s" % (os.environ["COLOUR"], os.getcwd(), sys.getswitchinterval())
    return [text.encode()]
`)
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	site := strings.NewReplacer("DIR", dir, "HOME", home).Replace(`
[group.web]
processes = 1
threads = 1
python-path = ["DIR"]
home = "HOME"
switch-interval = 0.25

[group.web.env]
COLOUR = "green"

[[mount]]
path = "/"
module = "callables:entry"
group = "web"
`)
	s := startSite(t, site)
	if got, want := s.getOK("/"), "green "+home+" 0.25"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMountStar: OPTIONS * names no resource (RFC 9110 section 9.3.7): the front end answers.
func TestMountStar(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "environ.py"))
	c := s.raw()
	c.send(head("OPTIONS", "*"))
	if a := c.response(http.MethodOptions); a.status/100 != 2 || a.body != "" {
		t.Errorf("status %d, body %.80q, want an empty 2xx", a.status, a.body)
	}
	c.send(get("/"))
	c.expect(http.StatusOK)
}
