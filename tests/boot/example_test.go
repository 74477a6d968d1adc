package boot_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/certificate"
)

// TestExamples does what the READMEs of examples say, but for the network: virtual
// environments see Debian's Flask and Django in the place of those that pip would fetch.
func TestExamples(t *testing.T) {
	boot.Run(t, "the examples' READMEs serve them, with their code out of their reach",
		boot.Case{Name: "flask", Own: true, Run: testFlaskExample},
		boot.Case{Name: "django", Own: true, Run: testDjangoExample},
	)
}

func testFlaskExample(t *testing.T, m *boot.Machine) {
	if said := follow(t, m, "flask"); said != `"I was here"` {
		t.Errorf("the last command says %q", said)
	}
	if got := m.Curl("http://127.0.0.1:8001/who"); !strings.Contains(got.Body, `"user":"flask"`) {
		t.Errorf("who: %s", got.Body)
	}
	assertOutOfReach(t, m, "flask", "/srv/flask/app.py")
}

func testDjangoExample(t *testing.T, m *boot.Machine) {
	m.MustRun("systemctl", "start", "nginx") // as it is once Debian has installed it
	if said := follow(t, m, "django"); !strings.Contains(said, "been here 1 times") {
		t.Errorf("the last command says %q", said)
	}
	assertOutOfReach(t, m, "django", "/srv/django/mysite/settings.py", "/etc/wsgi/django.env")
	style := source(t, "contrib/examples/django/mysite/static/site.css")

	// nginx has the static files itself, and passes the rest on.
	assertStatic(t, m, "http://127.0.0.1:8080", "nginx", style)
	for _, line := range strings.Split(m.ReadFile("/var/log/nginx/error.log"), "\n") {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[crit]") {
			t.Errorf("nginx has logged %s", line)
		}
	}

	// TLS as the file says: another listen, and the two lines below it.
	chain, key, err := certificate.New(1, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	m.WriteFile("/etc/ssl/certs/django.pem", chain, 0o644, "")
	m.WriteFile("/etc/ssl/private/django.key", key, 0o600, "")
	config := strings.NewReplacer("\tlisten 8080;", "\tlisten 443 ssl;", "\t#ssl_", "\tssl_").Replace(m.ReadFile("/etc/nginx/conf.d/django.conf"))
	m.WriteFile("/etc/nginx/conf.d/django.conf", config, 0o644, "")
	m.MustRun("systemctl", "restart", "nginx")
	assertStatic(t, m, "https://127.0.0.1", "nginx", style)
	assertVisits(t, m, false)

	// And without nginx.
	m.MustRun("systemctl", "stop", "nginx")
	m.WriteFile("/etc/wsgi/django.toml", source(t, "contrib/examples/django/django-alone.toml"), 0o644, "")
	m.MustRun("wsgid", "check", "/etc/wsgi/django.toml")
	m.MustRun("systemctl", "daemon-reload")
	m.MustRun("systemctl", "stop", "wsgi@django.service", "wsgi@django.socket")
	m.MustRun("systemctl", "start", "wsgi@django.service")
	assertStatic(t, m, "https://127.0.0.1", "wsgid", style)
	assertVisits(t, m, true)
	testNewForDjango(t, m, style)
	if got := m.Curl("http://127.0.0.1/a"); got.Status != 301 || got.Header.Get("Location") != "https://127.0.0.1/a" {
		t.Errorf("without TLS: %d %s", got.Status, got.Header)
	}
}

