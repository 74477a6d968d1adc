package refresh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

func TestPassCertificates(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := site.Default("blog")
	s.TLS = &site.TLS{Certificates: []string{write("a.pem", "chain"), write("b.pem", "other")}, Keys: []string{write("a.key", "secret"), write("b.key", "hidden")}}
	if err := passCertificates(s, dir); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a runtime directory: %v", err)
	}
	own := filepath.Join(dir, "blog")
	if err := os.Mkdir(own, 0o750); err != nil {
		t.Fatal(err)
	}
	// Whoever owns the directory may have prepared it.
	victim := write("victim", "untouched")
	if err := os.Symlink(dir, filepath.Join(own, site.TLSDirectory)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := passCertificates(s, dir); err != nil {
			t.Fatal(err)
		}
		getenv := func(name string) string { return map[string]string{"RUNTIME_DIRECTORY": own}[name] }
		for i, want := range [][2]string{{"chain", "secret"}, {"other", "hidden"}} {
			for j, path := range []string{s.TLS.CertificateFile(i, getenv), s.TLS.KeyFile(i, getenv)} {
				text, err := os.ReadFile(path)
				if err != nil || string(text) != want[j] || !strings.HasPrefix(path, own) {
					t.Errorf("%s: %q, %v", path, text, err)
				}
				if info, err := os.Stat(path); err != nil || info.Mode() != 0o400 {
					t.Errorf("%s: %v, %v", path, info.Mode(), err)
				}
			}
		}
		if err := os.WriteFile(s.TLS.Certificates[0], []byte("chain"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "untouched" {
		t.Errorf("a file outside: %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, site.KeyName(0))); err == nil {
		t.Error("a key went where a link led")
	}
	s.TLS.Keys[1] = filepath.Join(dir, "missing.key")
	if err := passCertificates(s, dir); err == nil || err.Error() != "tls: there is no file "+s.TLS.Keys[1] {
		t.Errorf("a missing key: %v", err)
	}
}
