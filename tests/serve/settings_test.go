package serve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGroupSettings: the keys of a group that a process can see of itself.
func TestGroupSettings(t *testing.T) {
	t.Parallel()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	envFile := writeFile(t, t.TempDir(), "site.env", "FROM_FILE=file\nBOTH=file\n")
	site := strings.NewReplacer("HOME", home, "ENVFILE", envFile).Replace(`
[group.web]
processes = 1
threads = 1
home = "HOME"
umask = "0027"
lang = "C.UTF-8"
locale = "C.UTF-8"
display-name = "%{GROUP}"
switch-interval = 0.25
stack-size = 1048576
env-file = ["ENVFILE"]

[group.web.env]
FROM_KEY = "key"
BOTH = "key"

[[mount]]
path = "/"
script = {{app "pid.py"}}
group = "web"
`)
	s := startSite(t, site)
	var seen struct {
		PID            int
		Umask, CWD     string
		SwitchInterval float64 `json:"switch_interval"`
	}
	s.getJSON("/", &seen)
	if seen.Umask != "0027" || seen.CWD != home || seen.SwitchInterval != 0.25 {
		t.Errorf("got %+v", seen)
	}
	if title := commandLine(seen.PID); title != "(wsgi:web)" {
		t.Errorf("title %q", title)
	}
	for name, want := range map[string]string{
		"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "FROM_KEY": "key", "FROM_FILE": "file", "BOTH": "key",
	} {
		var got string
		s.getJSON("/env?name="+name, &got)
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestPythonOption: the processes run the interpreter that --python names.
func TestPythonOption(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "pid.py"), "--processes", "1")
	var seen struct{ Executable string }
	s.getJSON("/", &seen)
	got, err := os.Stat(seen.Executable)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(python())
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(got, want) {
		t.Errorf("runs %s, want %s", seen.Executable, python())
	}
}
