package site

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestErrors holds every message: each archive has a site file, perhaps files
// of its .d directory, and the errors they give. Paths are as if the archive
// were /etc/wsgi.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := []byte(goldenErrors(t, archive) + "\n")
			last := &archive.Files[len(archive.Files)-1]
			if last.Name != "errors" {
				t.Fatalf("last file is %s, not errors", last.Name)
			}
			if bytes.Equal(got, last.Data) {
				return
			}
			if !*update {
				t.Fatalf("errors are\n%s\nwant\n%s", got, last.Data)
			}
			last.Data = got
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func goldenErrors(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	var sources []source
	for _, f := range archive.Files[:len(archive.Files)-1] {
		sources = append(sources, source{"/etc/wsgi/" + f.Name, f.Data})
	}
	name := strings.TrimSuffix(archive.Files[0].Name, ".toml")
	_, err := parse(name, sources[0].file, sources)
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatalf("parse gives %v, want Errors", err)
	}
	for _, e := range errs {
		if e.File == "" || e.Msg == "" {
			t.Errorf("error without file or message: %#v", e)
		}
	}
	return err.Error()
}
