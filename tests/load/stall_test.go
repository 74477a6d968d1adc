package load

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childVariable makes this program a load client against the UNIX socket that it names.
const childVariable = "WSGID_LOAD_TEST_CHILD"

// childFor is how long the child makes requests.
const childFor = 2 * time.Second

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		os.Exit(child(path))
	}
	os.Exit(m.Run())
}

// childReport is what the child prints.
type childReport struct {
	Longest Gap
	Stalls  Stalls
	OK      int
	Failed  int
}

func child(path string) int {
	client, err := New(Options{
		Workers:  []Workers{{Job: Get, Count: 4, Think: 5 * time.Millisecond}},
		Duration: childFor,
		Dial: func(ctx context.Context) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		return 1
	}
	client.Start(context.Background())
	r := client.Wait()
	if json.NewEncoder(os.Stdout).Encode(childReport{r.LongestGap(), r.Stalls, r.Count(OK), r.Failed}) != nil {
		return 1
	}
	return 0
}

// TestStall: a client that is not run for a while knows it from a server that does not
// answer for a while, though all its requests take long in both.
func TestStall(t *testing.T) {
	t.Parallel()
	const length = 500 * time.Millisecond
	for _, tc := range []struct {
		name   string
		hold   func(process *os.Process, f *fake)
		server bool // it is the server's fault
	}{
		{"client", func(process *os.Process, _ *fake) {
			_ = process.Signal(syscall.SIGSTOP)
			time.Sleep(length)
			_ = process.Signal(syscall.SIGCONT)
		}, false},
		{"server", func(_ *os.Process, f *fake) {
			// Every request is counted under the lock before it is answered.
			f.mu.Lock()
			time.Sleep(length)
			f.mu.Unlock()
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "unix", nil)
			got := runChild(t, f, tc.hold)
			net, stalled := got.Longest.Net(), got.Stalls.Longest
			if !tc.server {
				net, stalled = stalled, net
			}
			if net < length*9/10 || net > 2*length || stalled > length/2 {
				t.Errorf("%+v for %v that were the %s's", got, length, tc.name)
			}
			if got.Failed > 0 || got.OK < enoughAt {
				t.Errorf("%d ok, %d failed", got.OK, got.Failed)
			}
		})
	}
}

// runChild makes requests in a process of its own and holds them up once.
func runChild(t *testing.T, f *fake, hold func(*os.Process, *fake)) (report childReport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	var holding sync.WaitGroup
	defer func() {
		cancel()
		holding.Wait()
	}()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+f.listener.Addr().String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	holding.Go(func() {
		select {
		case <-f.enough:
			hold(cmd.Process, f)
		case <-ctx.Done():
		}
	})
	if err := json.NewDecoder(out).Decode(&report); err != nil {
		t.Errorf("cannot read the child's report: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the child: %v", err)
	}
	return report
}
