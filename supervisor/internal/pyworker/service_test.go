package pyworker

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// service is the command that runs a service script with settings over the default.
func service(t *testing.T, python, directory string, settings ...string) *exec.Cmd {
	t.Helper()
	program, err := ServiceProgram()
	if err != nil {
		t.Fatal(err)
	}
	config := append([]string{
		"group", "queue", "script", "", "module", "", "directory", directory, "home", "", "python-path", "",
		"locale", "", "switch-interval", "", "title", "t",
	}, settings...)
	command := exec.Command(python, "-B", "-c", ServiceBootstrap(3, 4))
	for _, text := range []string{string(program), strings.Join(config, "\x00")} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		command.ExtraFiles = append(command.ExtraFiles, file)
	}
	return command
}

// TestService: a service script finds what the interpreter would give it, as a file and
// as a module, and no trace of the gateway.
func TestService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"job.py": `import sys, threading, time
class Own: pass
import pickle
pickle.loads(pickle.dumps(Own()))
print(__name__, __file__, __spec__, sys.argv == [__file__], sys.path[0], 'boot' in globals(), flush=True)
threading.Thread(target=lambda: (time.sleep(0.2), print(Own.__name__))).start()
`,
		"api.py": `import mod_wsgi
print(mod_wsgi.version, mod_wsgi.process_group, mod_wsgi.threads_per_process, mod_wsgi.maximum_processes, mod_wsgi.active_requests)
`,
		"fail.py":             "import fail_deeper\n",
		"fail_deeper.py":      "def f():\n    1 / 0\nf()\n",
		"exit.py":             "raise SystemExit(7)\n",
		"wrong.py":            "def f(:\n",
		"pkg/__init__.py":     "",
		"pkg/mod.py":          "from . import other\nimport sys\nprint(__name__, __package__, __spec__.name, sys.argv[0] == __file__, other.NAME)\n",
		"pkg/other.py":        "NAME = __name__\n",
		"pkg/sub/__main__.py": "print('main of', __package__)\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	job := filepath.Join(dir, "job.py")
	tests := []struct {
		name, key, value string
		status           int
		want             []string // parts of what is written
	}{
		{"script", "script", job, 0, []string{"__main__ " + job + " None True " + dir + " False\nOwn\n"}},
		{"module", "module", "pkg.mod", 0, []string{"__main__ pkg pkg.mod True pkg.other\n"}},
		{"package", "module", "pkg.sub", 0, []string{"main of pkg.sub\n"}},
		{"mod_wsgi", "script", filepath.Join(dir, "api.py"), 0, []string{"(6, 0, 5) queue 0 1 {}\n"}},
		{"exception", "script", filepath.Join(dir, "fail.py"), 1, []string{"Traceback", "fail_deeper.py", "ZeroDivisionError"}},
		{"exit status", "script", filepath.Join(dir, "exit.py"), 7, nil},
		{"syntax", "script", filepath.Join(dir, "wrong.py"), 1, []string{"wrong.py", "SyntaxError"}},
		{"no such module", "module", "pkg.none", 1, []string{"there is no module pkg.none that can be run"}},
		{"no such package", "module", "none.at.all", 1, []string{"No module named 'none'"}},
	}
	for _, python := range interpreters(t) {
		for _, c := range tests {
			t.Run(strings.ReplaceAll(python, "/", "_")+" "+c.name, func(t *testing.T) {
				t.Parallel()
				command := service(t, python, dir, c.key, c.value)
				output, err := command.CombinedOutput()
				if got := command.ProcessState.ExitCode(); got != c.status {
					t.Errorf("exit status %d (%v)", got, err)
				}
				for _, want := range c.want {
					if !strings.Contains(string(output), want) {
						t.Errorf("it says %q, want %q", output, want)
					}
				}
				if strings.Contains(string(output), "wsgid") {
					t.Errorf("the gateway shows: %q", output)
				}
			})
		}
	}
}

// TestServiceIsToldToEnd: SIGTERM ends a service script in order, unless it handles it.
func TestServiceIsToldToEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "job.py")
	const text = `import atexit, mod_wsgi, time
@mod_wsgi.subscribe_shutdown
def told(name, **event):
    print(name, event)
    1 / 0
atexit.register(print, 'atexit')
try:
    print('begun')
    time.sleep(60)
finally:
    print('finally')
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := service(t, interpreters(t)[0], "/", "script", path)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if said = append(said, lines.Text()); len(said) == 1 {
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := command.Wait(); err != nil || strings.Join(said, " ") != "begun process_stopping {'shutdown_reason': 'shutdown_signal'} finally atexit" {
		t.Errorf("it says %q, %v", said, err)
	}
}
