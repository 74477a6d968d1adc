package serve_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestErrorLog: with error-log, what applications write and what goes wrong with
// requests is in the file, with the date, and not in the program's own log; SIGUSR1
// has the next line go to a new one.
func TestErrorLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "error.log")
	s := startSite(t, `
error-log = "`+path+`"

[[mount]]
path = "/"
script = {{app "log.py"}}
`)
	c := s.raw()
	for _, route := range []string{"/print", "/stderr", "/errors", "/logging"} {
		c.send(get(route + "?say=first" + strings.Trim(route, "/")))
		c.expect(200)
	}
	const stamp = `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) `
	for _, line := range []string{
		`INFO  firstprint site=\S+ group=main generation=1 process=1 pid=\d+ stream=stdout$`,
		`WARN  firststderr site=\S+ group=main generation=1 process=1 pid=\d+ stream=stderr$`,
		`ERROR firsterrors site=\S+ group=main generation=1 process=1 pid=\d+ request_id=[0-9a-f]+$`,
	} {
		awaitLine(t, path, stamp+line)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	eventually(t, logWithin, "a new file", func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
	c.send(get("/print?say=second"))
	c.expect(200)
	awaitLine(t, path, stamp+`INFO  second site=`)
	if text, err := os.ReadFile(path + ".1"); err != nil || strings.Contains(string(text), "second") {
		t.Errorf("the old file has %q, %v", text, err)
	}
	for _, said := range []string{"firstprint", "firststderr", "firsterrors", "second"} {
		if strings.Contains(s.log.String(), said) {
			t.Errorf("%s is in the program's own log as well:\n%s", said, s.log)
		}
	}
}

func awaitLine(t *testing.T, path, pattern string) {
	t.Helper()
	var text []byte
	defer func() {
		if t.Failed() {
			t.Logf("%s:\n%s", path, text)
		}
	}()
	eventually(t, logWithin, "a line "+pattern, func() bool {
		text, _ = os.ReadFile(path)
		return regexp.MustCompile(pattern).Match(text)
	})
}
