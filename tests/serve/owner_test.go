package serve_test

import (
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"testing"
	"time"
)

// TestScriptOwner: a script that others may write gets no requests: 403, as in mod_wsgi,
// as long as that is so.
func TestScriptOwner(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	directory := filepath.Join(t.TempDir(), "scripts")
	script := filepath.Join(directory, "app.py")
	text, err := os.ReadFile(app(t, "hello.py"))
	if err != nil {
		t.Fatal(err)
	}
	chmod := func(mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(script, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Mkdir(directory, 0o755), os.Chmod(directory, 0o755), os.WriteFile(script, text, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	site := "[group.web]\nprocesses = 1\nscript-user = \"" + me.Username + "\"\n[[mount]]\npath = \"/\"\nscript = \"" + script + "\"\ngroup = \"web\"\n"
	s := startSite(t, site)
	becomes := func(status int) {
		t.Helper()
		for limit := time.Now().Add(readyWithin); ; time.Sleep(20 * time.Millisecond) {
			a := s.get("/")
			if a.status == status {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("status %d, want %d", a.status, status)
			}
		}
	}
	becomes(http.StatusOK)
	chmod(0o666)
	becomes(http.StatusForbidden)
	assertErrorPage(t, s.get("/"), http.StatusForbidden)
	s.awaitText("chmod g-w " + script)
	chmod(0o644)
	becomes(http.StatusOK)
}
