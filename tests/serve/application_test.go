package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const severalSite = `
warm-up = ["/", "/second/x", "/own"]

[group.web]
processes = 1
threads = 3

[[mount]]
path = "/"
script = "DIR/first/app.py"
group = "web"
application-group = "%{GLOBAL}"

[[mount]]
path = "/second"
script = "DIR/second/app.py"
group = "web"
application-group = ""

[[mount]]
path = "/other"
script = "DIR/second/app.py"
callable-object = "other"
group = "web"
application-group = "%{GLOBAL}"

[[mount]]
path = "/own"
script = "DIR/first/app.py"
group = "web"
application-group = "own"
`

// counted is an application that says which one it is, in which process, and how many
// requests it had there: SHARED belongs to the interpreter.
const counted = `
import json, os, sys
shared = sys.__dict__.setdefault('SHARED', [])

def answer(name, environ, start_response):
    shared.append(name)
    keys = ('SCRIPT_NAME', 'PATH_INFO', 'SCRIPT_FILENAME', 'HTTP_HOST', 'mod_wsgi.process_group',
            'mod_wsgi.application_group', 'mod_wsgi.callable_object', 'wsgid.application')
    body = json.dumps({'name': name, 'pid': os.getpid(), 'shared': shared, 'module': __name__,
                       'environ': {key: environ.get(key) for key in keys}}).encode()
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [body]

def application(environ, start_response):
    return answer('@', environ, start_response)

def other(environ, start_response):
    return answer('@.other', environ, start_response)
`

// TestSeveralApplications: one group runs several applications in one interpreter, and
// one in processes of its own; each process is warm before it takes requests.
func TestSeveralApplications(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), "app.py", strings.ReplaceAll(counted, "@", name))
	}
	s := startSite(t, strings.ReplaceAll(severalSite, "DIR", dir))
	type seen struct {
		Name    string
		PID     int
		Shared  []string
		Module  string
		Environ map[string]string
	}
	get := func(target string) (got seen) {
		t.Helper()
		s.getJSON(target, &got)
		return got
	}
	first, second, other, own := get("/a"), get("/second/b"), get("/other"), get("/own/c")
	if first.PID != second.PID || first.PID != other.PID || first.PID == own.PID {
		t.Errorf("processes: %d, %d, %d and its own %d", first.PID, second.PID, other.PID, own.PID)
	}
	if got, want := strings.Join(other.Shared, " "), "first second first second second.other"; got != want {
		t.Errorf("requests of the shared interpreter, warm-up first: %s, want %s", got, want)
	}
	if got := strings.Join(own.Shared, " "); got != "first first" {
		t.Errorf("requests of the other: %s", got)
	}
	if first.Module == second.Module || second.Module != other.Module {
		t.Errorf("modules: %s, %s, %s", first.Module, second.Module, other.Module)
	}
	for _, c := range []struct {
		got                                  seen
		script, path, file, callable, within string
	}{
		{first, "", "/a", "first", "application", ""},
		{second, "/second", "/b", "second", "application", ""},
		{other, "/other", "", "second", "other", ""},
		{own, "/own", "/c", "first", "application", "own"},
	} {
		e := c.got.Environ
		if e["SCRIPT_NAME"] != c.script || e["PATH_INFO"] != c.path || e["SCRIPT_FILENAME"] != filepath.Join(dir, c.file, "app.py") ||
			e["mod_wsgi.callable_object"] != c.callable || e["mod_wsgi.process_group"] != "web" || e["mod_wsgi.application_group"] != c.within {
			t.Errorf("%s: environ %v", c.got.Name, e)
		}
		if e["wsgid.application"] != "" {
			t.Errorf("%s sees how it was chosen", c.got.Name)
		}
	}
	if a := s.get("/second"); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
}
