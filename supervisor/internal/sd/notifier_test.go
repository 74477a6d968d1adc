package sd

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

func TestNotifications(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		call func(*Notifier)
		want []string
	}{
		{"ready", func(n *Notifier) { n.Ready("") }, []string{"READY=1"}},
		{"ready with a status", func(n *Notifier) { n.Ready("4 processes") }, []string{"READY=1\nSTATUS=4 processes"}},
		{"a status cannot smuggle a variable", func(n *Notifier) { n.Ready("a\nMAINPID=1") }, []string{"READY=1\nSTATUS=a MAINPID=1"}},
		{"status", func(n *Notifier) { n.Status("a\tb\r\nc\x1b[1m") }, []string{"STATUS=a b c [1m"}},
		{"the same status again", func(n *Notifier) { n.Status("a"); n.Status("a\n") }, []string{"STATUS=a"}},
		{"the status of ready again", func(n *Notifier) { n.Ready("a"); n.Status("a") }, []string{"READY=1\nSTATUS=a"}},
		{"no status to begin with", func(n *Notifier) { n.Status("") }, nil},
		{"stopping", func(n *Notifier) { n.Stopping() }, []string{"STOPPING=1"}},
		{"watchdog", func(n *Notifier) { n.Watchdog() }, []string{"WATCHDOG=1"}},
		{"extension", func(n *Notifier) { n.ExtendTimeout(90 * time.Second) }, []string{"EXTEND_TIMEOUT_USEC=90000000"}},
		{"main process", func(n *Notifier) { n.MainPID(4711) }, []string{"MAINPID=4711"}},
		{"each time anew", func(n *Notifier) { n.Ready("a"); n.Ready("a"); n.Stopping() }, []string{"READY=1\nSTATUS=a", "READY=1\nSTATUS=a", "STOPPING=1"}},
		{"a waiting status at the end", func(n *Notifier) { n.Status("a"); n.Status("b"); n.Close() }, []string{"STATUS=a", "STATUS=b"}},
		{"nothing after the end", func(n *Notifier) { n.Close(); n.Ready("a"); n.Status("b"); n.Watchdog(); n.Close() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := manage(t)
			n, log := m.notifier()
			c.call(n)
			if got := m.datagrams(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if log.lines() != 0 {
				t.Errorf("logged %v", log)
			}
		})
	}
}

func TestReloadingHasTheTime(t *testing.T) {
	t.Parallel()
	m := manage(t)
	n, _ := m.notifier()
	before := monotonic(t)
	n.Reloading()
	after := monotonic(t)
	got := m.datagrams()
	if len(got) != 1 {
		t.Fatalf("got %q", got)
	}
	text, found := strings.CutPrefix(got[0], "RELOADING=1\nMONOTONIC_USEC=")
	usec, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || usec < before || usec > after {
		t.Errorf("got %q between %d and %d", got[0], before, after)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestNotifierOutsideSystemd(t *testing.T) {
	t.Parallel()
	n, err := NewNotifier(environment("OTHER=x"), nil)
	if n != nil || err != nil {
		t.Fatalf("got %v, %v", n, err)
	}
	n.Ready("a")
	n.Status("a")
	n.Reloading()
	n.Watchdog()
	n.ExtendTimeout(time.Second)
	n.MainPID(1)
	n.Stopping()
	if err := n.Barrier(t.Context()); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestNotifySocketAddresses(t *testing.T) {
	t.Parallel()
	abstract := &fakeManager{t: t}
	abstract.bind("@wsgid-sd-test-" + strconv.Itoa(os.Getpid()))
	n, _ := abstract.notifier()
	n.Ready("")
	if got := abstract.datagrams(); !slices.Equal(got, []string{"READY=1"}) {
		t.Errorf("the abstract socket got %q", got)
	}
	for _, address := range []string{"notify", "vsock:2:1"} {
		if n, err := NewNotifier(environment("NOTIFY_SOCKET="+address), nil); err == nil || n != nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: got %v, %v", address, n, err)
		}
	}
}

func TestStatusIsCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manage(t)
		n, _ := m.notifier()
		var got []string
		const calls = 1000
		for i := range calls {
			n.Status(fmt.Sprint("request ", i))
			time.Sleep(5 * time.Millisecond) // 5 s in all
			got = append(got, m.datagrams()...)
		}
		time.Sleep(time.Second)
		got = append(got, m.datagrams()...)
		if len(got) < 10 || len(got) > 20 {
			t.Errorf("%d datagrams in five seconds", len(got))
		}
		if last := got[len(got)-1]; last != fmt.Sprint("STATUS=request ", calls-1) {
			t.Errorf("the last is %q", last)
		}
		time.Sleep(time.Minute)
		if more := m.datagrams(); more != nil {
			t.Errorf("later came %q", more)
		}
	})
}

