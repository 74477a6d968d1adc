package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileWrapper: wsgi.file_wrapper, PEP 3333 "Optional Platform-Specific File
// Handling", for a file that goes as bytes and one that goes by sendfile(2).
func TestFileWrapper(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "file_wrapper.py"))
	contents := map[string]string{
		"small": strings.Repeat("0123456789", 100),
		"large": strings.Repeat("0123456789abcdef", 1<<16),
	}
	for name, content := range contents {
		path := writeFile(t, t.TempDir(), name, content)
		tests := []struct{ target, want string }{
			{"/full", content},
			{"/length", content},
			{"/seeked?at=0", content},
			{"/seeked?at=777", content[777:]},
			{"/seeked?at=100000000", ""},
			{"/short?at=10&say=100", content[10:110]},
			{"/memory", content},
			{"/iterate", content},
			{"/write-first", "first " + content},
		}
		for _, test := range tests {
			t.Run(name+test.target, func(t *testing.T) {
				s := s.in(t)
				got := s.getOK(withQuery(test.target, "path="+path))
				if got != test.want {
					t.Errorf("%d bytes, want %d, first %.40q", len(got), len(test.want), got)
				}
			})
		}
		t.Run(name+"/long", func(t *testing.T) {
			s := s.in(t)
			assertAborted(t, s.try("/long?say=2000000&path="+path), content)
		})
	}
}

func withQuery(target, more string) string {
	if strings.Contains(target, "?") {
		return target + "&" + more
	}
	return target + "?" + more
}

// TestFileWrapperCopied: the same without sendfile(2).
func TestFileWrapperCopied(t *testing.T) {
	t.Parallel()
	s := startSite(t, "[[mount]]\npath = \"/\"\nscript = {{app \"file_wrapper.py\"}}\nenable-sendfile = false\n")
	content := strings.Repeat("0123456789abcdef", 1<<16)
	path := writeFile(t, t.TempDir(), "large", content)
	for target, want := range map[string]string{"/full": content, "/seeked?at=777": content[777:], "/write-first": "first " + content} {
		if got := s.getOK(withQuery(target, "path="+path)); got != want {
			t.Errorf("%s: %d bytes, want %d, first %.40q", target, len(got), len(want), got)
		}
	}
	assertAborted(t, s.try("/long?say=2000000&path="+path), content)
}

// TestFileWrapperEmpty: an empty file is an empty body, and the connection serves on.
func TestFileWrapperEmpty(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "file_wrapper.py"))
	path := writeFile(t, t.TempDir(), "empty", "")
	c := s.raw()
	for range 2 {
		c.send(get("/full?path=" + path))
		if a := c.expect(http.StatusOK); a.body != "" {
			t.Errorf("body %q", a.body)
		}
	}
}

// TestFileWrapperHead: HEAD sends no byte of the file.
func TestFileWrapperHead(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "file_wrapper.py"))
	path := writeFile(t, t.TempDir(), "large", strings.Repeat("x", 1<<20))
	c := s.raw()
	for _, route := range []string{"/full", "/length", "/close?log=" + filepath.Join(t.TempDir(), "log")} {
		c.send(head("HEAD", withQuery(route, "path="+path)))
		if a := c.response(http.MethodHead); a.err != nil || a.status != http.StatusOK {
			t.Errorf("%s: status %d, %v", route, a.status, a.err)
		}
	}
	c.send(get("/full?path=" + path))
	if a := c.expect(http.StatusOK); len(a.body) != 1<<20 {
		t.Errorf("%d bytes after HEAD", len(a.body))
	}
}

// TestFileWrapperRange: Range is the application's: the front end neither cuts a
// full answer nor touches a 206.
func TestFileWrapperRange(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "file_wrapper.py"))
	content := strings.Repeat("0123456789abcdef", 1<<14)
	path := writeFile(t, t.TempDir(), "file", content)
	ask := func(target string) answer {
		req := s.request(t.Context(), http.MethodGet, target+"?path="+path, http.NoBody)
		req.Header.Set("Range", "bytes=1000-200999")
		return s.do(req)
	}
	if a := ask("/full"); a.err != nil || a.status != http.StatusOK || a.body != content {
		t.Errorf("without the application's help: status %d, %d bytes, %v", a.status, len(a.body), a.err)
	}
	a := ask("/range")
	if a.err != nil || a.status != http.StatusPartialContent || a.body != content[1000:201000] {
		t.Errorf("status %d, %d bytes, %v", a.status, len(a.body), a.err)
	}
	if got := a.header.Get("Content-Range"); got != "bytes 1000-200999/262144" {
		t.Errorf("Content-Range %q", got)
	}
}

// TestFileWrapperClose: close() of the file-like object is called once, after the file was taken.
func TestFileWrapperClose(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "file_wrapper.py"))
	dir := t.TempDir()
	path := writeFile(t, dir, "large", strings.Repeat("x", 1<<20))
	log := filepath.Join(dir, "log")
	if body := s.getOK("/close?path=" + path + "&log=" + log); len(body) != 1<<20 {
		t.Errorf("%d bytes", len(body))
	}
	eventually(t, logWithin, "close() is recorded", func() bool {
		content, _ := os.ReadFile(log)
		return string(content) == "closed\n"
	})
}
