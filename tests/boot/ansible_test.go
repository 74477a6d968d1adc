package boot_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// deployed is the application that the playbook serves; VERSION is written into it.
const deployed = `import os

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('VERSION %s %s %d' % (os.environ['SECRET_KEY'], os.environ['DJANGO_SETTINGS_MODULE'], os.getuid())).encode()]
`

// TestAnsible runs the playbook of contrib on a machine, as one would from another.
func TestAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("no ansible-playbook (Debian: ansible-core): not proved that the playbook makes a site")
	}
	boot.Run(t, "the playbook makes a site, changes nothing twice, and reloads what is new",
		boot.Case{Name: "playbook", Own: true, Run: testPlaybook},
	)
}

func testPlaybook(t *testing.T, m *boot.Machine) {
	play := ansible(t, m)
	deploy := func(version string) {
		m.WriteFile("/srv/blog/mysite/wsgi.py", strings.Replace(deployed, "VERSION", version, 1), 0o644, "")
	}
	answers := func(version string) {
		t.Helper()
		want := fmt.Sprintf("%s s3cret $x mysite.settings %d", version, m.UID("blog"))
		if got := m.Curl("http://127.0.0.1:8000/"); got.Status != 200 || got.Body != want {
			t.Errorf("%d %q, want %q", got.Status, got.Body, want)
		}
	}
	m.WriteFile("/srv/blog/requirements.txt", "", 0o644, "")
	deploy("one")
	play(true)
	answers("one")
	if got := m.Owner("/etc/wsgi/blog.env"); got != "root:root 600" {
		t.Errorf("the secrets are %s", got)
	}
	if got := m.MustRun("systemctl", "is-enabled", "wsgi@blog.service"); got != "enabled" {
		t.Errorf("the site is %s", got)
	}
	assertOutOfReach(t, m, "blog", "/srv/blog/mysite/wsgi.py", "/etc/wsgi/blog.toml")

	if said := play(true); !strings.Contains(said, "changed=0 ") {
		t.Errorf("the same again changes something:\n%s", said)
	}

	// New code is served by the same supervisor.
	supervisor := m.PID("wsgi@blog.service")
	deploy("two")
	play(true, "wsgid_code_changed=true")
	answers("two")
	if now := m.PID("wsgi@blog.service"); now != supervisor {
		t.Errorf("the supervisor %d became %d", supervisor, now)
	}

	// What cannot be served ends the play, and the site serves on.
	if said := play(false, `{"wsgid_listen": ["nowhere"]}`); !strings.Contains(said, "is it right?") {
		t.Errorf("a wrong address is not found by the check:\n%s", said)
	}
	answers("two")
	m.WriteFile("/srv/blog/mysite/wsgi.py", "raise ValueError\n", 0o644, "")
	play(false, "wsgid_code_changed=true")
	answers("two")
}

// ansible gives a function that runs the playbook on the machine, wants it to end well or
// not, and gives what it said. In the place of ssh is a program that enters the machine.
func ansible(t *testing.T, m *boot.Machine) func(well bool, variables ...string) (said string) {
	t.Helper()
	dir := t.TempDir()
	enter := m.Command(t.Context(), boot.Command{Args: []string{"sh", "-c"}}).Args
	// The last argument of ssh is what the other side's shell is to do.
	script := "#!/bin/sh\nfor last; do :; done\nexec env - PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root " + strings.Join(enter, " ") + " \"$last\"\n"
	inventory := "[web]\nmachine ansible_ssh_executable=" + dir + "/enter ansible_ssh_transfer_method=piped ansible_become=false ansible_python_interpreter=/usr/bin/python3\n"
	for name, text := range map[string]string{"enter": script, "hosts": inventory} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func(well bool, variables ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		args := []string{"-i", dir + "/hosts", "-e", "wsgid_package=false", "../../contrib/ansible/playbook.yml"}
		for _, variable := range variables {
			args = append(args, "-e", variable)
		}
		cmd := exec.CommandContext(ctx, "ansible-playbook", args...)
		cmd.Env = append(os.Environ(), "ANSIBLE_HOME="+dir+"/home", "ANSIBLE_LOCAL_TEMP="+dir+"/tmp", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "BLOG_SECRET_KEY=s3cret $x")
		output, err := cmd.CombinedOutput()
		if (err == nil) != well {
			t.Fatalf("ansible-playbook %q: %v\n%s", args, err, output)
		}
		return string(output)
	}
}
