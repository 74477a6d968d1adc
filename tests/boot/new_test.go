package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestNew has `wsgid new` write the site file of a project, and does what it says next.
func TestNew(t *testing.T) {
	boot.Run(t, "what `wsgid new` writes and says serves a Flask project",
		boot.Case{Name: "flask", Run: func(t *testing.T, m *boot.Machine) {
			m.WriteFile("/srv/shop/app.py", "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef index():\n    return 'from the shop\\n'\n", 0o644, "")
			m.MustRun("chown", "-R", "joe:joe", "/srv/shop")
			m.Site("shop", "") // which removes it at the end
			m.MustRun("rm", "/etc/wsgi/shop.toml")
			said := m.MustRun("wsgid", "new", "shop", "--app", "/srv/shop", "--listen", "127.0.0.1:8123")
			commands := strings.Split(said, "\n")
			if len(commands) != 3 {
				t.Fatalf("it does not say three commands: %q", said)
			}
			for _, command := range commands {
				m.MustRun("sh", "-c", strings.ReplaceAll(command, "sudo ", ""))
			}
			if got := m.Curl("http://127.0.0.1:8123/"); got.Status != 200 || got.Body != "from the shop\n" {
				t.Errorf("status %d\n%s", got.Status, got.Body)
			}
			if got, want := m.Property("wsgi-shop:main@a.service", "User"), "joe"; got != want {
				t.Errorf("the application runs as %q, not as %s, to whom it belongs", got, want)
			}
		}},
	)
}
