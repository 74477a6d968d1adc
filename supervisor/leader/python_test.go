package leader

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// flagsMirror answers with what an interpreter says of how it was started, and with
// what a program that the application starts says.
const flagsMirror = `
import json, os, subprocess, sys
def application(environ, start_response):
    child = subprocess.check_output([sys.executable, '-c', 'import sys; print(sys.flags.optimize, sys.flags.dont_write_bytecode, len(sys.warnoptions))'])
    start_response('200 OK', [])
    return [json.dumps({
        'optimize': sys.flags.optimize, 'bytecode': not sys.dont_write_bytecode, 'warnings': sys.warnoptions,
        'randomized': bool(sys.flags.hash_randomization), 'hash': hash('wsgid'),
        'eggs': os.environ.get('PYTHON_EGG_CACHE', ''), 'child': child.decode().strip(),
    }).encode()]
`

type pythonFlags struct {
	Optimize             int
	Bytecode, Randomized bool
	Warnings             []string
	Hash                 int64
	Eggs, Child          string
}

func lookAtFlags(t *testing.T, change func(*Options)) pythonFlags {
	t.Helper()
	r := lead(t, flagsMirror, change)
	threads, _ := r.ready(1)
	var seen pythonFlags
	if err := json.Unmarshal([]byte(threads[0].get("")), &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestPythonFlags(t *testing.T) {
	t.Setenv("PYTHONHASHSEED", "0")
	t.Setenv("PYTHONDONTWRITEBYTECODE", "") // empty counts as not set
	filters := []string{"ignore", "error::DeprecationWarning:rig_app:7"}
	seen := lookAtFlags(t, func(o *Options) {
		o.Site.Python = site.PythonFlags{Optimize: 2, NoBytecode: true, Warnings: filters, HashSeed: "7"}
		o.Group.PythonEggs = "/var/cache/eggs"
	})
	if seen.Optimize != 2 || seen.Bytecode || !slices.Equal(seen.Warnings, filters) || seen.Eggs != "/var/cache/eggs" {
		t.Errorf("got %+v", seen)
	}
	if seen.Child != "0 0 0" {
		t.Errorf("a program that the application starts has the flags %q", seen.Child)
	}
	again := lookAtFlags(t, func(o *Options) { o.Site.Python.HashSeed = "7" })
	if again.Hash != seen.Hash {
		t.Errorf("hashes %d and %d with the same seed", seen.Hash, again.Hash)
	}
	if again.Optimize != 0 || !again.Bytecode || len(again.Warnings) != 0 || again.Eggs != "" {
		t.Errorf("defaults: %+v", again)
	}
}

// TestHashSeedRandom: mod_wsgi makes a seed of 0 of the word, the same hash in
// every process.
func TestHashSeedRandom(t *testing.T) {
	t.Setenv("PYTHONHASHSEED", "0")
	fixed := lookAtFlags(t, nil)
	first := lookAtFlags(t, func(o *Options) { o.Site.Python.HashSeed = "random" })
	second := lookAtFlags(t, func(o *Options) { o.Site.Python.HashSeed = "random" })
	if fixed.Randomized {
		t.Error("PYTHONHASHSEED of the environment does not count without the key")
	}
	if !first.Randomized || !second.Randomized || first.Hash == second.Hash || first.Hash == fixed.Hash {
		t.Errorf("random: %+v, %+v; with seed 0: %d", first, second, fixed.Hash)
	}
}

// TestImportScript: scripts run before the application, in their order, and see
// the paths that it sees.
func TestImportScript(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	for name, text := range map[string]string{
		"first.py":  "import first_helper\nseen = ['first', __name__]\n",
		"second.py": "import sys\nsys.modules['first'].seen.append('second')\n",
	} {
		writeText(t, filepath.Join(directory, name), text)
	}
	writeText(t, filepath.Join(directory, "first_helper.py"), "")
	scripts := []string{filepath.Join(directory, "first.py"), filepath.Join(directory, "second.py")}
	r := lead(t, `
import first
first.seen.append('application')
def application(environ, start_response):
    start_response('200 OK', [])
    return [' '.join(first.seen).encode()]
`, func(o *Options) {
		o.Group.ImportScripts, o.Group.PythonPath = scripts, []string{directory}
	})
	threads, _ := r.ready(1)
	if got, want := threads[0].get(""), "first first second application"; got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
}

func TestImportScriptFails(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	script := filepath.Join(directory, "prepare.py")
	writeText(t, script, "def prepare():\n    raise LookupError('no database')\nprepare()\n")
	r := lead(t, hello, func(o *Options) { o.Group.ImportScripts = []string{script} })
	if m := r.expect(wire.ProcessFailed); !strings.Contains(m.Text, script+`", line 2, in prepare`) || !strings.HasSuffix(m.Text, "LookupError: no database") {
		t.Errorf("reason: %q", m.Text)
	}
	r = lead(t, hello, func(o *Options) { o.Group.ImportScripts = []string{directory + "/none.py"} })
	if m := r.expect(wire.ProcessFailed); m.Text != "cannot read script "+directory+"/none.py: no such file or directory" {
		t.Errorf("reason: %q", m.Text)
	}
}

// TestScriptTwice: an application that is among the scripts is imported once.
func TestScriptTwice(t *testing.T) {
	t.Parallel()
	r := lead(t, `
import builtins
builtins.rig_imports = getattr(builtins, 'rig_imports', 0) + 1
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'%d' % builtins.rig_imports]
`, func(o *Options) { o.Group.ImportScripts = []string{o.Site.Mounts[0].Script} })
	threads, _ := r.ready(1)
	if got := threads[0].get(""); got != "1" {
		t.Errorf("imported %s times", got)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRestrictSignal: by default an application cannot take signals from its
// process, and the log says so; the processes that it forks are free.
func TestRestrictSignal(t *testing.T) {
	t.Parallel()
	r := lead(t, `
import os, signal
before = signal.getsignal(signal.SIGTERM)
answers = [signal.signal(signal.SIGTERM, lambda *args: None) == before, signal.getsignal(signal.SIGTERM) == before]
child = os.fork()
if not child:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os._exit(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
answers.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1)
def application(environ, start_response):
    start_response('200 OK', [])
    return [repr(answers).encode()]
`, nil)
	threads, _ := r.ready(1)
	if got := threads[0].get(""); got != "[True, True, True]" {
		t.Errorf("got %s", got)
	}
	r.log.wait(t, "WARN callback registration for signal 15 ignored")
}

// TestFarewell: an application hears why its process ends, in mod_wsgi's words.
func TestFarewell(t *testing.T) {
	t.Parallel()
	for why, want := range map[string]string{
		"": "shutdown_signal", "shutdown": "shutdown_signal", "reload": "graceful_signal",
		"restart-interval": "restart_interval", "inactivity-timeout": "inactivity_timeout",
	} {
		r := lead(t, `
import mod_wsgi
mod_wsgi.subscribe_shutdown(lambda name, *, shutdown_reason: print('told', shutdown_reason))
def application(environ, start_response):
    pass
`, nil)
		r.ready(1)
		m := wire.Message{Type: wire.Shutdown, Text: why}
		if why == "restart-interval" {
			m.Type, m.Process = wire.StopProcess, 1
		}
		r.tell(m)
		r.log.wait(t, "told "+want)
	}
}
