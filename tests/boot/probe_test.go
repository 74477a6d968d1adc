package boot_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// probe is an application that does what the path says, and answers with what came of
// it: the name of the exception where there was one.
const probe = `import json, os, resource, socket, stat, sys, threading, time
from urllib.parse import unquote

def who(_):
    mask = os.umask(0)
    os.umask(mask)
    with open('/proc/self/cgroup') as file:
        cgroup = file.read()
    return json.dumps({
        'pid': os.getpid(), 'ppid': os.getppid(), 'uid': os.getuid(), 'gid': os.getgid(), 'groups': os.getgroups(), 'umask': mask,
        'cwd': os.getcwd(), 'path0': sys.path[0], 'nice': os.nice(0), 'stack': threading.stack_size(),
        'cgroup': cgroup.split('::')[-1].strip(), 'env': dict(os.environ),
    })

def read(path):
    with open(path) as file:
        return file.read()

def write(path):
    with open(path, 'w') as file:
        file.write('written')
    return 'written'

def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    return 'connected'

def sleep(argument):
    path, seconds = argument.split('|')
    write(path)
    time.sleep(float(seconds))
    return who('')

def spin(seconds):
    end = time.process_time() + float(seconds)
    while time.process_time() < end:
        pass
    return 'spun'

def allocate(size):
    return str(len(bytearray(int(size))))

def environ_of(environ):
    return json.dumps({k: v for k, v in environ.items() if isinstance(v, str)})

def application(environ, start_response):
    argument = unquote(environ['QUERY_STRING'])
    verb = environ['PATH_INFO'].rpartition('/')[2]
    verbs = {'who': who, 'read': read, 'write': write, 'connect': connect, 'sleep': sleep, 'spin': spin, 'allocate': allocate}
    if verb == 'fail':
        raise ValueError(argument)
    if verb == 'environ':
        body = environ_of(environ)
    elif verb == 'print':
        print(argument, flush=True)
        body = 'printed'
    elif verb == 'complain':
        print(argument, file=sys.stderr, flush=True)
        body = 'complained'
    elif verb in ('traceback', 'traceback-to-errors'):
        import traceback
        try:
            raise ValueError(argument)
        except ValueError:
            traceback.print_exc(file=sys.stderr if verb == 'traceback' else environ['wsgi.errors'])
        body = 'traced'
    elif verb == 'die':
        os.kill(os.getpid(), int(argument))
        time.sleep(30)
    elif verb == 'allocate':
        body = allocate(argument)
    else:
        try:
            body = verbs[verb](argument)
        except OSError as error:
            body = type(error).__name__
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [body.encode()]
`

// self is what the probe says of the process that it runs in.
type self struct {
	PID, PPID, UID, GID, Umask, Nice, Stack int
	Groups                                  []int
	Cwd, Path0, Cgroup                      string
	Env                                     map[string]string
}

// askProbe has the probe of a site do something, through the site's UNIX socket. Anything but
// 200 fails the test.
func askProbe(t *testing.T, m *boot.Machine, site, path, argument string) string {
	t.Helper()
	got := m.Curl("--unix-socket", "/run/wsgi/"+site+".sock", "http://"+site+path+"?"+url.PathEscape(argument))
	if got.Status != 200 {
		t.Fatalf("%s of %s with %q: status %d\n%s", path, site, argument, got.Status, got.Body)
	}
	return got.Body
}

// who asks for the process behind a mount.
func who(t *testing.T, m *boot.Machine, site, mount string) self {
	t.Helper()
	return parseSelf(t, askProbe(t, m, site, mount+"/who", ""))
}

func parseSelf(t *testing.T, text string) self {
	t.Helper()
	var s self
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return s
}

// slowly asks for something that takes as many seconds, and waits until the
// application has begun. The channel gets the answer.
func slowly(t *testing.T, m *boot.Machine, site, mount, seconds string) <-chan answer {
	t.Helper()
	m.MustRun("install", "-d", "-m", "1777", "/srv/begun")
	marker := "/srv/begun/" + rand.Text()
	target := "http://" + site + mount + "/sleep?" + url.PathEscape(marker+"|"+seconds)
	done := beside(t, m, "curl", "--silent", "--show-error", "--max-time", "50", "--fail", "--unix-socket", "/run/wsgi/"+site+".sock", target)
	for deadline := time.Now().Add(20 * time.Second); !m.Exists(marker); {
		if time.Now().After(deadline) {
			t.Fatalf("the slow request of %s has not begun", site)
		}
	}
	return done
}

// answer is what came of a program that ran beside the test.
type answer struct {
	err    error // that of exec.Cmd
	output string
}

// beside runs a program inside while the test goes on. The channel gets what came of
// it; the test's end ends the program.
func beside(t *testing.T, m *boot.Machine, args ...string) <-chan answer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := m.Command(ctx, boot.Command{Args: args})
	done, finished := make(chan answer, 1), make(chan struct{})
	go func() {
		defer close(finished)
		output, err := cmd.CombinedOutput()
		done <- answer{err, string(output)}
	}()
	t.Cleanup(func() { cancel(); <-finished })
	return done
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
