package boot

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Names of environment variables that choose what is tested; doc.go says what each does.
const (
	releasesVariable = "WSGID_BOOT_RELEASES"
	cacheVariable    = "WSGID_BOOT_CACHE"
	mirrorVariable   = "WSGID_BOOT_MIRROR"
	binaryVariable   = "WSGID_TEST_BINARY"
)

// Main is what TestMain calls: it builds what Machine.Install installs (unless
// WSGID_TEST_BINARY says that it is built), runs the tests and gives the exit
// status. In a keeper process it runs that instead.
func Main(m *testing.M) int {
	if status, is := Keeper(); is {
		return status
	}
	flag.Parse()
	if testing.Short() || os.Getenv(binaryVariable) != "" || hostProblem() != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "wsgid-boot-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := Provide(dir, true); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Make runs make in the module's directory, whatever make the tests themselves run under.
func Make(args ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	cmd := exec.Command("make", append([]string{"--no-print-directory", "-C", root}, args...)...)
	cmd.Env = withoutMake(os.Environ())
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot run make %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return nil
}

// withoutMake removes what a make around the tests hands down: its options and the
// variables of its command line would change what this one does.
func withoutMake(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "PREFIX", "DESTDIR", "BIN":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

// moduleRoot is the directory that holds go.mod: tests run in that of their package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("cannot find the module: no go.mod at or above the working directory")
		}
		dir = parent
	}
}
