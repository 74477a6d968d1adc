package boot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// optionsApplication says what its interpreter is like, and does what options forbid.
const optionsApplication = `import builtins, json, os, signal, sys, time, warnings
import beside

def attempt(what):
    try:
        return what()
    except Exception as error:
        return type(error).__name__

def spin():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass

def handle():
    signal.signal(signal.SIGWINCH, lambda *_: None)
    return callable(signal.getsignal(signal.SIGWINCH))

def application(environ, start_response):
    if environ['PATH_INFO'] == '/spin':
        spin()
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({
        'pid': os.getpid(), 'optimize': sys.flags.optimize, 'hash': hash('a'), 'imported': getattr(builtins, 'imported', None),
        'warn': attempt(lambda: warnings.warn('w', UserWarning)), 'in': attempt(lambda: sys.stdin.read()), 'out': attempt(lambda: print('printed', flush=True)),
        'signal': attempt(handle),
        'switch': sys.getswitchinterval(), 'path': '/srv/options/lib' in sys.path, 'beside': beside.__file__,
    }).encode()]
`

// optionsSite takes what stands at the top and what stands in the group.
const optionsSite = `%s
[group.web]
user = "joe"
home = "/srv/options"
request-timeout = "1s"
%s
[[mount]]
path = "/"
script = "/srv/options/app.py"
group = "web"
`

// interpreter is what the application says.
type interpreter struct {
	PID      int
	Optimize int
	Hash     int64
	Imported []string
	Warn     any
	In, Out  any
	Signal   any
	Switch   float64
	Path     bool
	Beside   string
}

func TestPythonOptions(t *testing.T) {
	boot.Run(t, "options of interpreters hold in a running system",
		boot.Case{Name: "without", Run: testPythonDefaults},
		boot.Case{Name: "with", Run: testPythonOptions},
		boot.Case{Name: "script-user", Run: func(t *testing.T, m *boot.Machine) {
			testScriptOwner(t, m, "script-user", "joe", "chown", `"/srv/options/app.py" belongs to user 0, and script-user is "joe"`)
		}},
		boot.Case{Name: "script-group", Run: func(t *testing.T, m *boot.Machine) {
			testScriptOwner(t, m, "script-group", "joe", "chgrp", `"/srv/options/app.py" belongs to group 0, and script-group is "joe"`)
		}},
		boot.Case{Name: "interrupt-timeout", Run: testInterrupt},
		boot.Case{Name: "spool-directory", Run: testSpoolDirectory},
	)
}

// options makes the site, whose directory is the user's, so that bytecode can be written.
func options(m *boot.Machine, top, group string) {
	m.MustRun("install", "-d", "-o", "joe", "-g", "joe", "/srv/options", "/srv/options/lib")
	m.WriteFile("/srv/options/app.py", optionsApplication, 0o644, "joe:joe")
	m.WriteFile("/srv/options/beside.py", "", 0o644, "joe:joe")
	for _, name := range []string{"one", "two"} {
		m.WriteFile("/srv/options/"+name+".py", "import builtins\nbuiltins.imported = getattr(builtins, 'imported', []) + ['"+name+"']\n", 0o644, "joe:joe")
	}
	m.Site("options", fmt.Sprintf(optionsSite, top, group))
}

// interpreterOf asks the application.
func interpreterOf(t *testing.T, m *boot.Machine) interpreter {
	t.Helper()
	var is interpreter
	text := askProbe(t, m, "options", "/", "")
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return is
}

const cacheOfOptions = "/srv/options/__pycache__"

// testPythonDefaults is what the next case is to be compared with.
func testPythonDefaults(t *testing.T, m *boot.Machine) {
	options(m, "", "")
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/srv/options") })
	m.MustRun("systemctl", "start", "wsgi@options")
	is := interpreterOf(t, m)
	want := interpreter{PID: is.PID, Hash: is.Hash, In: "", Signal: false, Switch: 0.005, Beside: "/srv/options/beside.py"}
	if fmt.Sprintf("%+v", is) != fmt.Sprintf("%+v", want) {
		t.Errorf("the interpreter is\n%+v, want\n%+v", is, want)
	}
	m.AwaitJournal("wsgi-options:*", "printed", within)
	if got := m.Owner(cacheOfOptions); !strings.HasPrefix(got, "joe:joe ") {
		t.Errorf("the bytecode is %s", got)
	}
}

