package load

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reference serves the application with Python's own wsgiref, a thread for each
// connection, and prints its port.
const reference = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
import app

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass

server = Server(("127.0.0.1", 0), Quiet)
server.set_app(app.application)
print(server.server_port, flush=True)
server.serve_forever()
`

func python() string {
	if path := os.Getenv("WSGID_TEST_PYTHON"); path != "" {
		return path
	}
	return "/usr/bin/python3"
}

// startReference gives the address of the application under wsgiref.
func startReference(t *testing.T, a *App) string {
	t.Helper()
	cmd := exec.Command(python(), "-c", reference, a.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("cannot read the port: %v", err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

func newApp(t *testing.T, settings map[string]string) *App {
	t.Helper()
	a, err := NewApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range settings {
		if err := a.Set(name, content); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestApp: client and application agree on every job, under a server that has nothing
// to do with wsgid; and on what has been served.
func TestApp(t *testing.T) {
	t.Parallel()
	a := newApp(t, map[string]string{FileGeneration: "blue\n"})
	if err := a.Set(FileRecord, a.Dir+"/seen\n"); err != nil {
		t.Fatal(err)
	}
	address := startReference(t, a)
	client, err := New(Options{
		Dial: func(ctx context.Context) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "tcp", address)
		},
		Workers: []Workers{
			{Job: Get, Count: 2, Think: 20 * time.Millisecond},
			{Job: GetClose, Think: 20 * time.Millisecond},
			{Job: Post, Think: 20 * time.Millisecond},
			{Job: Upload, Bytes: 300_000, For: 300 * time.Millisecond},
			{Job: Stream, Bytes: 300_001, For: 300 * time.Millisecond},
			{Job: Stream, Bytes: 100_000, Chunked: true, Think: 20 * time.Millisecond}, // until the close: wsgiref has no chunks
			{Job: Download, Bytes: 3_000_000, For: 300 * time.Millisecond},
			{Job: Sleep, For: 300 * time.Millisecond},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	client.Start(ctx)
	if err := client.AwaitLoad(ctx); err != nil {
		t.Errorf("not every worker got going: %v", err)
	}
	time.Sleep(time.Second)
	report := client.Stop()
	assertCounts(t, report, nil)
	for i := range report.Rows {
		row := &report.Rows[i]
		if row.Of(OK) < 2 || row.Latency.Count != row.Requests {
			t.Errorf("%v: %d ok, %d latencies of %d requests", row.Job, row.Of(OK), row.Latency.Count, row.Requests)
		}
		if p := row.Latency.Percentile(1); p < row.For*8/10 {
			t.Errorf("%v: %v and not %v", row.Job, p, row.For)
		}
	}
	if g := report.Generations; len(g) != 1 || g[0].Name != "blue" || g[0].Answers != report.Requests() || g[0].Processes != 1 {
		t.Errorf("generations %+v", g)
	}
	assertSeen(t, client, report)
	if t.Failed() {
		t.Log(report)
	}
}

// assertSeen asserts that all that was answered was served, once, and by the application.
func assertSeen(t *testing.T, client *Client, report *Report) {
	t.Helper()
	seen, err := client.Seen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// One more is the request for the record itself.
	if len(seen) != report.Requests()+1 {
		t.Errorf("%d calls recorded, %d requests", len(seen)-1, report.Requests())
	}
	if repeated := report.Repeated(seen); len(repeated) > 0 {
		t.Errorf("served twice: %v", repeated)
	}
	if missing := report.Unrecorded(seen); len(missing) > 0 {
		t.Errorf("answered by nobody: %v", missing)
	}
}

// TestImport: what the application does when it is imported.
func TestImport(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		files   map[string]string
		env     string
		want    string        // the generation, or what the error has in it
		atLeast time.Duration // of the import
		fails   bool
	}{
		{name: "nothing", want: "0"},
		{name: "a file", files: map[string]string{FileGeneration: " 17\n"}, want: "17"},
		{name: "variable before file", files: map[string]string{FileGeneration: "17"}, env: "LOAD_GENERATION=18", want: "18"},
		{name: "sleep", files: map[string]string{FileImportSeconds: "0.4"}, want: "0", atLeast: 400 * time.Millisecond},
		{name: "sleep by variable", env: "LOAD_IMPORT_SECONDS=0.4", want: "0", atLeast: 400 * time.Millisecond},
		{name: "compute", files: map[string]string{FileImportCPUSeconds: "0.3"}, want: "0", atLeast: 300 * time.Millisecond},
		{name: "broken", files: map[string]string{FileBroken: "by hand"}, want: "RuntimeError: told to be broken: by hand", fails: true},
		{
			name: "broken, late", files: map[string]string{FileBroken: "", FileImportSeconds: "0.4"}, want: "told to be broken",
			atLeast: 400 * time.Millisecond, fails: true,
		},
		{name: "no place for a record", env: "LOAD_RECORD=/nonexistent/seen", want: "FileNotFoundError", fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, tc.files)
			cmd := exec.Command(python(), "-B", "-c", "import app; print(app.GENERATION)")
			cmd.Dir = a.Dir
			cmd.Env = append(os.Environ(), tc.env)
			begun := time.Now()
			output, err := cmd.CombinedOutput()
			if took := time.Since(begun); took < tc.atLeast {
				t.Errorf("imported in %v, want at least %v", took, tc.atLeast)
			}
			if (err != nil) != tc.fails || !strings.Contains(string(output), tc.want) {
				t.Errorf("%v, output %q, want %q", err, output, tc.want)
			}
			if !tc.fails && string(output) != tc.want+"\n" {
				t.Errorf("generation %q, want %q", output, tc.want)
			}
		})
	}
}

// TestUnset: what is not there can be removed as well.
func TestUnset(t *testing.T) {
	a := newApp(t, map[string]string{FileBroken: "x"})
	for range 2 {
		if err := a.Unset(FileBroken); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(a.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "app.py" {
		t.Errorf("left: %v, %v", entries, err)
	}
}
