package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const goodApplication = `
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"mended"]
`

// brokenApplications fail at import in every way; the key is what the log must say.
func brokenApplications(t *testing.T) map[string]string {
	t.Helper()
	missing, err := os.ReadFile(app(t, "broken.py"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"a_module_that_nobody_installed": string(missing),
		"SyntaxError":                    "def application(:\n",
		"ZeroDivisionError":              "1 / 0\n",
		"SystemExit":                     "raise SystemExit('not today')\n",
		"no_such_name_here":              "import os\nno_such_name_here\n",
		"'application'":                  "# nothing callable\n",
	}
}

// TestImportFailure: 503 in plain words, the traceback logged once per attempt with
// a growing delay between attempts, and service as soon as the file is mended.
func TestImportFailure(t *testing.T) {
	t.Parallel()
	for logged, source := range brokenApplications(t) {
		t.Run(logged, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, t.TempDir(), "app.py", source)
			s := start(t, path, "--processes", "2")
			a := s.get("/")
			assertErrorPage(t, a, http.StatusServiceUnavailable)
			if strings.Contains(a.body, path) || strings.Contains(a.body, "Traceback") {
				t.Errorf("the client is told too much: %q", a.body)
			}
			s.awaitText(logged)
			if err := os.WriteFile(path, []byte(goodApplication), 0o644); err != nil {
				t.Fatal(err)
			}
			eventually(t, 30*time.Second, "the mended application serves", func() bool {
				a := s.get("/")
				return a.status == http.StatusOK && a.body == "mended"
			})
		})
	}
}

// TestImportRestarts: an application that cannot be imported is tried again a few times, not in
// a busy loop. The application itself counts.
func TestImportRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	count := filepath.Join(dir, "count")
	path := writeFile(t, dir, "app.py", "open('"+count+"', 'ab').write(b'.')\nraise RuntimeError('at import')\n")
	s := start(t, path, "--processes", "1")
	time.Sleep(3 * time.Second) // the time that is measured
	attempts, err := os.ReadFile(count)
	if err != nil {
		t.Fatal(err)
	}
	if len(attempts) < 2 || len(attempts) > 8 {
		t.Errorf("%d attempts in 3 s, want a few with growing delay", len(attempts))
	}
	if logged := s.logCount("RuntimeError: at import"); logged != 1 {
		t.Errorf("the same traceback was logged %d times, want once", logged)
	}
}

// TestStartupTimeout: an import that never ends is ended.
func TestStartupTimeout(t *testing.T) {
	t.Parallel()
	path := writeFile(t, t.TempDir(), "app.py", "import time\nwhile True: time.sleep(1)\n")
	s := startSite(t, `
[group.web]
processes = 1
startup-timeout = "1s"

[[mount]]
path = "/"
script = "`+path+`"
group = "web"
`)
	a := s.get("/")
	assertErrorPage(t, a, http.StatusServiceUnavailable)
	if a.took > 10*time.Second {
		t.Errorf("after %v", a.took)
	}
}

// TestMissingScript: a script that does not exist is an error at once, with its name.
func TestMissingScript(t *testing.T) {
	t.Parallel()
	s := startWith(t, launch{notReady: true}, filepath.Join(t.TempDir(), "missing.py"))
	if !s.awaitExit(readyWithin) {
		t.Fatal("still running")
	}
	if s.err == nil {
		t.Error("exit status 0")
	}
	s.ended()
	if output := s.log.String() + s.out.String(); !strings.Contains(output, "missing.py") {
		t.Errorf("no word of the file: %q", output)
	}
}

// TestUnknownKey: a site file with an error is refused with file, line and key.
func TestUnknownKey(t *testing.T) {
	t.Parallel()
	path := siteOf(t, "[group.web]\nproceses = 2\n\n[[mount]]\npath = \"/\"\nscript = {{app \"hello.py\"}}\n")
	s := startWith(t, launch{notReady: true}, "--config", path)
	if !s.awaitExit(readyWithin) {
		t.Fatal("still running")
	}
	if s.err == nil {
		t.Error("exit status 0")
	}
	s.ended()
	output := s.log.String()
	for _, want := range []string{"blog.toml:2", "proceses", "processes"} {
		if !strings.Contains(output, want) {
			t.Errorf("%q does not say %q", output, want)
		}
	}
}
