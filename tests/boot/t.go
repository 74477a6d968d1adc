package boot

import (
	"fmt"
	"os"
	"path/filepath"
)

// T is what a machine asks of the test that uses it. A [testing.TB] has it all, and a
// program that is no test can do it as well. Fatal, Fatalf and Skipf end the calling
// goroutine; what Cleanup got runs afterwards, the last first.
type T interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Error(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Keeper does the work of a keeper process and gives its exit status, if this process is
// one; every main function in front of a machine begins with it. [Main] does so.
func Keeper() (status int, is bool) {
	settings, is := os.LookupEnv(keeperVariable)
	if !is {
		return 0, false
	}
	return keep(settings), true
}

// Provide names the directory that holds the wsgid and the wsgid-generator that
// [Machine.Install] installs from now on. Without build they are there already.
func Provide(dir string, build bool) error {
	if build {
		if err := Make("build", "BIN="+dir); err != nil {
			return err
		}
	}
	// The one value that all machines share, set before the first of them.
	if err := os.Setenv(binaryVariable, filepath.Join(dir, "wsgid")); err != nil {
		return fmt.Errorf("cannot set %s: %w", binaryVariable, err)
	}
	return nil
}
