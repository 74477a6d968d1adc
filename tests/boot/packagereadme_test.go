package boot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestPackageReadme does what the README says from the package on, as it says it.
func TestPackageReadme(t *testing.T) {
	boot.Run(t, "the README's way from a package to a site works as it is written",
		boot.Case{Name: "two minutes", Own: true, Run: testPackageReadme},
	)
}

func testPackageReadme(t *testing.T, m *boot.Machine) {
	dir, err := buildPackages(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m.MustRun("sh", "-c", "rm -f /etc/dpkg/dpkg.cfg.d/*") // the tree's, which leaves out manuals and documentation
	p := newPackaged(t, m, dpkg(), dir)
	content, err := os.ReadFile(filepath.Join(dir, dpkg().built(newer)))
	if err != nil {
		t.Fatal(err)
	}
	m.WriteFile("/home/joe/"+dpkg().built(newer), string(content), 0o644, "")
	copyTree(t, m, "contrib/examples/hello", "/srv/blog")
	m.MustRun("chown", "-R", "joe:joe", "/srv/blog")

	var said []string
	commands := commandsAfter(t, "where /srv/blog is a Flask, Django or other WSGI application:")
	for _, command := range commands {
		if strings.HasPrefix(command, "apt ") {
			command = strings.Replace(command, "apt install", "apt install --yes", 1)
		}
		said = append(said, m.MustRun("sh", "-c", "cd /home/joe && "+command))
	}
	// What `wsgid new` says comes next is what the README says.
	next := strings.Fields(strings.ReplaceAll(said[1], "sudo ", ""))
	if want := strings.Fields(strings.Join(commands[2:5], " ")); strings.Join(next, " ") != strings.Join(want, " ") {
		t.Errorf("it says %q, and the README %q", next, want)
	}
	if !strings.Contains(said[len(said)-1], "Hello from WSGI") {
		t.Errorf("the last command says %q", said[len(said)-1])
	}
	if got, want := m.Property("wsgi-blog:main@a.service", "User"), "joe"; got != want {
		t.Errorf("the application of joe's runs as %s", got)
	}
	for command, want := range map[string]string{
		"systemctl status wsgi@blog":                         `Docs: man:wsgi@.service\(8\)\s+man:wsgi-site\(5\)[\s\S]*Status: "main: generation 1, 2 of 2 processes ready`,
		"journalctl -u wsgi@blog -u 'wsgi-blog:*'":           `Started .*WSGI site blog`,
		"zcat /usr/share/man/man5/wsgi-site.5.gz":            `\.SH NAME\nwsgi\\?-site`,
		"zcat '/usr/share/man/man8/wsgi@.service.8.gz'":      `\.SH NAME`,
		"cat /usr/share/doc/wsgid/examples/django/README.md": `# A Django project`,
		"/usr/lib/wsgid/wsgid-generator --dry-run":           `wsgi-blog:main@\.service`,
	} {
		if got := m.MustRun("sh", "-c", command); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s does not say %q:\n%s", command, want, got)
		}
	}
	p.does("apt-get", "-y", "purge", "wsgid")
	p.nothingRuns()
}
