package front

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// handledTree is a staticTree with files that have handlers; the front end's user may
// read none of these.
func handledTree(t testing.TB) string {
	t.Helper()
	www := staticTree(t)
	for name, mode := range map[string]os.FileMode{
		"a.rst": 0, "sub/b.rst": 0, "sub/b.draft.rst": 0, "sub/index.rst": 0, ".h.rst": 0o644, "../secret.rst": 0o644, "é.rst": 0, "a.md": 0o644,
	} {
		if err := os.WriteFile(filepath.Join(www, name), []byte("source"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"dir.rst", "dir.rst/c.rst", "bare.rst"} {
		if err := os.Mkdir(filepath.Join(www, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(www, "dir.rst/d.rst"), nil, 0); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out.rst": "../secret.rst", "in.rst": "sub/b.rst", "dead.rst": "nothing"} {
		if err := os.Symlink(target, filepath.Join(www, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(www, "fifo.rst"), 0o644); err != nil {
		t.Fatal(err)
	}
	return www
}

const handlerSite = `
[[mount]]
path = "/app"
module = "a"
application-group = ""
[[static]]
path = "/s"
directory = %q
%s
[[handler]]
suffix = ".rst"
module = "h"
application-group = ""
[[handler]]
path = "/s/sub"
suffix = ".draft.rst"
module = "h:draft"
application-group = ""
[[location]]
path = "/s/sub/b.draft.rst"
deny = "127.0.0.1"
`

// TestHandlers: a file with a suffix goes to the handler, by whatever path below the
// directory it is asked for; what is not there, or leads out, does not; the same without
// openat2(2).
func TestHandlers(t *testing.T) {
	t.Parallel()
	www := handledTree(t)
	for _, test := range []struct {
		request, keys string
		status        int    // 0: it goes to an application
		script, path  string // SCRIPT_NAME, PATH_INFO
		file, handler string // below the directory; mod_wsgi.request_handler
	}{
		{"GET /s/a.rst", "", 0, "/s/a.rst", "", "a.rst", "rst"},
		{"PUT /s/a.rst", "", 0, "/s/a.rst", "", "a.rst", "rst"},
		{"GET /s//sub/../a.rst/x%20y/.z?q", "", 0, "/s/a.rst", "/x y/.z", "a.rst", "rst"},
		{"GET /s/a.rst/", "index = \"index.rst\"", 0, "/s/a.rst", "/", "a.rst", "rst"},
		{"GET /s/%C3%A9.rst", "", 0, "/s/\xc3\xa9.rst", "", "\xc3\xa9.rst", "rst"},
		{"GET /s/sub/b.rst", "", 0, "/s/sub/b.rst", "", "sub/b.rst", "rst"},
		{"GET /s/sub/b.draft.rst", "", 0, "/s/sub/b.draft.rst", "", "sub/b.draft.rst", "draft.rst"},
		{"GET /s/a.rst/sub/b.draft.rst", "", 0, "/s/a.rst", "/sub/b.draft.rst", "a.rst", "rst"},
		{"GET /s/dir.rst/d.rst/e", "", 0, "/s/dir.rst/d.rst", "/e", "dir.rst/d.rst", "rst"},
		{"POST /s/sub/", "index = \"index.rst\"", 0, "/s/sub/index.rst", "", "sub/index.rst", "rst"},
		{"GET /s/in.rst", "", 0, "/s/in.rst", "", "in.rst", "rst"},
		{"GET /s/.h.rst", "hidden-files = true", 0, "/s/.h.rst", "", ".h.rst", "rst"},
		{"GET /s/.h.rst", "", 404, "", "", "", ""},
		{"GET /s/in.rst", "symlinks = \"never\"", 403, "", "", "", ""},
		{"GET /s/out.rst", "", 403, "", "", "", ""},
		{"GET /s/outdir/secret.rst", "", 403, "", "", "", ""},
		{"GET /s/../secret.rst", "", 404, "", "", "", ""},
		{"GET /s/%2e%2e%2fsecret.rst", "", 404, "", "", "", ""},
		{"GET /s/dead.rst", "", 404, "", "", "", ""},
		{"GET /s/fifo.rst", "", 404, "", "", "", ""},
		{"GET /s/none.rst", "", 404, "", "", "", ""},
		{"POST /s/none.rst", "", 405, "", "", "", ""},
		{"GET /s/dir.rst/c.rst", "", 301, "", "", "", ""},
		{"GET /s/sub", "index = \"index.rst\"", 301, "", "", "", ""},
		{"GET /s/bare.rst/", "index = \"index.rst\"", 403, "", "", "", ""},
		{"GET /s/a.md", "", 200, "", "", "", ""},
		{"GET /s/a.rst", "internal = true\n[[static]]\npath = \"/s/sub/t\"\ndirectory = \"/nowhere\"", 404, "", "", "", ""},
		{"GET /s/a.txt/a.rst", "", 404, "", "", "", ""},
		{"GET /s/a.rst", "deny = \"all\"", 403, "", "", "", ""},
		{"GET /s/sub/b.draft.rst", "", 403, "", "", "", ""},
	} {
		for _, without := range []bool{false, true} {
			parsed := parseSite(t, fmt.Sprintf(handlerSite, www, test.keys))
			f := newFront(t, func(s *site.Site) { *s = *parsed })
			if without {
				for p := range f.conf.Load().hosts.all[0].places.all {
					if p.static != nil {
						p.static.tree.openat2 = func(int, string, *unix.OpenHow) (int, error) { return -1, unix.ENOSYS }
					}
				}
			}
			if test.status != 0 {
				r, body := ask(t, serveAt(t, f, "tcp"), test.request+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				if r.StatusCode != test.status {
					t.Errorf("%s with %q (without openat2 %t): %s %.60q, want %d", test.request, test.keys, without, r.Status, body, test.status)
				}
				continue
			}
			s := sessionFor(t, f, test.request+" HTTP/1.1\r\nHost: h\r\n\r\n")
			e := environOf(t, s)
			for key, want := range map[string]string{
				"SCRIPT_NAME": test.script, "PATH_INFO": test.path, handledFileKey: www + "/" + test.file, "mod_wsgi.request_handler": test.handler,
			} {
				if e[key] != want {
					t.Errorf("%s with %q (without openat2 %t): %s is %q, want %q", test.request, test.keys, without, key, e[key], want)
				}
			}
			number := "1"
			if strings.HasPrefix(test.handler, "draft") {
				number = "2"
			}
			if e[applicationKey] != number {
				t.Errorf("%s: application %s, want %s", test.request, e[applicationKey], number)
			}
		}
	}
}

// TestHandlerKeepsNothing: the next request of a connection is not taken for one of a
// handler.
func TestHandlerKeepsNothing(t *testing.T) {
	t.Parallel()
	parsed := parseSite(t, fmt.Sprintf(handlerSite, handledTree(t), ""))
	s := sessionFor(t, newFront(t, func(s *site.Site) { *s = *parsed }), "GET /s/a.rst HTTP/1.1\r\nHost: h\r\n\r\n")
	environOf(t, s)
	s.conn.Request = sessionFor(t, s.front, "GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n").conn.Request
	e := environOf(t, s)
	if _, found := e[handledFileKey]; found || e["SCRIPT_NAME"] != "/app" || e[applicationKey] != "0" {
		t.Errorf("the environ is %v", e)
	}
}
