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
