package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestRerouting: the front end's own unit lets it redirect, rewrite, compress and send files
// for an application, and a reload takes other addresses, or none if they are wrong.
func TestRerouting(t *testing.T) {
	boot.Run(t, "redirects, rewrites, local redirects and compression work in the front end's unit, and change with a reload",
		boot.Case{Name: "rerouting", Run: func(t *testing.T, m *boot.Machine) {
			const path = "/etc/wsgi/routed.toml"
			site := func(to string) string {
				return "listen = \"127.0.0.1:8084\"\ncompress = \"text/*\"\n" +
					"[[mount]]\npath = \"/\"\nscript = \"/srv/routed/app.py\"\n" +
					"[[static]]\npath = \"/files\"\ndirectory = \"/srv/routed/files\"\ninternal = true\n" +
					"[[redirect]]\npath-match = \"^/old/(.*)\"\nto = \"" + to + "\"\nstatus = 301\n" +
					"[[rewrite]]\npath = \"/short\"\nto = \"/file?name=page.txt\"\n"
			}
			page := strings.Repeat("a line of text\n", 10000)
			m.WriteFile("/srv/routed/files/page.txt", page, 0o644, "")
			m.WriteFile("/srv/routed/app.py", "def application(environ, start_response):\n"+
				"    name = environ['QUERY_STRING'].partition('name=')[2]\n"+
				"    start_response('200 OK', [('Content-Type', 'text/plain'), ('Location', '/files/' + name)])\n    return [b'from the application']\n", 0o644, "")
			m.Site("routed", site("/new/$1"))
			m.MustRun("systemctl", "start", "wsgi@routed")
			const base = "http://127.0.0.1:8084"
			leads := func(to string) {
				t.Helper()
				if got := m.Curl(base + "/old/a%20b"); got.Status != 301 || got.Header.Get("Location") != to {
					t.Errorf("/old/a%%20b: status %d to %q, want %q", got.Status, got.Header.Get("Location"), to)
				}
				got := m.Curl("--compressed", base+"/short")
				if got.Status != 200 || got.Body != page || got.Header.Get("Content-Encoding") != "gzip" {
					t.Errorf("/short: status %d, %v, %d bytes", got.Status, got.Header, len(got.Body))
				}
			}
			leads("/new/a%20b")

			m.WriteFile(path, site("//$1"), 0o644, "")
			got := m.Run("systemctl", "reload", "wsgi@routed")
			if got.Status == 0 {
				t.Error("a reload with a redirect to whatever host succeeds")
			}
			leads("/new/a%20b")

			m.WriteFile(path, site("https://www.example.org/$1"), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@routed")
			leads("https://www.example.org/a%20b")
		}},
	)
}
