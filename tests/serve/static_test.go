package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const staticSite = `
access-log = %[2]q
access-log-format = "common"

[group.main]
processes = 1
threads = 1

[[mount]]
path = "/"
script = {{app "hello.py"}}

[[static]]
path = "/static"
directory = %[1]q
expires = "5m"

[[static]]
path = "/"
directory = %[1]q
fallback = true
`

// TestStatic: files are served beside an application, and before it where there is one,
// all over one connection; the access log has them.
func TestStatic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "access.log")
	large := strings.Repeat("0123456789", 100<<10)
	writeFile(t, dir, "a.html", "<p>a</p>")
	writeFile(t, dir, "large.bin", large)
	s := startSite(t, fmt.Sprintf(staticSite, dir, log))
	const hello = "Hello, world!\n"
	c := s.raw()
	for _, test := range []struct {
		method, target, fields string
		status                 int
		kind, want             string
	}{
		{"GET", "/static/a.html", "", 200, "text/html; charset=utf-8", "<p>a</p>"},
		{"HEAD", "/static/a.html", "", 200, "text/html; charset=utf-8", ""},
		{"GET", "/static/large.bin", "", 200, "application/octet-stream", large},
		{"GET", "/static/large.bin", "Range: bytes=5-999999", 206, "application/octet-stream", large[5:1000000]},
		{"GET", "/a.html", "", 200, "text/html; charset=utf-8", "<p>a</p>"},
		{"POST", "/a.html", "Content-Length: 0", 200, "text/plain", hello},
		{"GET", "/", "", 200, "text/plain", hello},
		{"GET", "/nothing", "", 200, "text/plain", hello},
	} {
		fields := []string{"X-Test: 1"}
		if test.fields != "" {
			fields = append(fields, test.fields)
		}
		c.send(head(test.method, test.target, fields...))
		a := c.response(test.method)
		if a.err != nil || a.status != test.status || a.header.Get("Content-Type") != test.kind || a.body != test.want {
			t.Errorf("%s %s: %d %v %.40q %v, want %d %s", test.method, test.target, a.status, a.header, a.body, a.err, test.status, test.kind)
		}
	}
	if a := s.get("/static/nothing"); a.status != 404 {
		t.Errorf("/static/nothing: %d, want 404", a.status)
	}
	eventually(t, logWithin, "the lines of the access log", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), `"GET /static/large.bin HTTP/1.1" 206 999995 `) &&
			strings.Contains(string(text), `"GET /static/nothing HTTP/1.1" 404 `)
	})
}
