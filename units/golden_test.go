package units

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wsgid/wsgid/units/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is an archive with one or more *.toml files, the site file first, and then
// what comes of them. The word "user" in the first line of the comment stands for a
// user's own systemd.
type golden struct {
	name    string
	path    string
	archive *txtar.Archive
	inputs  []txtar.File
	options Options
}

// goldens compares what run gives for each archive of a kind.
func goldens(t *testing.T, kind string, run func(t *testing.T, g *golden) []byte) {
	t.Helper()
	eachGolden(t, kind, func(t *testing.T, g *golden) { g.compare(t, run(t, g)) })
}

func eachGolden(t *testing.T, kind string, run func(t *testing.T, g *golden)) {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + kind + "/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("golden files: %v, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			run(t, readGolden(t, path))
		})
	}
}

func readGolden(t *testing.T, path string) *golden {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{path: path, archive: archive, options: Options{Wsgid: "/usr/bin/wsgid"}}
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".toml") {
			break
		}
		g.inputs = append(g.inputs, f)
	}
	if len(g.inputs) == 0 {
		t.Fatal("no site file")
	}
	first, _, _ := strings.Cut(string(archive.Comment), "\n")
	if strings.HasPrefix(first, "user: ") {
		g.options.User, g.options.Runtime = true, "/run/user/1000"
	}
	g.name = strings.TrimSuffix(g.inputs[0].Name, ".toml")
	return g
}

func (g *golden) site(t *testing.T) *site.Site {
	t.Helper()
	s, err := site.Parse(g.name, "/etc/wsgi/"+g.inputs[0].Name, g.inputs[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compare holds what comes after the inputs to got, which is an archive too.
func (g *golden) compare(t *testing.T, got []byte) {
	t.Helper()
	want := txtar.Format(&txtar.Archive{Files: g.archive.Files[len(g.inputs):]})
	if bytes.Equal(got, want) {
		return
	}
	if !*update {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	text := append(txtar.Format(&txtar.Archive{Comment: g.archive.Comment, Files: g.inputs}), got...)
	if err := os.WriteFile(g.path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGenerate(t *testing.T) {
	goldens(t, "generate", func(t *testing.T, g *golden) []byte {
		files, err := Generate(g.site(t), g.options)
		return printed(t, files, err)
	})
}

func TestBroken(t *testing.T) {
	goldens(t, "broken", func(t *testing.T, g *golden) []byte {
		files, err := g.broken()
		return printed(t, files, err)
	})
}

func (g *golden) broken() ([]File, error) {
	var texts [][]byte
	for _, f := range g.inputs {
		texts = append(texts, f.Data)
	}
	return Broken(g.name, "/etc/wsgi/"+g.inputs[0].Name, texts, g.options)
}

func TestErrors(t *testing.T) {
	goldens(t, "errors", func(t *testing.T, g *golden) []byte {
		_, err := Generate(g.site(t), g.options)
		var errs site.Errors
		if !errors.As(err, &errs) {
			t.Fatalf("Generate gives %v, want site.Errors", err)
		}
		return []byte("-- errors --\n" + err.Error() + "\n")
	})
}

func printed(t *testing.T, files []File, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Print(&b, files); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
