package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestBus asks a site over the system's bus, with the policy that is shipped.
func TestBus(t *testing.T) {
	boot.Run(t, "root and members of group wsgi use org.wsgid.Site1, a stranger is denied",
		boot.Case{Name: "system bus", Run: func(t *testing.T, m *boot.Machine) {
			m.WriteFile("/srv/hello/app.py", hello, 0o644, "joe:joe")
			m.Site("hello", helloSite)
			m.MustRun("systemctl", "start", "wsgi@hello")
			m.AwaitJournal("wsgi@hello.service", "on D-Bus", 10*time.Second)
			call := func(method string) []string {
				return []string{"busctl", "call", "org.wsgid.Site1.hello", "/org/wsgid/Site1", "org.wsgid.Site1", method}
			}
			if got := m.MustRun(call("Status")...); !strings.Contains(got, "generation 1, 2 of 2 processes ready") {
				t.Errorf("Status: %s", got)
			}
			m.MustRun(call("Reload")...)
			got := m.MustRun("busctl", "get-property", "org.wsgid.Site1.hello", "/org/wsgid/Site1", "org.wsgid.Site1", "Generation")
			if !strings.Contains(got, "u 2") {
				t.Errorf("Generation: %s", got)
			}
			if got := m.MustRun("busctl", "introspect", "org.wsgid.Site1.hello", "/org/wsgid/Site1"); !strings.Contains(got, ".GenerationReady") {
				t.Errorf("introspection: %s", got)
			}

			if r := m.RunAs("joe", call("Status")...); r.Status == 0 {
				t.Errorf("a stranger is told %s", r.Stdout)
			}
			m.MustRun("usermod", "-aG", "wsgi", "jane")
			if r := m.RunAs("jane", call("Status")...); r.Status != 0 {
				t.Errorf("a member of group wsgi is denied: %s", r.Stderr)
			}
			m.MustRun("gpasswd", "-d", "jane", "wsgi")

			m.WriteFile("/srv/hello/app.py", "def application(:\n", 0o644, "joe:joe")
			if r := m.Run(call("Reload")...); r.Status == 0 || !strings.Contains(r.Stderr, "SyntaxError") {
				t.Errorf("Reload of broken code: status %d, %s", r.Status, r.Stderr)
			}
			m.MustRun(call("Drain")...)
			if got := m.Curl("http://127.0.0.1:8080/"); got.Header.Get("Connection") != "close" {
				t.Errorf("an answer while draining: %v", got.Header)
			}
			m.MustRun(call("Undrain")...)
			if got := m.Curl("http://127.0.0.1:8080/"); got.Header.Get("Connection") == "close" {
				t.Errorf("an answer after the drain: %v", got.Header)
			}
		}},
	)
}

// TestControlSocket asks a site over its control socket, as `wsgid reload` does.
func TestControlSocket(t *testing.T) {
	boot.Run(t, "members of group wsgi use the control socket of a site, a stranger is denied and told why",
		boot.Case{Name: "control socket", Run: func(t *testing.T, m *boot.Machine) {
			s := serve(m, "verbs", "", "", "")
			s.start()
			for path, want := range map[string]string{"": "wsgi:wsgi 750", "/control": "wsgi:wsgi 660", "/state.json": "wsgi:wsgi 600"} {
				if owner := m.Owner("/run/wsgi/verbs" + path); owner != want {
					t.Errorf("/run/wsgi/verbs%s is %s, not %s", path, owner, want)
				}
			}
			reload := []string{"wsgid", "reload", "--wait", "verbs"}
			r := m.RunAs("joe", reload...)
			if r.Status == 0 || !strings.Contains(r.Stderr, "permission denied (root and members of group wsgi may)") {
				t.Errorf("a stranger: status %d, %s", r.Status, r.Stderr)
			}
			if now := s.generation(t); now != 1 {
				t.Errorf("a stranger has started generation %d", now)
			}
			m.MustRun("usermod", "-aG", "wsgi", "jane")
			t.Cleanup(func() { m.MustRun("gpasswd", "-d", "jane", "wsgi") })
			if r := m.RunAs("jane", reload...); r.Status != 0 {
				t.Errorf("a member of group wsgi: status %d, %s", r.Status, r.Stderr)
			}
			if now := s.generation(t); now != 2 {
				t.Errorf("it is generation %d", now)
			}
			if r := m.RunAs("jane", "sh", "-c", "echo > /run/wsgi/verbs/state.json"); r.Status == 0 {
				t.Error("a member of group wsgi may write the state")
			}
		}},
	)
}
