package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

const dispatchSite = `[group.web]
user = "joe"

[group.admin]
user = "jane"

[group.asks]

[[mount]]
path = "/"
script = "/srv/dispatch/app.py"
group = "web"
dispatch-script = "/srv/dispatch/choose.py"
dispatch-group = "asks"
restrict-process = ["web", "admin"]
`

const dispatchApp = `
import os, pwd

def application(environ, start_response):
    start_response('200 OK', [])
    return [pwd.getpwuid(os.getuid()).pw_name.encode()]
`

const dispatchChoose = `
import os, pwd

def process_group(environ):
    if environ['PATH_INFO'].startswith('/CHOSEN'):
        return 'admin'
    if environ['PATH_INFO'] == '/who':
        raise LookupError('asked as ' + pwd.getpwuid(os.getuid()).pw_name)
`

func TestDispatch(t *testing.T) {
	boot.Run(t, "a request is served by the group, and as the user, that a script chooses",
		boot.Case{Name: "users", Run: testDispatch},
	)
}

// testDispatch: the script runs as a user of its own, what it chooses as another; a reload
// takes its next version, and after a restart of the supervisor all is as before.
func testDispatch(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/dispatch/app.py", dispatchApp, 0o644, "")
	m.WriteFile("/srv/dispatch/choose.py", strings.Replace(dispatchChoose, "CHOSEN", "first", 1), 0o644, "")
	m.Site("dispatch", dispatchSite)
	if got := m.Run("wsgid", "check", "/etc/wsgi/dispatch.toml"); got.Status != 0 || !strings.Contains(got.Stdout, "dispatch-script /srv/dispatch/choose.py in group asks") {
		t.Errorf("wsgid check: status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	m.MustRun("systemctl", "start", "wsgi@dispatch")
	ask := func(path string, status int, text string) {
		t.Helper()
		got := m.Curl("--unix-socket", "/run/wsgi/dispatch.sock", "http://dispatch"+path)
		if got.Status != status || !strings.Contains(got.Body, text) {
			t.Errorf("%s: status %d, %s, want %d %s", path, got.Status, got.Body, status, text)
		}
	}
	ask("/", 200, "joe")
	ask("/first", 200, "jane")
	ask("/who", 500, "cannot be found out")
	m.AwaitJournal("wsgi@dispatch", "asked as wsgi-app", within)
	m.WriteFile("/srv/dispatch/choose.py", strings.Replace(dispatchChoose, "CHOSEN", "second", 1), 0o644, "")
	m.MustRun("systemctl", "reload", "wsgi@dispatch")
	ask("/first", 200, "joe")
	ask("/second", 200, "jane")
	m.MustRun("systemctl", "restart", "wsgi@dispatch")
	ask("/second", 200, "jane")
	m.MustRun("systemctl", "stop", "wsgi@dispatch")
}
