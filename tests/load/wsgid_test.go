package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// wsgid is the program under test: WSGID_TEST_BINARY, or built for the test.
func wsgid(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("WSGID_TEST_BINARY"); path != "" {
		return path
	}
	binary := filepath.Join(t.TempDir(), "wsgid")
	if output, err := exec.Command("go", "build", "-o", binary, "github.com/wsgid/wsgid/cmd/wsgid").CombinedOutput(); err != nil {
		t.Fatalf("cannot build wsgid: %v\n%s", err, output)
	}
	return binary
}

// startWsgid serves the application on a UNIX socket, whose path it gives.
func startWsgid(t *testing.T, a *App) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	cmd := exec.Command(wsgid(t), "run", a.Script(), "--python", python(),
		"--listen", "unix:"+path, "--reload", "--processes", "2", "--threads", "10")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		limit := time.AfterFunc(within, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Process.Signal(os.Interrupt)
		reading.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("wsgid: %v", err)
		}
		limit.Stop()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("wsgid's log:\n%s", text)
		}
	})
	serving := make(chan bool, 1)
	reading.Go(func() {
		defer close(serving)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "serving") {
				select {
				case serving <- true:
				default: // it says so of each address
				}
			}
		}
	})
	if !<-serving {
		t.Fatal("wsgid does not serve")
	}
	return path
}

// TestWsgid: three new generations under every kind of load, none of which fails, and
// the client sees all of it.
func TestWsgid(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: not proved that the load client agrees with wsgid")
	}
	t.Parallel()
	const reloads = 3
	a := newApp(t, map[string]string{FileGeneration: "0", FileImportSeconds: "0.5"})
	if err := a.Set(FileRecord, filepath.Join(a.Dir, "seen")); err != nil {
		t.Fatal(err)
	}
	path := startWsgid(t, a)
	client, err := New(Options{
		Dial: func(ctx context.Context) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", path)
		},
		Workers: []Workers{
			{Job: Get, Count: 4, Think: 10 * time.Millisecond},
			{Job: GetClose, Count: 2, Think: 20 * time.Millisecond},
			{Job: Post, Think: 20 * time.Millisecond},
			{Job: Upload, For: time.Second},
			{Job: Upload, For: time.Second, Chunked: true},
			{Job: Stream, For: time.Second},
			{Job: Stream, For: time.Second, Chunked: true},
			{Job: Download, For: time.Second, Bytes: 4 << 20},
			{Job: Sleep, For: 2 * time.Second},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client.Start(ctx)
	if err := client.AwaitLoad(ctx); err != nil {
		t.Errorf("not every worker got going: %v", err)
	}
	for n := 1; n <= reloads && ctx.Err() == nil; n++ {
		client.Mark(fmt.Sprintf("reload %d", n))
		reload(t, a, n)
		awaitGeneration(ctx, client, n)
	}
	client.Mark("end")
	report := client.Stop()
	t.Log(report)
	assertCounts(t, report, nil)
	if len(report.Generations) != reloads+1 || report.WentBack > 0 {
		t.Errorf("generations %+v, %d requests went back", report.Generations, report.WentBack)
	}
	if len(report.Marks) != reloads+2 || report.LongestGap("reload").Net() <= 0 {
		t.Errorf("marks %+v", report.Marks)
	}
	assertSeen(t, client, report)
}

// reload makes wsgid see new source.
func reload(t *testing.T, a *App, n int) {
	t.Helper()
	if err := a.Set(FileGeneration, fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	if err := a.Set("app.py", fmt.Sprintf("%s\n# generation %d\n", AppSource(), n)); err != nil {
		t.Fatal(err)
	}
}

// awaitGeneration asks the account, which nobody is told of, ten times a second.
func awaitGeneration(ctx context.Context, client *Client, n int) {
	for ctx.Err() == nil && len(client.Report().Generations) <= n {
		time.Sleep(100 * time.Millisecond)
	}
}
