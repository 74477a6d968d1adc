package packaging_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestReproducible builds in this tree and in a copy of it elsewhere, under another umask.
func TestReproducible(t *testing.T) {
	packages(t)
	copied, out := filepath.Join(t.TempDir(), "another", "tree"), t.TempDir()
	if err := os.MkdirAll(copied, 0o755); err != nil {
		t.Fatal(err)
	}
	// Without .git, and with what is not committed yet.
	command(t, "sh", "-c", `cd .. && git ls-files --cached --others --exclude-standard | tar -c -T - | tar -x -C "$1"`, "sh", copied)
	build(t, copied, out, "077", append(ofRelease(), "PACKAGE_ARCHS=amd64")...)
	assertSameBytes(t, out, built())
}

// TestReproducibleCommit builds two clones of a commit, which say themselves what version
// and day it is: at other paths, at another time in another time zone, and with files
// that are newer by a day.
func TestReproducibleCommit(t *testing.T) {
	need(t, "make", "git", "dpkg-deb", "gzip")
	// A commit of what is here, in a repository of its own.
	source := filepath.Join(t.TempDir(), "source")
	command(t, "sh", "-c", `mkdir "$1" && cd .. && git ls-files --cached --others --exclude-standard | tar -c -T - | tar -x -C "$1"
		cd "$1" && git init -q && git add -A && git -c user.name=t -c user.email=t@localhost commit -q -m one --date 2024-02-29T23:30:00+00:00`, "sh", source)
	var outs []string
	for i, name := range []string{"a", "much/longer/path"} {
		clone, out := filepath.Join(t.TempDir(), name), t.TempDir()
		command(t, "git", "clone", "-q", source, clone)
		variables := []string{"VERSION=", "SOURCE_DATE_EPOCH=", "PACKAGE_ARCHS=amd64", "TZ=UTC"}
		if i > 0 {
			command(t, "find", clone, "-type", "f", "-exec", "touch", "-d", "tomorrow", "{}", "+")
			variables = append(variables, "TZ=Pacific/Kiritimati")
		}
		build(t, clone, out, "022", variables...)
		outs = append(outs, out)
	}
	assertSameBytes(t, outs[0], outs[1])
}

// assertSameBytes wants the packages of one directory to be those of another.
func assertSameBytes(t *testing.T, one, other string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(one, "wsgid*"))
	if err != nil || len(paths) != 2 {
		t.Fatalf("the packages are %q (%v)", paths, err)
	}
	for _, path := range paths {
		if name := filepath.Base(path); !bytes.Equal(contents(t, path), contents(t, filepath.Join(other, name))) {
			t.Errorf("%s is not the same twice", name)
		}
	}
}
