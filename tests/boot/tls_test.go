package boot_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/certificate"
)

const tlsSite = `listen = ["127.0.0.1:8000", "127.0.0.1:8443"]
[tls]
listen = "127.0.0.1:8443"
certificate = "/etc/ssl/blog.pem"
key = "/etc/ssl/private/blog.key"
[[mount]]
path = "/"
script = "/srv/blog/probe.py"
`

func TestTLS(t *testing.T) {
	boot.Run(t, "a key that only root can read, taken over by a reload",
		boot.Case{Name: "certificates", Run: testCertificates},
	)
}

func testCertificates(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/blog/probe.py", probe, 0o644, "")
	renew := func(serial int64) {
		chain, key, err := certificate.New(serial, "blog.example")
		if err != nil {
			t.Fatal(err)
		}
		m.WriteFile("/etc/ssl/blog.pem", chain, 0o644, "")
		m.WriteFile("/etc/ssl/private/blog.key", key, 0o600, "")
	}
	serial := func() int64 {
		conn, err := m.Dial("tcp", "127.0.0.1:8443")
		if err != nil {
			t.Fatal(err)
		}
		serial, err := certificate.Serial(conn, "blog.example")
		if err != nil {
			t.Fatal(err)
		}
		return serial
	}
	renew(11)
	m.Site("blog", tlsSite)
	m.MustRun("systemctl", "start", "wsgi@blog.socket")
	for _, args := range [][]string{{"--http1.1"}, {"--http2"}} {
		got := m.Curl(append(args, "--insecure", "https://127.0.0.1:8443/environ")...)
		if got.Status != 200 || !strings.Contains(got.Body, `"wsgi.url_scheme": "https"`) {
			t.Errorf("%v: %d %s", args, got.Status, got.Body)
		}
	}
	if got := m.Curl("http://127.0.0.1:8000/environ"); got.Status != 200 {
		t.Errorf("without TLS: %d", got.Status)
	}
	if got := serial(); got != 11 {
		t.Errorf("serial %d", got)
	}
	renew(12)
	m.MustRun("systemctl", "reload", "wsgi@blog")
	if got := serial(); got != 12 {
		t.Errorf("serial %d after the reload", got)
	}
	// A reload that cannot use what it finds changes nothing.
	_, other, err := certificate.New(99, "other.example")
	if err != nil {
		t.Fatal(err)
	}
	m.WriteFile("/etc/ssl/private/blog.key", other, 0o600, "")
	if r := m.Run("systemctl", "reload", "wsgi@blog"); r.Status == 0 {
		t.Error("a key of another certificate is taken")
	}
	m.AwaitJournal("wsgi@blog.service", "cannot use /etc/ssl/blog.pem with /etc/ssl/private/blog.key", within)
	m.MustRun("mv", "/etc/ssl/private/blog.key", "/etc/ssl/private/elsewhere.key")
	if r := m.Run("systemctl", "reload", "wsgi@blog"); r.Status == 0 {
		t.Error("a missing key is taken")
	}
	m.AwaitJournal("wsgi@blog.service", "there is no file /etc/ssl/private/blog.key", within)
	if got := serial(); got != 12 {
		t.Errorf("serial %d after reloads that failed", got)
	}
	// A start reads what there is now, whatever reloads have brought.
	renew(13)
	m.MustRun("systemctl", "restart", "wsgi@blog")
	if got := serial(); got != 13 {
		t.Errorf("serial %d after a restart", got)
	}
}