func testPythonOptions(t *testing.T, m *boot.Machine) {
	options(m, "python-optimize = 1\npython-hash-seed = 7\npython-warnings = \"error::UserWarning\"\ndont-write-bytecode = true\n",
		"import-script = [\"/srv/options/one.py\", \"/srv/options/two.py\"]\nrestrict-stdin = true\nrestrict-stdout = true\nrestrict-signal = false\n"+
			"switch-interval = 0.25\npython-path = \"/srv/options/lib\"\n")
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/srv/options") })
	m.MustRun("systemctl", "start", "wsgi@options")
	is := interpreterOf(t, m)
	hash := m.Must(boot.Command{Args: []string{"python3", "-c", "print(hash('a'))"}, Env: []string{"PYTHONHASHSEED=7"}})
	// The ValueError is Python's own: the request is not in the main thread.
	want := interpreter{
		PID: is.PID, Optimize: 1, Imported: []string{"one", "two"}, Warn: "UserWarning", In: "OSError", Out: "OSError",
		Signal: "ValueError", Switch: 0.25, Path: true, Beside: "/srv/options/beside.py",
	}
	if fmt.Sprint(is.Hash) != hash {
		t.Errorf("hash('a') is %d, and %s with the seed", is.Hash, hash)
	}
	want.Hash = is.Hash
	if fmt.Sprintf("%+v", is) != fmt.Sprintf("%+v", want) {
		t.Errorf("the interpreter is\n%+v, want\n%+v", is, want)
	}
	if m.Exists(cacheOfOptions) {
		t.Error("bytecode was written")
	}
	// A script that fails is a start that fails: the old processes serve on.
	m.WriteFile("/srv/options/two.py", "raise ValueError('on purpose')\n", 0o644, "joe:joe")
	if got := m.Run("systemctl", "reload", "wsgi@options"); got.Status == 0 {
		t.Error("a reload succeeds whose import script fails")
	}
	m.AwaitJournal("wsgi-options:*", "ValueError: on purpose", within)
	if now := interpreterOf(t, m); now.PID != is.PID {
		t.Errorf("process %d has taken the place of %d", now.PID, is.PID)
	}
}

// testScriptOwner: a script of another owner is refused, with a line that says whose it is,
// and served once it is as the key says.
func testScriptOwner(t *testing.T, m *boot.Machine, key, name, change, logged string) {
	options(m, "", key+" = \""+name+"\"\n")
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/srv/options") })
	m.MustRun(change, "root", "/srv/options/app.py")
	m.MustRun("systemctl", "start", "wsgi@options")
	ask := func() boot.Response {
		return m.Curl("--unix-socket", "/run/wsgi/options.sock", "http://options/")
	}
	if got := ask(); got.Status != 403 {
		t.Errorf("a script of root's: %d %s", got.Status, got.Body)
	}
	m.AwaitJournal("wsgi-options:*", logged, within)
	awaitStatus := func(status int) {
		t.Helper()
		m.MustRun("sh", "-c", `for try in $(seq 200); do
			[ "$(curl --silent --output /dev/null --write-out '%{http_code}' --unix-socket /run/wsgi/options.sock http://options/)" = "$1" ] && exit 0; done; exit 1`,
			"sh", fmt.Sprint(status))
	}
	m.MustRun(change, name, "/srv/options/app.py")
	awaitStatus(200)
	// While it runs, too; and the directory counts as the script does.
	m.MustRun(change, "root", "/srv/options")
	awaitStatus(403)
	m.MustRun(change, name, "/srv/options")
	awaitStatus(200)
}

// testInterrupt: a late request ends in its thread, and the process serves on.
func testInterrupt(t *testing.T, m *boot.Machine) {
	options(m, "", "interrupt-timeout = \"20s\"\nthreads = 1\n")
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/srv/options") })
	m.MustRun("systemctl", "start", "wsgi@options")
	before := interpreterOf(t, m)
	if got := m.Curl("--unix-socket", "/run/wsgi/options.sock", "http://options/spin"); got.Status != 504 {
		t.Errorf("a request that spins: %d %s", got.Status, got.Body)
	}
	m.AwaitJournal("wsgi-options:*", "mod_wsgi.RequestTimeout has ended the request", within)
	if after := interpreterOf(t, m); after.PID != before.PID {
		t.Errorf("process %d has taken the place of %d", after.PID, before.PID)
	}
}

// testSpoolDirectory: a body that is too large for memory is in a file there, without a name,
// while the application is busy with others; where the supervisor may not write, clients
// hear of it and the log says why.
func testSpoolDirectory(t *testing.T, m *boot.Machine) {
	m.MustRun("install", "-d", "-o", "wsgi", "-g", "wsgi", "-m", "700", "/srv/spool")
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/srv/spool") })
	m.WriteFile("/srv/options/probe.py", probe, 0o644, "")
	m.Site("options", "spool-directory = \"/srv/spool\"\nrequest-buffer-size = \"4K\"\n[group.web]\nthreads = 1\n[site.systemd]\nReadWritePaths = \"/srv/spool\"\n"+
		"[[mount]]\npath = \"/\"\nscript = \"/srv/options/probe.py\"\ngroup = \"web\"\n")
	m.MustRun("systemctl", "start", "wsgi@options")
	slow := slowly(t, m, "options", "", "3")
	m.WriteFile("/srv/options/body", strings.Repeat("x", 1<<20), 0o644, "")
	upload := beside(t, m, "curl", "--silent", "--show-error", "--fail", "--data-binary", "@/srv/options/body", "--unix-socket", "/run/wsgi/options.sock", "http://options/who")
	pid := m.MustRun("systemctl", "show", "--property=MainPID", "--value", "wsgi@options.service")
	m.MustRun("sh", "-c", `for try in $(seq 500); do ls -l "/proc/$1/fd" | grep -q '/srv/spool/.*(deleted)' && exit 0; done; exit 1`, "sh", pid)
	for _, done := range []<-chan answer{slow, upload} {
		if got := <-done; got.err != nil {
			t.Errorf("%v %s", got.err, got.output)
		}
	}
	if left := m.MustRun("ls", "-A", "/srv/spool"); left != "" {
		t.Errorf("left are %s", left)
	}
}
