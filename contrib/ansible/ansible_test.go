// Package ansible_test reads the playbook with Ansible, and its templates with wsgid.
package ansible_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

func ansible(t *testing.T, program string, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not proved that the playbook is one")
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("no %s: not proved that the playbook is one", program)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_LOCALHOST_WARNING=False", "ANSIBLE_INVENTORY_UNPARSED_WARNING=False", "ANSIBLE_HOME="+t.TempDir(), "ANSIBLE_LOCAL_TEMP="+t.TempDir(), "LC_ALL=C.UTF-8", "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, output)
	}
	return string(output)
}

// TestSyntax: the playbook is one, and a site file is checked before it is reloaded.
func TestSyntax(t *testing.T) {
	inventory := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(inventory, []byte("[web]\nlocalhost\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := ansible(t, "ansible-playbook", "-i", inventory, "--syntax-check", "playbook.yml"); strings.Contains(out, "WARNING") {
		t.Error(out)
	}
	tasks := ansible(t, "ansible-playbook", "-i", inventory, "--list-tasks", "playbook.yml")
	at := 0
	for _, task := range []string{"the site file", "is it right?", "what is new is served"} {
		next := strings.Index(tasks[at:], task)
		if next < 0 {
			t.Fatalf("%q is not there, or too early:\n%s", task, tasks)
		}
		at += next
	}
}

// TestTemplates renders the templates with awkward values, which arrive in the site as
// they are.
func TestTemplates(t *testing.T) {
	secret := "a\"b\\c $d `e` 'f' %g #h"
	vars := map[string]any{
		"wsgid_site": "blog", "wsgid_app": `/srv/b "l" o\g`, "wsgid_module": "mysite.wsgi",
		"wsgid_listen": []string{"127.0.0.1:8000", "[::1]:8000"}, "wsgid_socket_group": "www-data",
		"wsgid_env":     map[string]any{"NAME": "Grüße \"x\" \\y", "NUMBER": 3},
		"wsgid_secrets": map[string]any{"SECRET": secret},
	}
	s, err := site.Parse("blog", "/etc/wsgi/blog.toml", []byte(rendered(t, "site.toml", vars)))
	if err != nil {
		t.Fatal(err)
	}
	g := s.Groups[0]
	if g.User != "blog" || g.Home != vars["wsgid_app"] || g.PythonHome != g.Home+"/venv" || len(s.Listen) != 2 || s.Socket.Group != "www-data" {
		t.Errorf("the site is %+v, its group %+v", s, g)
	}
	if want := map[string]string{"NAME": "Grüße \"x\" \\y", "NUMBER": "3"}; !maps.Equal(g.Env, want) {
		t.Errorf("env is %q, want %q", g.Env, want)
	}
	path := filepath.Join(t.TempDir(), "blog.env")
	if err := os.WriteFile(path, []byte(rendered(t, "site.env", vars)), 0o600); err != nil {
		t.Fatal(err)
	}
	if env, err := site.LoadEnvFile(path); err != nil || env["SECRET"] != secret {
		t.Errorf("the secret is %q (%v), want %q", env, err, secret)
	}
}

func rendered(t *testing.T, name string, vars map[string]any) string {
	t.Helper()
	text, err := json.Marshal(vars)
	if err != nil {
		t.Fatal(err)
	}
	template, err := filepath.Abs("templates/" + name + ".j2")
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), name)
	ansible(t, "ansible", "localhost", "-c", "local", "-m", "ansible.builtin.template", "-a", "src="+template+" dest="+dest+" mode=0600", "-e", string(text))
	out, err := os.ReadFile(dest)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
