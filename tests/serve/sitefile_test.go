package serve_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"text/template"
)

// writeFile writes a file of the test's own directory and returns its path.
func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// siteOf writes blog.toml and returns its path. In the text {{app "hello.py"}} is
// the quoted path of an application of tests/apps.
func siteOf(t *testing.T, text string) string {
	t.Helper()
	functions := template.FuncMap{
		"app": func(name string) string { return `"` + app(t, name) + `"` },
	}
	site, err := template.New("blog.toml").Funcs(functions).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var filled bytes.Buffer
	if err := site.Execute(&filled, nil); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, t.TempDir(), "blog.toml", filled.String())
}

// startSite serves a site file given as text.
func startSite(t *testing.T, text string, args ...string) *server {
	t.Helper()
	return start(t, append([]string{"--config", siteOf(t, text)}, args...)...)
}
