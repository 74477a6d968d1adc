package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// reloadWithin bounds the time from a changed file to the answer of the new code.
const reloadWithin = 20 * time.Second

// versioned is the source of an application that answers its version, read from a module beside it.
func versioned(t *testing.T, dir string) (script string) {
	t.Helper()
	writeVersion(t, dir, "one")
	return writeFile(t, dir, "app.py", `
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from version import VERSION

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [VERSION.encode()]
`)
}

// writeVersion replaces the module the way editors do, by rename.
func writeVersion(t *testing.T, dir, version string) {
	t.Helper()
	fresh := writeFile(t, dir, "version.py.new", fmt.Sprintf("VERSION = %q\n", version))
	if err := os.Rename(fresh, filepath.Join(dir, "version.py")); err != nil {
		t.Fatal(err)
	}
}

// load is light traffic in the background; every request must be answered 200.
type load struct {
	stop   context.CancelFunc
	ended  sync.WaitGroup
	served atomic.Int64
	failed atomic.Int64
	first  atomic.Value // a string: the first failure
}

// underLoad begins two clients that send a request every few milliseconds until stopped.
func (s *server) underLoad(target string) *load {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stop: stop}
	for range 2 {
		client := s.client()
		l.ended.Go(func() { l.run(ctx, client, "http://"+s.address()+target) })
	}
	s.t.Cleanup(l.end)
	return l
}

func (l *load) run(ctx context.Context, client *http.Client, url string) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
		if err != nil {
			return
		}
		if a := exchange(client, req); a.err != nil || a.status != http.StatusOK {
			l.failed.Add(1)
			l.first.CompareAndSwap(nil, fmt.Sprintf("status %d, %v, %q", a.status, a.err, a.body))
		}
		l.served.Add(1)
		<-ticker.C
	}
}

func (l *load) end() {
	l.stop()
	l.ended.Wait()
}

// assertClean ends the load and asserts that it was served without a failure.
func (l *load) assertClean(t *testing.T) {
	t.Helper()
	l.end()
	if l.failed.Load() > 0 || l.served.Load() == 0 {
		t.Errorf("%d of %d requests failed, the first with %v", l.failed.Load(), l.served.Load(), l.first.Load())
	}
}

// TestReload: a changed source file is served by a new generation, without one failed request.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, versioned(t, dir), "--reload", "--processes", "2")
	if got := s.getOK("/"); got != "one" {
		t.Fatalf("version %q", got)
	}
	l := s.underLoad("/")
	for _, version := range []string{"two", "three"} {
		writeVersion(t, dir, version)
		eventually(t, reloadWithin, "version "+version, func() bool { return s.getOK("/") == version })
	}
	l.assertClean(t)
	s.awaitWorkers(2)
}

// TestReloadOfScript: the same for the script itself, written in place.
func TestReloadOfScript(t *testing.T) {
	t.Parallel()
	path := writeFile(t, t.TempDir(), "app.py", goodApplication)
	s := start(t, path, "--reload", "--processes", "1")
	if got := s.getOK("/"); got != "mended" {
		t.Fatalf("got %q", got)
	}
	source := "from wsgiref.simple_server import demo_app as application\n"
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, reloadWithin, "the demonstration application", func() bool { return s.getOK("/") != "mended" })
}

// TestReloadOfBrokenSource: the old code serves on until the file is mended.
func TestReloadOfBrokenSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, versioned(t, dir), "--reload", "--processes", "1")
	l := s.underLoad("/")
	broken := writeFile(t, dir, "version.py.new", "VERSION = (\n")
	if err := os.Rename(broken, filepath.Join(dir, "version.py")); err != nil {
		t.Fatal(err)
	}
	s.awaitText("SyntaxError")
	for range 10 {
		if got := s.getOK("/"); got != "one" {
			t.Fatalf("version %q while the source is broken", got)
		}
	}
	writeVersion(t, dir, "two")
	eventually(t, reloadWithin, "version two", func() bool { return s.getOK("/") == "two" })
	l.assertClean(t)
}

// TestReloadDrains: a request that runs when the source changes is finished by the old code.
func TestReloadDrains(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(app(t, "slow.py"))
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, t.TempDir(), "app.py", string(source))
	s := start(t, path, "--reload", "--processes", "1")
	before := s.getOK("/pid")
	g := newGate(t)
	running := s.background("/gate?" + g.query())
	waiting := g.arrive()
	if err := os.WriteFile(path, append(source, "\n# changed\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, reloadWithin, "the new generation", func() bool { return s.getOK("/pid") != before })
	waiting.release()
	if a := receive(t, running); a.status != http.StatusOK || a.body != "passed "+before {
		t.Errorf("status %d, %q, %v, want the old process %q", a.status, a.body, a.err, before)
	}
	s.awaitWorkers(1, waiting.pid)
}
