package project_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wsgid/wsgid/units/project"
	"github.com/wsgid/wsgid/units/site"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

// TestSiteFiles makes the site files of the projects in testdata. In an archive the
// files below project are the project, with PROJECT for where it is; args has what is
// looked at and the words user and static; want is the site file or the error.
func TestSiteFiles(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("there are %d archives: %v", len(archives), err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { testArchive(t, path) })
	}
}

func testArchive(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args, want := "project", -1
	for i, f := range archive.Files {
		switch f.Name {
		case "args":
			args = strings.TrimSpace(string(f.Data))
		case "want":
			want = i
		default:
			write(t, filepath.Join(dir, f.Name), f.Data)
		}
	}
	if want < 0 {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
		want = len(archive.Files) - 1
	}
	got := strings.ReplaceAll(made(t, dir, strings.Fields(args)), filepath.Join(dir, "project"), "PROJECT")
	if *update {
		archive.Files[want].Data = []byte(got)
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(archive.Files[want].Data) != got {
		t.Errorf("got\n%s\nwant\n%s", got, archive.Files[want].Data)
	}
}

// made is the site file or the error. A site file has to be one: what is switched off in
// it by a comment, too.
func made(t *testing.T, dir string, args []string) string {
	t.Helper()
	p, err := project.Find(filepath.Join(dir, args[0]))
	if err != nil {
		return err.Error() + "\n"
	}
	p.Owner = "joe" // whoever runs the test
	o := project.Options{Name: "blog", Path: "/etc/wsgi/blog.toml", Listen: "127.0.0.1:8000"}
	for _, word := range args[1:] {
		o.User = o.User || word == "user"
		o.Static = o.Static || word == "static"
	}
	text := p.SiteFile(o)
	if _, err := site.Parse("blog", o.Path, []byte(text)); err != nil {
		t.Error(err)
	}
	return text
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestFindRefuses: what has no place in a site file's comment, and what is not there.
func TestFindRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"/srv/a\nb":             `cannot use the path "/srv/a\nb": it has a control character`,
		t.TempDir() + "/no":     "cannot look at the application: stat ",
		t.TempDir() + ":create": `cannot find "create": `,
	} {
		if _, err := project.Find(path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s…", path, err, want)
		}
	}
}
