package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// hello says who it is.
const hello = `import os
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('hello from %d as %d\n' % (os.getpid(), os.getuid())).encode()]
`

const helloSite = `listen = "127.0.0.1:8080"
[group.web]
user = "joe"
processes = 2
startup-timeout = "60s"
[[mount]]
path = "/"
script = "/srv/hello/app.py"
`

// TestLife takes a site through what an administrator does with it, once.
func TestLife(t *testing.T) {
	boot.Run(t, "a site can be enabled, reloaded, restarted and stopped", boot.Case{Name: "life", Run: testLife})
}

func testLife(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/hello/app.py", hello, 0o644, "joe:joe")
	m.Site("hello", helloSite)
	for _, verb := range []string{"enable --now", "restart", "reload", "stop", "start", "disable --now"} {
		m.MustRun(append(append([]string{"systemctl"}, strings.Fields(verb)...), "wsgi@hello")...)
		// Also after stop and disable: the socket is still there.
		got := m.Curl("http://127.0.0.1:8080/")
		if got.Status != 200 || !strings.HasPrefix(got.Body, "hello from ") {
			t.Errorf("after systemctl %s: status %d\n%s", verb, got.Status, got.Body)
		}
	}
}
