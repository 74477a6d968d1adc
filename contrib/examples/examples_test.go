// Package examples_test keeps the examples' site files valid.
package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

// TestSiteFiles loads every example's site file as its first lines say it is
// used: with /srv/NAME replaced by the directory of the example.
func TestSiteFiles(t *testing.T) {
	files, err := filepath.Glob("*/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there is no site file among the examples")
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) { checkSiteFile(t, file) })
	}
}

func checkSiteFile(t *testing.T, file string) {
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(dir)
	placed := strings.ReplaceAll(string(source), "/srv/"+name, dir)
	s, err := site.Parse(name, file, []byte(placed))
	if err != nil {
		t.Fatal(err)
	}
	// What an example has users and an environment for is checked where it is served.
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err == nil {
		return
	}
	if err := s.CheckFiles(); err != nil {
		t.Error(err)
	}
}
