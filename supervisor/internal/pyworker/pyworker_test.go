package pyworker

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProgram: every module is listed in a program, and both are what Bootstrap's
// text takes apart.
func TestProgram(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, make := range []func() ([]byte, error){Program, ServiceProgram} {
		text, err := make()
		if err != nil {
			t.Fatal(err)
		}
		parts := bytes.Split(text, []byte{0})
		if len(parts)%2 != 1 || len(parts[len(parts)-1]) > 0 {
			t.Fatalf("%d parts: each module has a name and a text without NUL", len(parts))
		}
		for i := 0; i+1 < len(parts); i += 2 {
			name := string(parts[i])
			want, err := os.ReadFile("program/" + name + ".py")
			if err != nil || !bytes.Equal(parts[i+1], want) {
				t.Errorf("module %s is not its file: %v", name, err)
			}
			listed[name] = true
		}
	}
	paths, err := filepath.Glob("program/*.py")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no program: %v", err)
	}
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".py"); !listed[name] {
			t.Errorf("module %s is in no program", name)
		}
	}
}

// TestBootstrap runs the text that the interpreter gets, with a program that
// tells what it finds.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	python := interpreters(t)[0]
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	starters, err := program(nil)
	if err != nil {
		t.Fatal(err)
	}
	program := string(starters) + "first\x00value = 'of first'\x00last\x00" + `import os, sys
from _wsgid.first import value
def main():
    closed = not os.path.exists('/proc/self/fd/3')
    print(value, __name__, main.__code__.co_filename, '' in sys.path, closed, 'boot' in globals(), sys.modules['_wsgid'].later)
` + "\x00later\x00raise SystemExit(1)\x00"
	if _, err := file.WriteString(program); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(python, "-c", bootstrapOf(3, 2, ""))
	command.ExtraFiles = []*os.File{file}
	output, err := command.CombinedOutput()
	if want := "of first _wsgid.last <wsgid>/last.py False True False {'later': b'raise SystemExit(1)'}\n"; err != nil || string(output) != want {
		t.Errorf("got %q, %v; want %q", output, err, want)
	}
}

// TestUnderEveryInterpreter runs the tests of the Python program under each
// interpreter that is there.
func TestUnderEveryInterpreter(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: the Python program was not tested under several interpreters")
	}
	for _, python := range interpreters(t) {
		t.Run(strings.ReplaceAll(python, "/", "_"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, python, "-B", "-W", "error", "-m", "unittest", "discover", "-s", "tests")
			output, err := command.CombinedOutput()
			if err != nil || !bytes.Contains(output, []byte("\nOK")) {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// interpreters are CPython 3.9 and later: the one that the tests are told to
// use first, then those in PATH and those of pyenv.
func interpreters(t *testing.T) []string {
	t.Helper()
	candidates := []string{os.Getenv("WSGID_TEST_PYTHON"), "/usr/bin/python3"}
	directories := filepath.SplitList(os.Getenv("PATH"))
	if home, err := os.UserHomeDir(); err == nil {
		versions, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions/3.*/bin")) // the pattern is well formed
		directories = append(directories, versions...)
	}
	for _, directory := range directories {
		found, _ := filepath.Glob(filepath.Join(directory, "python3.[0-9]*")) // a bad pattern finds nothing
		for _, path := range found {
			if !strings.HasSuffix(path, "-config") {
				candidates = append(candidates, path)
			}
		}
	}
	var usable []string
	seen := map[string]bool{}
	for _, path := range candidates {
		if path == "" {
			continue
		}
		version := versionOf(path)
		if version == "" || seen[version] {
			continue
		}
		seen[version] = true
		usable = append(usable, path)
	}
	if len(usable) == 0 {
		t.Skip("there is no CPython 3.9 or later: the Python program was not run")
	}
	return usable
}

// versionOf asks an interpreter for its version; "" if it is none that the
// program supports.
func versionOf(python string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	const ask = `import sys
if sys.implementation.name == "cpython" and sys.version_info >= (3, 9): print(*sys.version_info[:3], sep=".", end="")`
	output, err := exec.CommandContext(ctx, python, "-I", "-c", ask).Output()
	if err != nil {
		return ""
	}
	return string(output)
}
