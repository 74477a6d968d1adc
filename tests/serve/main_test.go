package serve_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Names of environment variables that choose what is tested; doc.go says what each does.
const (
	pythonVariable     = "WSGID_TEST_PYTHON"
	binaryVariable     = "WSGID_TEST_BINARY"
	buildFlagsVariable = "WSGID_TEST_BUILDFLAGS"
)

// TestMain puts a built wsgid in the environment, where start finds it: the one
// value all tests share, set before the first of them runs.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(binaryVariable) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "wsgid-serve-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "wsgid")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv(binaryVariable, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(binary string) error {
	args := []string{"build", "-o", binary}
	args = append(args, strings.Fields(os.Getenv(buildFlagsVariable))...)
	cmd := exec.Command("go", append(args, "github.com/wsgid/wsgid/cmd/wsgid")...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build wsgid: %w\n%s", err, output)
	}
	return nil
}

// python is the interpreter under test.
func python() string {
	if path := os.Getenv(pythonVariable); path != "" {
		return path
	}
	return "/usr/bin/python3"
}

// needPackage skips the test when the interpreter lacks a package; proves says what is lost.
func needPackage(t *testing.T, name, proves string) {
	t.Helper()
	if exec.Command(python(), "-c", "import "+name).Run() != nil {
		t.Skipf("%s has no package %q: not proved that %s", python(), name, proves)
	}
}

// longTest leaves the test out under -short; proves says what is lost.
func longTest(t *testing.T, proves string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("-short: not proved that %s", proves)
	}
}

// app is the path of an application of tests/apps.
func app(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "apps", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
