package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wsgid/wsgid/tests/peers"
)

// callProgram calls an application as PEP 3333 has it and prints its body.
const callProgram = `
import io, runpy, sys
from wsgiref.util import setup_testing_defaults
environ = {"QUERY_STRING": sys.argv[2]}
setup_testing_defaults(environ)
body = sys.stdin.buffer.read()
if body:
    environ.update(REQUEST_METHOD="POST", CONTENT_LENGTH=str(len(body)))
environ["wsgi.input"] = io.BytesIO(body)
heads = []
application = runpy.run_path(sys.argv[1])["application"]
result = application(environ, lambda status, headers, exc_info=None: heads.append((status, headers)))
sent = sum(sys.stdout.buffer.write(block) for block in result)
[(status, headers)] = heads
assert status == "200 OK", status
assert int(dict(headers)["Content-Length"]) == sent, (headers, sent)
`

// TestApplications holds the answers that rows want to what the applications
// really answer: without it a changed application would fail on every server.
func TestApplications(t *testing.T) {
	dir := t.TempDir()
	if err := unpack(dir); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if r.path != "" {
			continue // a file's
		}
		t.Run(r.name, func(t *testing.T) {
			needPython(t, map[string]string{"flaskapp.py": "flask", "djangoapp.py": "django"}[r.app])
			cmd := exec.Command(peers.Python, "-c", callProgram, filepath.Join(dir, r.app), r.checkQuery)
			if r.body > 0 {
				cmd.Stdin = bytes.NewReader(requestBody(r.body))
			}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, stderr.Bytes())
			}
			if got := answerOf(stdout.Bytes()); got != r.want {
				t.Errorf("%s answers %+v, the row wants %+v", r.app, got, r.want)
			}
		})
	}
}

// needPython skips the test where the interpreter or a module is missing.
func needPython(t *testing.T, module string) {
	t.Helper()
	if module == "" {
		module = "sys"
	}
	if err := exec.Command(peers.Python, "-c", "import "+module).Run(); err != nil {
		t.Skipf("%s cannot import %s: not proved that the application gives the answer the row wants", peers.Python, module)
	}
}

func TestGoalsNameRows(t *testing.T) {
	known := map[string]bool{}
	for _, r := range rows() {
		if known[r.name] {
			t.Errorf("row %s stands twice", r.name)
		}
		known[r.name] = true
	}
	for _, g := range cpuGoals() {
		if !known[g.row] {
			t.Errorf("there is no row for the goal %+v", g)
		}
	}
	if helloRow().name != "hello:64" {
		t.Error("the memory figure has another load")
	}
}
