package load

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
)

// TestAccount: whatever a server does wrong is counted as exactly that, once, and the
// requests around it as OK.
func TestAccount(t *testing.T) {
	t.Parallel()
	for _, tc := range append(failures(), harmless()...) {
		for _, network := range []string{"tcp", "unix"} {
			if tc.only != "" && tc.only != network {
				continue
			}
			t.Run(tc.name+"/"+network, func(t *testing.T) {
				t.Parallel()
				tc.run(t, network)
			})
		}
	}
}

func (tc misbehaviour) run(t *testing.T, network string) {
	f := newFake(t, network, tc.do)
	if tc.workers.Job == 0 {
		tc.workers.Job = Get
	}
	report := drive(t, f, Options{
		Dial: f.dial, Workers: []Workers{tc.workers}, SlowAfter: tc.slow, Timeout: tc.timeout,
	})
	assertCounts(t, report, tc.want)
	if ok := report.Count(OK); ok < enoughAt-1 {
		t.Errorf("%d requests are ok, want %d or more", ok, enoughAt-1)
	}
	announced := 0
	if tc.name == "close announced" {
		announced = 1
	}
	if report.Announced != announced {
		t.Errorf("%d announced closes, want %d", report.Announced, announced)
	}
	for _, failure := range report.First {
		if !strings.Contains(failure.Detail, tc.detail) || failure.Worker != tc.workers.Job.String()+" 0" {
			t.Errorf("failure %+v, want %q in its detail", failure, tc.detail)
		}
	}
	if t.Failed() {
		t.Log(report)
	}
}

// drive makes requests until the fake has had enough.
func drive(t *testing.T, f *fake, o Options) *Report {
	t.Helper()
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	client.Start(ctx)
	select {
	case <-f.enough:
	case <-ctx.Done():
		t.Errorf("no %d requests within %v", enoughAt, within)
	}
	return client.Stop()
}

// assertCounts asserts what is counted beside OK, and that failures are what failed.
func assertCounts(t *testing.T, report *Report, want map[Kind]int) {
	t.Helper()
	got, failed := map[Kind]int{}, 0
	for kind := OK + 1; kind < kinds; kind++ {
		if n := report.Count(kind); n > 0 {
			got[kind] = n
		}
		if kind.Failed() {
			failed += report.Count(kind)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if report.Failed != failed || len(report.First) != failed || report.Failures() != failed {
		t.Errorf("%d failures, %d kept, %d by kind, want %d", report.Failed, len(report.First), report.Failures(), failed)
	}
}

// connectCase is one connect that goes wrong.
type connectCase struct {
	name string
	dial func(t *testing.T, f *fake) (net.Conn, error)
	want Kind
}

// odd is a connection with an error of its own.
type odd struct{ *net.TCPConn }

func (odd) Read([]byte) (int, error) { return 0, fmt.Errorf("odd") }

// TestConnect: the same for connects that fail, and for connections that are odd.
func TestConnect(t *testing.T) {
	t.Parallel()
	for _, tc := range []connectCase{
		{"refused", func(t *testing.T, _ *fake) (net.Conn, error) {
			gone, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Error(err)
			}
			gone.Close()
			return net.Dial("tcp", gone.Addr().String())
		}, Refused},
		{"no path", func(t *testing.T, _ *fake) (net.Conn, error) {
			return net.Dial("unix", t.TempDir()+"/none")
		}, ConnectError},
		{"no socket", func(*testing.T, *fake) (net.Conn, error) {
			c, _ := net.Pipe()
			return c, nil
		}, ConnectError},
		{"odd", func(_ *testing.T, f *fake) (net.Conn, error) {
			c, err := f.dial(context.Background())
			return odd{c.(*net.TCPConn)}, err
		}, OtherError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "tcp", nil)
			connects := 0
			report := drive(t, f, Options{
				Workers: []Workers{{Job: GetClose}},
				Dial: func(ctx context.Context) (net.Conn, error) {
					if connects++; connects == misbehavesAt {
						return tc.dial(t, f)
					}
					return f.dial(ctx)
				},
			})
			assertCounts(t, report, one(tc.want))
		})
	}
}

// TestAbandoned: the end of the context cuts off what is under way, and that is no failure.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := newFake(t, "tcp", func(a *asked) bool {
		cancel()
		_, _ = a.reader.ReadByte()
		return false
	})
	client, err := New(Options{Dial: f.dial, Workers: []Workers{{Job: Get}}})
	if err != nil {
		t.Fatal(err)
	}
	client.Start(ctx)
	report := client.Wait()
	assertCounts(t, report, one(Abandoned))
	if report.Took > within {
		t.Errorf("took %v", report.Took)
	}
}