// TestBusyManager: a manager that does not read neither stops the service nor
// misses a state.
func TestBusyManager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manage(t)
		n, log := m.notifier()
		m.overwhelm()
		n.Status("starting")
		n.Ready("one")
		n.Watchdog()
		n.ExtendTimeout(time.Second)
		n.ExtendTimeout(time.Second)
		n.Stopping()
		n.Ready("")
		n.Status("two")
		n.Status("three")
		time.Sleep(time.Minute)
		got := own(m.datagrams())
		for range 10 {
			time.Sleep(time.Second)
			got = append(got, own(m.datagrams())...)
		}
		want := []string{"READY=1\nSTATUS=one", "EXTEND_TIMEOUT_USEC=1000000", "STOPPING=1", "READY=1", "STATUS=three"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if log.lines() != 0 {
			t.Errorf("logged %v", log)
		}
	})
}

// TestManagerBusyForEver: what waits is bounded, and the latest stays.
func TestManagerBusyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manage(t)
		n, _ := m.notifier()
		m.overwhelm()
		for i := range 10 * maxKept {
			n.ExtendTimeout(time.Duration(i) * time.Second)
		}
		n.Stopping()
		var got []string
		for range 100 {
			got = append(got, own(m.datagrams())...)
			time.Sleep(time.Second)
		}
		if len(got) != maxKept || got[len(got)-1] != "STOPPING=1" {
			t.Errorf("got %d datagrams: %q", len(got), got)
		}
	})
}

func TestManagerGone(t *testing.T) {
	t.Parallel()
	m := manage(t)
	n, log := m.notifier()
	if err := os.Remove(m.path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		n.Ready("a")
		n.Watchdog()
	}
	if log.lines() != 1 {
		t.Errorf("logged %v", log)
	}
	m.bind(m.path)
	n.Stopping()
	if got := m.datagrams(); !slices.Equal(got, []string{"STOPPING=1"}) {
		t.Errorf("got %q", got)
	}
	if err := os.Remove(m.path); err != nil {
		t.Fatal(err)
	}
	n.Stopping()
	if log.lines() != 2 {
		t.Errorf("logged %v", log)
	}
}

func TestNotifierFromManyGoroutines(t *testing.T) {
	t.Parallel()
	m := manage(t)
	n, log := m.notifier()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 5 {
				n.Status(fmt.Sprint(i, j))
				n.Watchdog()
				n.MainPID(100*i + j + 1)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	pids := map[string]bool{}
	for deadline := time.Now().Add(patience); len(pids) < 8*5 && time.Now().Before(deadline); {
		text, _ := m.await()
		if strings.HasPrefix(text, "MAINPID=") {
			pids[text] = true
		}
	}
	<-done
	if len(pids) != 8*5 {
		t.Errorf("%d of 40 arrived", len(pids))
	}
	if log.lines() != 0 {
		t.Errorf("logged %v", log)
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "",
		" a  b ":                                "a b",
		"a\u2028b\u202ec\x00d":                  "a b c d",
		"caf\u00e9 \xff":                        "caf\u00e9 \ufffd",
		strings.Repeat("x", maxStatus):          strings.Repeat("x", maxStatus),
		strings.Repeat("\u00e9", 1000):          strings.Repeat("\u00e9", (maxStatus-3)/2) + "…",
		strings.Repeat("x", 1000):               strings.Repeat("x", maxStatus-3) + "…",
		"x" + strings.Repeat("\U0001f600", 200): "x" + strings.Repeat("\U0001f600", 124) + "…",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzOneLine: whatever goes in, one line of bounded UTF-8 that prints comes
// out, and would come out of itself.
func FuzzOneLine(f *testing.F) {
	f.Add("gen 7: 4/4 ready\nREADY=1")
	f.Add(strings.Repeat("\xff\u00e9", maxStatus))
	f.Fuzz(func(t *testing.T, text string) {
		line := oneLine(text)
		if len(line) > maxStatus || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("%q gives %q", text, line)
		}
		if again := oneLine(line); again != line {
			t.Errorf("%q gives %q, which gives %q", text, line, again)
		}
	})
}

func TestLoggerIsNotCalledUnderTheLock(t *testing.T) {
	t.Parallel()
	var n *Notifier
	n, err := NewNotifier(environment("NOTIFY_SOCKET=/nonexistent/notify"), slog.New(slog.NewTextHandler(writerFunc(func() { n.Status("from the logger") }), nil)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { n.Ready(""); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("a logger that waits for the notifier never returns")
	}
	n.Close()
}

type writerFunc func()

func (w writerFunc) Write(p []byte) (int, error) { w(); return len(p), nil }
