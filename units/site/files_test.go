package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakePython writes a program that answers the probe.
func fakePython(t *testing.T, file, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// inDir parses text with every @ replaced by dir.
func inDir(t *testing.T, dir, text string) *Site {
	t.Helper()
	return mustParse(t, strings.ReplaceAll(text, "@", dir))
}

func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	fakePython(t, filepath.Join(dir, "venv/bin/python"), "exit 1")
	for _, d := range []string{"venv/lib/python3.11/site-packages", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"app.py": "", "env": "A=1\nB\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := inDir(t, dir, `access-log = "@/log/access.log"
spool-directory = "@/app.py"
[group.a]
python-home = "@/venv/lib/python3.11/site-packages/"
home = "@/none"
python-path = ["@/empty", "@/lib"]
[group.b]
python-home = "@/empty"
env-file = ["@/env", "@/none"]
[group.c]
python = "@/app.py"
[group.d]
python-home = "@/venv"
[group.e]
python-home = "@/venv/bin/python"
[[mount]]
path = "/a"
script = "@/none.py"
group = "a"
[[mount]]
path = "/b"
script = "@/empty"
group = "b"
[[mount]]
path = "/c"
script = "@/app.py"
group = "c"
[[mount]]
path = "/d"
script = "@/app.py"
group = "d"
[[mount]]
path = "/e"
script = "@/app.py"
group = "e"
`)
	want := `F:1: access-log: "@/log": no such file or directory
F:2: spool-directory: "@/app.py" is not a directory
F:5: group.a.home: "@/none": no such file or directory
F:6: group.a.python-path: "@/lib": no such file or directory
F:4: group.a.python-home: "@/venv/lib/python3.11/site-packages" is a package directory, not an environment
hint: write python-home = "@/venv"
@/env:2: "B" is not NAME=value
F:9: group.b.env-file: "@/none": no such file or directory
F:8: group.b.python-home: "@/empty" is not a virtual environment: "@/empty/bin/python": no such file or directory
hint: python-home is the directory that has bin/python in it
F:11: group.c.python: "@/app.py" is not an executable file
F:15: group.e.python-home: "@/venv/bin/python" is an interpreter, not an environment
hint: write python-home = "@/venv"
F:18: mount.script: "@/none.py": no such file or directory
F:22: mount.script: "@/empty" is not a file`
	want = strings.NewReplacer("@", dir, "F:", "/etc/wsgi/blog.toml:").Replace(want)
	if err := s.CheckFiles(); err == nil || err.Error() != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
}

func TestInterpreters(t *testing.T) {
	dir := t.TempDir()
	fakePython(t, filepath.Join(dir, "good"), `echo noise; printf '\nwsgid-probe cpython 3 9 0 /srv/my wsgid-probe env'`)
	fakePython(t, filepath.Join(dir, "old"), `printf '\nwsgid-probe cpython 3 8 18 /usr'`)
	fakePython(t, filepath.Join(dir, "two"), `printf '\nwsgid-probe cpython 2 7 18 /usr'`)
	fakePython(t, filepath.Join(dir, "pypy"), `printf '\nwsgid-probe pypy 3 10 0 /usr'`)
	fakePython(t, filepath.Join(dir, "fails"), `echo 'first' >&2; echo 'cannot load libpython' >&2; exit 3`)
	fakePython(t, filepath.Join(dir, "other"), `echo hello`)
	var text strings.Builder
	for _, name := range []string{"good", "old", "two", "pypy", "fails", "other"} {
		text.WriteString("[group." + name + "]\npython = \"@/" + name + "\"\n[[mount]]\npath = \"/" + name + "\"\nmodule = \"m\"\ngroup = \"" + name + "\"\n")
	}
	s := inDir(t, dir, text.String())
	found, err := s.Interpreters(t.Context())
	want := `F:26: group.fails.python: cannot run @/fails: exit status 3: cannot load libpython
F:8: group.old.python: @/old is Python 3.8.18; wsgid needs CPython 3.9 or newer
F:32: group.other.python: @/other is not a Python interpreter
F:20: group.pypy.python: @/pypy is pypy, not CPython
F:14: group.two.python: @/two is Python 2.7.18; wsgid needs CPython 3.9 or newer`
	want = strings.NewReplacer("@", dir, "F:", "/etc/wsgi/blog.toml:").Replace(want)
	if err == nil || err.Error() != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
	if got, want := found["good"], (Python{Path: dir + "/good", Version: "3.9.0", Prefix: "/srv/my wsgid-probe env"}); got != want || len(found) != 1 {
		t.Errorf("found %+v, want only %+v", found, want)
	}
}

// TestInterpreterFromPath needs a real interpreter, to hold the probe program
// to what Python understands.
func TestInterpreterFromPath(t *testing.T) {
	g := NewGroup("main")
	path, err := g.Interpreter()
	if err != nil {
		t.Skipf("no python3 in PATH (%v): that the probe runs on a real interpreter is not proved", err)
	}
	p, err := g.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Path != path || !strings.HasPrefix(p.Version, "3.") || !filepath.IsAbs(p.Prefix) {
		t.Errorf("probe of %s gives %+v", path, p)
	}
}

// TestLogDirectory: a directory that systemd makes need not be there, unless
// nobody makes it.
func TestLogDirectory(t *testing.T) {
	const name = "site-of-a-test-that-is-nowhere"
	own := "/var/log/wsgi/" + name
	s, err := Parse(name, "blog.toml", []byte("access-log = \""+own+"/access.log\"\nerror-log = \""+own+"/more/error.log\"\n[[mount]]\npath = \"/\"\nmodule = \"m\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	const missing = "\": no such file or directory"
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"CheckFiles", s.CheckFiles(), "blog.toml:2: error-log: \"" + own + "/more" + missing},
		{"CheckDirect", s.CheckDirect(), "blog.toml:1: access-log: \"" + own + missing},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", c.what, c.err, c.want)
		}
	}
}
