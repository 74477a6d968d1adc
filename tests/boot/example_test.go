package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestFlaskExample does what the example's README says, but for the network: the virtual
// environment sees Debian's Flask in the place of the one that pip would fetch.
func TestFlaskExample(t *testing.T) {
	boot.Run(t, "the Flask example's README serves it, with its code out of its reach",
		boot.Case{Name: "readme", Own: true, Run: func(t *testing.T, m *boot.Machine) {
			for _, file := range []string{"app.py", "requirements.txt", "flask.toml"} {
				m.WriteFile("/root/flask/"+file, source(t, "contrib/examples/flask/"+file), 0o644, "")
			}
			_, block, _ := strings.Cut(source(t, "contrib/examples/flask/README.md"), "```\n")
			block, _, found := strings.Cut(block, "```")
			if !found {
				t.Fatal("the README has no commands")
			}
			var said string
			for command := range strings.Lines(block) {
				command = strings.TrimPrefix(strings.TrimSpace(command), "sudo ")
				switch {
				case strings.HasPrefix(command, "python3 -m venv "):
					command += " --without-pip --system-site-packages"
				case strings.Contains(command, "/bin/pip "):
					continue
				}
				said = m.MustRun("sh", "-c", "cd /root/flask && "+command)
			}
			if said != `"I was here"` {
				t.Errorf("the last command says %q", said)
			}
			if got := m.Curl("http://127.0.0.1:8001/who"); !strings.Contains(got.Body, `"user":"flask"`) {
				t.Errorf("who: %s", got.Body)
			}
			if got := m.RunAs("flask", "test", "-w", "/srv/flask/app.py"); got.Status == 0 {
				t.Error("the application can write its own code")
			}
		}},
	)
}
