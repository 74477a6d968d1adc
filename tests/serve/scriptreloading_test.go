package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// answering is a script that answers a word.
func answering(word string) string {
	return fmt.Sprintf("def application(environ, start_response):\n    start_response('200 OK', [])\n    return [%q.encode()]\n", word)
}

// replace writes a file the way editors and deployments do, by rename.
func replace(t *testing.T, dir, name, content string) {
	t.Helper()
	fresh := writeFile(t, dir, name+".new", content)
	if err := os.Rename(fresh, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestScriptReloading: with script-reloading a changed script is served without
// anybody's doing, a broken one is not, and no request fails.
func TestScriptReloading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := writeFile(t, dir, "app.py", answering("one"))
	s := startSite(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\n[[mount]]\npath = \"/\"\nscript = %q\nscript-reloading = true\n", script))
	if got := s.getOK("/"); got != "one" {
		t.Fatalf("got %q", got)
	}
	l := s.underLoad("/")
	replace(t, dir, "app.py", answering("two"))
	eventually(t, reloadWithin, "the changed script", func() bool { return s.getOK("/") == "two" })
	replace(t, dir, "app.py", "def application(:\n")
	s.awaitText("the changed script is not served")
	for range 10 {
		if got := s.getOK("/"); got != "two" {
			t.Fatalf("%q while the script is broken", got)
		}
	}
	replace(t, dir, "app.py", answering("three"))
	eventually(t, reloadWithin, "the mended script", func() bool { return s.getOK("/") == "three" })
	l.assertClean(t)
}

// TestScriptReloadingOfRelease: a deployment that moves a symbolic link to another
// release changes the script as well.
func TestScriptReloadingOfRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, release := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, release), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, release), "app.py", answering("release "+release))
	}
	current := filepath.Join(dir, "current")
	if err := os.Symlink("1", current); err != nil {
		t.Fatal(err)
	}
	s := startSite(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\n[[mount]]\npath = \"/\"\nscript = %q\nscript-reloading = true\n", filepath.Join(current, "app.py")))
	if got := s.getOK("/"); got != "release 1" {
		t.Fatalf("got %q", got)
	}
	if err := os.Symlink("2", current+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(current+".new", current); err != nil {
		t.Fatal(err)
	}
	eventually(t, reloadWithin, "the other release", func() bool { return s.getOK("/") == "release 2" })
}

// TestNoScriptReloading: without the key a changed script is left alone.
func TestNoScriptReloading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := writeFile(t, dir, "app.py", answering("one"))
	s := startSite(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\n[[mount]]\npath = \"/\"\nscript = %q\n", script))
	pid := s.getOK("/")
	replace(t, dir, "app.py", answering("two"))
	for range 20 {
		if got := s.getOK("/"); got != pid {
			t.Fatalf("got %q", got)
		}
	}
}
