package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPathMatch: an expression chooses the script, in and below one directory.
func TestPathMatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, err := os.ReadFile(app(t, "environ.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if err := os.MkdirAll(filepath.Join(dir, "sites", name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "sites", name), "app.py", string(source))
	}
	writeFile(t, filepath.Join(dir, "sites"), "wiki.py", string(source))
	writeFile(t, dir, "app.py", string(source))
	s := startSite(t, strings.ReplaceAll(`
[group.web]
processes = 1
threads = 2

[[mount]]
path-match = "^/([^/]+)/site"
script = "DIR/sites/$1/app.py"
group = "web"

[[mount]]
path-match = "^/wiki(/.*)?$"
script = "DIR/sites/wiki.py$1"
group = "web"
`, "DIR", dir))
	for _, c := range []struct{ target, script, path, file string }{
		{"/one/site", "/one/site", "", "one/app.py"},
		{"/two/site/a?b", "/two/site", "/a", "two/app.py"},
		{"/wiki", "/wiki", "", "wiki.py"},
		{"/wiki/a/b", "/wiki", "/a/b", "wiki.py"},
	} {
		e := s.ask(t, get(c.target))
		e.assertValue(t, "SCRIPT_NAME", c.script)
		e.assertValue(t, "PATH_INFO", c.path)
		e.assertValue(t, "SCRIPT_FILENAME", filepath.Join(dir, "sites", c.file))
		e.assertValue(t, "wsgid.path", nil)
	}
	for target, status := range map[string]int{
		"/three/site": http.StatusNotFound, "/.two/site": http.StatusNotFound, "/": http.StatusNotFound,
		"/..%2f/site": http.StatusBadRequest, "/%2e%2e%2fsites/site": http.StatusBadRequest,
	} {
		if a := s.get(target); a.status != status {
			t.Errorf("%s: status %d, %s, want %d", target, a.status, a.body, status)
		}
	}
}

// TestPathMatchPreload: scripts that are there are loaded before anybody asks for them, and
// what the expression cannot lead to is not.
func TestPathMatchPreload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const source = "open(__file__ + '.loaded', 'w').close()\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'there']\n"
	for _, name := range []string{"one", "two", "OLD", ".git"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), "app.py", source)
		writeFile(t, filepath.Join(dir, name), "helper.py", "raise ValueError('not an application')\n")
	}
	s := startSite(t, "[[mount]]\npath-match = '^/([a-z]+)/site'\nscript = '"+dir+"/$1/app.py'\n")
	for name, want := range map[string]bool{"one": true, "two": true, "OLD": false, ".git": false} {
		if _, err := os.Stat(filepath.Join(dir, name, "app.py.loaded")); (err == nil) != want {
			t.Errorf("%s is loaded: %t", name, err == nil)
		}
	}
	if got := s.getOK("/one/site"); got != "there" {
		t.Errorf("got %q", got)
	}
}
