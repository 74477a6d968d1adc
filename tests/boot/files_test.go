package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

const filesSite = `[[static]]
path = "/"
directory = "/srv/files"
`

const filesHandler = `
[group.docs]
user = "joe"
rotate = "rolling"

[[handler]]
suffix = ".rst"
script = "/srv/handler.py"
application-group = ""
`

// filesMount is one more application of the group.
const filesMount = `
[[mount]]
path = "/app"
script = "/srv/handler.py"
application-group = ""
`

const filesHandlerScript = `
def handle_request(environ, start_response):
    with open(environ['SCRIPT_FILENAME'], 'rb') as file:
        text = file.read()
    start_response('200 OK', [])
    return [b'handled: ' + text]

def application(environ, start_response):
    start_response('200 OK', [])
    return [b'mounted']
`

func TestFiles(t *testing.T) {
	boot.Run(t, "a site of files alone needs no group, and an application may join it",
		boot.Case{Name: "alone", Run: testFilesAlone},
	)
}

// testFilesAlone: files are served without a daemon group; what the front end's user cannot
// read is told before; and after a reload an application answers for files which only its
// own user can read.
func testFilesAlone(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/files/a.txt", "text", 0o644, "")
	m.WriteFile("/srv/files/secret.txt", "secret", 0o600, "")
	m.WriteFile("/srv/files/doc.rst", "source", 0o600, "joe:joe")
	m.WriteFile("/srv/handler.py", filesHandlerScript, 0o644, "")
	m.Site("files", filesSite)
	got := m.Run("wsgid", "check", "/etc/wsgi/files.toml")
	for _, want := range []string{
		`/etc/wsgi/files.toml:3: static.directory: user wsgi, as whom the front end runs, cannot read file "/srv/files/secret.txt": mode 0600`,
		"hint: chmod o+r /srv/files/secret.txt", `"/srv/files/doc.rst"`,
	} {
		if got.Status != 1 || !strings.Contains(got.Stderr, want) {
			t.Errorf("wsgid check: status %d\n%s\nwant %s", got.Status, got.Stderr, want)
		}
	}
	m.MustRun("systemctl", "start", "wsgi@files")
	ask := func(path string, status int, text string) {
		t.Helper()
		got := m.Curl("--unix-socket", "/run/wsgi/files.sock", "http://files"+path)
		if got.Status != status || !strings.Contains(got.Body, text) {
			t.Errorf("%s: status %d, %s, want %d %s", path, got.Status, got.Body, status, text)
		}
	}
	ask("/a.txt", 200, "text")
	ask("/secret.txt", 403, "")
	ask("/doc.rst", 403, "")
	units := func() string {
		return m.MustRun("systemctl", "list-units", "--all", "--plain", "--no-legend", "wsgi-files:*")
	}
	if list := units(); list != "" {
		t.Errorf("there are units of groups:\n%s", list)
	}
	m.WriteFile("/etc/wsgi/files.toml", filesSite+filesHandler, 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@files")
	ask("/a.txt", 200, "text")
	ask("/doc.rst", 200, "handled: source")
	if got := m.Run("wsgid", "check", "/etc/wsgi/files.toml"); strings.Contains(got.Stderr, "doc.rst") {
		t.Errorf("wsgid check does not know that the handler reads the file:\n%s", got.Stderr)
	}
	m.MustRun("systemctl", "restart", "wsgi@files")
	ask("/doc.rst", 200, "handled: source")
	// The leader stays when a group is reloaded process by process, unless it knows less
	// applications than the site file has now.
	m.WriteFile("/etc/wsgi/files.toml", filesSite+filesHandler+filesMount, 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@files")
	ask("/app", 200, "mounted")
	ask("/doc.rst", 200, "handled: source")
	m.WriteFile("/etc/wsgi/files.toml", filesSite, 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@files")
	ask("/a.txt", 200, "text")
	ask("/doc.rst", 403, "")
	m.MustRun("systemctl", "stop", "wsgi@files")
}