// testNewForDjango has `wsgid new` look at the project, in the place of the example's own site
// file: it finds what collectstatic fills.
func testNewForDjango(t *testing.T, m *boot.Machine, style string) {
	t.Helper()
	for _, command := range strings.Split(m.MustRun("wsgid", "new", "fresh", "--app", "/srv/django", "--listen", "127.0.0.1:8123"), "\n") {
		m.MustRun("sh", "-c", strings.ReplaceAll(command, "sudo ", ""))
	}
	if got := m.Curl("http://127.0.0.1:8123/static/site.css"); got.Status != 200 || got.Body != style {
		t.Errorf("the static files of a new site: %d %q", got.Status, got.Body)
	}
	if text := m.ReadFile("/etc/wsgi/fresh.toml"); !strings.Contains(text, "python-home = \"/srv/django/venv\"") {
		t.Errorf("the virtual environment is not in\n%s", text)
	}
}

// follow runs the commands of an example's README in its directory, and gives what the
// last one says.
func follow(t *testing.T, m *boot.Machine, name string) (said string) {
	t.Helper()
	dir := "contrib/examples/" + name
	copyTree(t, m, dir, "/root/"+name)
	_, block, _ := strings.Cut(source(t, dir+"/README.md"), "```\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the README has no commands")
	}
	for command := range strings.Lines(block) {
		command = strings.TrimSpace(command)
		command = strings.Replace(command, "sudo -u ", "runuser -u ", 1)
		command = strings.TrimPrefix(command, "sudo ")
		switch {
		case strings.HasPrefix(command, "python3 -m venv "):
			command += " --without-pip --system-site-packages"
		case strings.Contains(command, "/bin/pip "):
			continue
		}
		said = m.MustRun("sh", "-c", "cd /root/"+name+" && "+command)
	}
	return said
}

// copyTree copies a directory of the repository into the machine, for root alone, as a
// directory at home may be.
func copyTree(t *testing.T, m *boot.Machine, dir, to string) {
	t.Helper()
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		paths, err := filepath.Glob(filepath.Join("../..", dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if filepath.Ext(path) == "" || strings.Contains(path, "__pycache__") {
				continue
			}
			name, err := filepath.Rel(filepath.Join("../..", dir), path)
			if err != nil {
				t.Fatal(err)
			}
			m.WriteFile(filepath.Join(to, name), source(t, filepath.Join(dir, name)), 0o644, "")
		}
	}
}

// assertOutOfReach wants a user not to be able to write any of these files.
func assertOutOfReach(t *testing.T, m *boot.Machine, user string, files ...string) {
	t.Helper()
	for _, file := range files {
		if got := m.RunAs(user, "test", "-w", file); got.Status == 0 {
			t.Errorf("the application can write %s", file)
		}
	}
}

// assertStatic wants the style sheet of Django's example from a server that lets clients
// keep it for a day.
func assertStatic(t *testing.T, m *boot.Machine, at, server, style string) {
	t.Helper()
	got := m.Curl("--insecure", at+"/static/site.css")
	if got.Status != 200 || got.Body != style {
		t.Errorf("%s/static/site.css: %d %q", at, got.Status, got.Body)
	}
	if got.Header.Get("Cache-Control") != "max-age=86400" {
		t.Errorf("the style sheet of %s: %v", server, got.Header)
	}
	if is := strings.HasPrefix(got.Header.Get("Server"), "nginx"); is != (server == "nginx") {
		t.Errorf("the style sheet comes from %q, not from %s", got.Header.Get("Server"), server)
	}
}

// assertVisits wants Django to know a client again over TLS, by a cookie that goes over
// nothing else if secure says so.
func assertVisits(t *testing.T, m *boot.Machine, secure bool) {
	t.Helper()
	var got boot.Response
	m.Run("rm", "-f", "/tmp/jar")
	for range 2 {
		got = m.Curl("--insecure", "--cookie", "/tmp/jar", "--cookie-jar", "/tmp/jar", "https://127.0.0.1/")
	}
	if got.Status != 200 || !strings.Contains(got.Body, "been here 2 times") {
		t.Errorf("the second visit: %d %s", got.Status, got.Body)
	}
	if is := strings.Contains(got.Header.Get("Set-Cookie"), "Secure"); is != secure {
		t.Errorf("the cookie: %s", got.Header.Get("Set-Cookie"))
	}
}
