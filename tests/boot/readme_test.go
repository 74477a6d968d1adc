package boot_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// commandsAfter are the lines of the first block of commands behind a sentence of the
// README, without sudo and comments.
func commandsAfter(t *testing.T, sentence string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, behind, found := strings.Cut(string(text), sentence)
	parts := strings.SplitN(behind, "```", 3)
	if !found || len(parts) < 3 {
		t.Fatalf("README.md has no commands behind %q", sentence)
	}
	var commands []string
	for line := range strings.Lines(strings.TrimSpace(parts[1]) + "\n") {
		command, _, _ := strings.Cut(line, "#")
		commands = append(commands, strings.TrimSpace(strings.TrimPrefix(command, "sudo ")))
	}
	return commands
}

func source(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadme does what the README says, as it says it.
func TestReadme(t *testing.T) {
	boot.Run(t, "the README's five commands serve its example",
		boot.Case{Name: "five commands", Run: func(t *testing.T, m *boot.Machine) {
			m.Site("hello", source(t, "contrib/examples/hello/hello.toml"))
			m.WriteFile("/srv/hello/app.py", source(t, "contrib/examples/hello/app.py"), 0o644, "")
			commands := commandsAfter(t, "Then five commands")
			if len(commands) != 5 {
				t.Fatalf("there are %d: %q", len(commands), commands)
			}
			var said []string
			for _, command := range commands {
				said = append(said, m.MustRun("sh", "-c", command))
			}
			if !strings.Contains(said[2], "Hello from a site") {
				t.Errorf("%s says %q", commands[2], said[2])
			}
			// systemd names the unit as well since 249.
			for _, want := range []string{`Started .*WSGI site hello`, `Started .*Slot a of daemon group main of WSGI site hello`} {
				if !regexp.MustCompile(want).MatchString(said[3]) {
					t.Errorf("%s says nothing of %q:\n%s", commands[3], want, said[3])
				}
			}
			for _, want := range []string{"enabled;", "active (running)", "main: generation 1, 2 of 2 processes ready"} {
				if !strings.Contains(said[4], want) {
					t.Errorf("%s says nothing of %q:\n%s", commands[4], want, said[4])
				}
			}
		}},
	)
}
