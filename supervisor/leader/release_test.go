package leader

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

// releases makes DIR/releases/{1,2}/app and DIR/current -> releases/2.
func releases(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"1", "2"} {
		if err := os.MkdirAll(filepath.Join(dir, "releases", name, "app"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("releases/2", filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFindRelease(t *testing.T) {
	t.Parallel()
	dir := releases(t)
	current, second := filepath.Join(dir, "current"), filepath.Join(dir, "releases", "2")
	for _, c := range []struct {
		name  string
		paths []string
		want  release
	}{
		{"of the script", []string{current + "/app/wsgi.py"}, release{current, second}},
		{"of the home", []string{"", current}, release{current, second}},
		{"none", []string{dir + "/releases/1/app/wsgi.py", dir}, release{}},
		{"the first counts", []string{dir, current + "/app"}, release{current, second}},
	} {
		got, err := findRelease(c.paths...)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	r := release{current, second}
	for path, want := range map[string]string{
		current:            second,
		current + "/venv":  second + "/venv",
		current + "-not":   current + "-not",
		"/usr/bin/python3": "/usr/bin/python3",
		"":                 "",
	} {
		if got := r.of(path); got != want {
			t.Errorf("%q leads to %q, not to %q", path, got, want)
		}
	}
	if got := (release{}).of("/x"); got != "/x" {
		t.Errorf("without a link %q", got)
	}
}

// A supervisor may go back to what stands beside the present release.
func TestBackTo(t *testing.T) {
	t.Parallel()
	dir := releases(t)
	r := release{filepath.Join(dir, "current"), filepath.Join(dir, "releases", "2")}
	first := filepath.Join(dir, "releases", "1")
	if got, err := r.backTo(first); err != nil || got.target != first {
		t.Errorf("%+v, %v", got, err)
	}
	for _, target := range []string{dir, "/etc", first + "/app", first + "/../../../etc", filepath.Join(dir, "releases", "3"), "", "releases/1"} {
		if got, err := r.backTo(target); err == nil {
			t.Errorf("%q is taken: %+v", target, got)
		}
	}
	if _, err := (release{}).backTo(first); err == nil || !strings.Contains(err.Error(), "no symbolic link") {
		t.Errorf("without a link: %v", err)
	}
}

func TestResolved(t *testing.T) {
	t.Parallel()
	dir := releases(t)
	current, second := filepath.Join(dir, "current"), filepath.Join(dir, "releases", "2")
	g := &site.Group{Name: "web", Home: current, PythonHome: current + "/venv", PythonPath: []string{current + "/lib", "/srv/lib"}}
	l := &Leader{options: Options{Group: g, Site: &site.Site{Mounts: []*site.Mount{{Path: "/", Script: current + "/app/wsgi.py", Group: "web"}}}}}
	if err := l.resolve(""); err != nil {
		t.Fatal(err)
	}
	got := l.resolved()
	if got.Home != second || got.PythonHome != second+"/venv" || got.PythonPath[0] != second+"/lib" || got.PythonPath[1] != "/srv/lib" {
		t.Errorf("resolved: %+v", got)
	}
	if g.Home != current || g.PythonPath[0] != current+"/lib" {
		t.Errorf("the site's own group was changed: %+v", g)
	}
	if script := l.applications()[0].Script; script != second+"/app/wsgi.py" {
		t.Errorf("script %s", script)
	}
	g.Rotate = site.RotateRolling
	rolling := &Leader{options: l.options}
	if err := rolling.resolve(""); err != nil || rolling.resolved() != g {
		t.Errorf("a rolling reload does not follow the link: %v", err)
	}
}
