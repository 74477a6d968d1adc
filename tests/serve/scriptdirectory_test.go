package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScriptDirectory: what follows the path of the mount names a script below a
// directory; one that comes later is loaded when it is first asked for.
func TestScriptDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(app(t, "environ.py"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "one.wsgi", string(source))
	s := startSite(t, strings.ReplaceAll(`
warm-up = "/apps/one/ready"

[group.web]
processes = 1
threads = 2

[[mount]]
path = "/apps"
script-directory = "DIR"
group = "web"
`, "DIR", dir))
	writeFile(t, filepath.Join(dir, "sub"), "two.wsgi", string(source))
	writeFile(t, dir, "broken.wsgi", "raise ValueError('broken')\n")
	for _, c := range []struct{ target, script, path, file string }{
		{"/apps/one", "/apps/one", "", "one.wsgi"},
		{"/apps/one/a%20b/?q", "/apps/one", "/a b/", "one.wsgi"},
		{"/apps/sub/two/x", "/apps/sub/two", "/x", "sub/two.wsgi"},
		{"/apps/sub/../one", "/apps/one", "", "one.wsgi"},
	} {
		e := s.ask(t, get(c.target))
		e.assertValue(t, "SCRIPT_NAME", c.script)
		e.assertValue(t, "PATH_INFO", c.path)
		e.assertValue(t, "SCRIPT_FILENAME", filepath.Join(dir, c.file))
		e.assertValue(t, "wsgid.application", nil)
	}
	for target, status := range map[string]int{
		"/apps": http.StatusNotFound, "/apps/": http.StatusNotFound, "/apps/none": http.StatusNotFound, "/apps/one.wsgi": http.StatusNotFound,
		"/apps/%2e%2e/" + filepath.Base(dir) + "/one": http.StatusNotFound, "/apps/broken": http.StatusInternalServerError,
	} {
		if a := s.get(target); a.status != status || !strings.Contains(a.body, "request id: ") {
			t.Errorf("%s: status %d, %s, want %d and the request's id", target, a.status, a.body, status)
		}
	}
}
