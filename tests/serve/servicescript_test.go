package serve_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// jobSource waits at a gate, and says in a file what it was and how it ended.
const jobSource = `
import os, socket, sys

with open(os.environ["REPORT"], "a") as report:
    print(__name__, os.path.basename(sys.argv[0]), sys.path[0], os.environ["LANG"], file=report)
try:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(os.environ["GATE"])
        door.sendall(b"%d\n" % os.getpid())
        door.recv(1)
finally:
    with open(os.environ["REPORT"], "a") as report:
        print("ended", file=report)
`

// TestServiceScript: a group with threads = 0 runs beside the application, again when
// it has died, and is given the time to end when wsgid ends.
func TestServiceScript(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	job := writeFile(t, dir, "job.py", jobSource)
	report := filepath.Join(dir, "report")
	g := newGate(t)
	s := startSite(t, `
[group.job]
threads = 0
script = "`+job+`"
lang = "C.UTF-8"
env = { GATE = "`+g.path+`", REPORT = "`+report+`" }

[group.web]

[[mount]]
path = "/"
script = {{app "hello.py"}}
group = "web"
`)
	first := g.arrive()
	s.getOK("/")
	if err := syscall.Kill(first.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.awaitText("the service script has ended; starting it again")
	if second := g.arrive(); second.pid == first.pid {
		t.Errorf("process %d is still there", first.pid)
	}
	s.stop()
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	is := "__main__ job.py " + dir + " C.UTF-8"
	if got := strings.Fields(string(text)); strings.Join(got, " ") != is+" "+is+" ended" {
		t.Errorf("the script reports %q", text)
	}
}
