package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the wsgid that the scripts run, and the
// worker processes that it starts as /proc/self/exe.
func TestMain(m *testing.M) {
	wsgid := func() { os.Exit(run()) }
	testscript.Main(m, map[string]func(){"wsgid": wsgid, "exe": wsgid})
}

// TestScripts runs the command line as a user does.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../tests/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
