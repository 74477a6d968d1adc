package logs

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// streamPair is a socket like the one that systemd makes a program's standard
// error, and its other end.
func streamPair(t *testing.T) (program, manager *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	program, manager = os.NewFile(uintptr(fds[0]), "program"), os.NewFile(uintptr(fds[1]), "manager")
	t.Cleanup(func() { program.Close(); manager.Close() })
	return program, manager
}

// identity is what systemd puts into JOURNAL_STREAM for the file.
func identity(t *testing.T, f *os.File) string {
	t.Helper()
	var stat unix.Stat_t
	must(t, unix.Fstat(int(f.Fd()), &stat))
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// TestAuto is not parallel: it sets JOURNAL_STREAM.
func TestAuto(t *testing.T) {
	stream, other := streamPair(t)
	for _, c := range []struct {
		name, variable string
		w              io.Writer
		journal        bool
	}{
		{"connected to the journal", identity(t, stream), stream, true},
		{"connected elsewhere", identity(t, stream), other, false},
		{"without the variable", "", stream, false},
		{"with nonsense", "1:2:3", stream, false},
		{"no file", identity(t, stream), new(bytes.Buffer), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("JOURNAL_STREAM", c.variable)
			l, err := New("auto", c.w, slog.LevelInfo)
			must(t, err)
			_, isText := l.Handler().(*textHandler)
			h, isJournal := l.Handler().(*journalHandler)
			if isText == c.journal || isJournal != c.journal {
				t.Errorf("got a %T", l.Handler())
			}
			if isJournal && (h.to.journal.path != "/run/systemd/journal/socket" || !h.to.stream) {
				t.Errorf("got %+v", h.to)
			}
			l, err = New("journal", c.w, slog.LevelInfo)
			must(t, err)
			if h, ok := l.Handler().(*journalHandler); !ok || h.to.stream != c.journal {
				t.Errorf("asked for the journal: got a %T", l.Handler())
			}
		})
	}
}

// TestStreamOfTheJournal: where the journal's socket cannot be reached, in a
// chroot for one, the lines on its stream carry the priority.
func TestStreamOfTheJournal(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	must(t, os.Remove(j.path))
	program, manager := streamPair(t)
	l := slog.New(j.handler(program, true)).With("site", "blog")
	l.Error("request failed\nTraceback:\n  ValueError\n", "request_id", 1)
	l.Warn("careful")
	must(t, program.Close())
	got, err := io.ReadAll(manager)
	must(t, err)
	const want = "<3>request failed site=blog request_id=1\n<3>Traceback:\n<3>  ValueError\n<4>careful site=blog\n"
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestNobodyReads: with the journal gone and its stream full, logging neither
// waits nor forgets to say what was lost.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	must(t, os.Remove(j.path))
	program, manager := streamPair(t)
	h := j.handler(program, true)
	l := slog.New(h)
	const records = 2000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range records {
			l.Info(strings.Repeat("x", 1000), "i", i)
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("logging waits")
	}
	lost := h.to.lost.Load()
	if lost == 0 {
		t.Fatal("the stream never was full")
	}
	j.restart()
	l.Info("back")
	if r, _ := j.next(); r.get("MESSAGE") != "back" {
		t.Errorf("got %s", r)
	}
	if r, _ := j.next(); r.get("COUNT") != fmt.Sprint(lost) || r.get("PRIORITY") != "4" {
		t.Errorf("%d were lost: got %s", lost, r)
	}
	if r, ok := j.take(); ok {
		t.Errorf("then %s", r)
	}
	must(t, unix.Shutdown(int(program.Fd()), unix.SHUT_WR))
	text, err := io.ReadAll(manager)
	must(t, err)
	if whole := strings.Count(string(text), "\n"); int64(whole)+lost != records {
		t.Errorf("%d lines were written and %d lost of %d", whole, lost, records)
	}
}

// TestTornLine: after a line that had room only in part, the next one stands in
// a line of its own.
func TestTornLine(t *testing.T) {
	t.Parallel()
	program, manager := streamPair(t)
	w := withoutWaiting(program)
	long := bytes.Repeat([]byte("x"), 4<<20)
	long[len(long)-1] = '\n'
	n, err := w.Write(long)
	if err == nil || n == 0 || n == len(long) {
		t.Fatalf("wrote %d of %d, %v", n, len(long), err)
	}
	if n, err := w.Write([]byte("lost\n")); err == nil || n != 0 {
		t.Fatalf("wrote %d into a full socket, %v", n, err)
	}
	_, err = io.ReadFull(manager, make([]byte, n))
	must(t, err)
	if _, err := w.Write([]byte("next\n")); err != nil {
		t.Fatal(err)
	}
	must(t, program.Close())
	rest, err := io.ReadAll(manager)
	must(t, err)
	if string(rest) != "\nnext\n" {
		t.Errorf("got %q", rest)
	}
}

// TestFilesAreWaitedFor: only sockets are written to in haste.
func TestFilesAreWaitedFor(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer w.Close()
	if got := withoutWaiting(w); got != io.Writer(w) {
		t.Errorf("a pipe gives a %T", got)
	}
	program, _ := streamPair(t)
	if _, ok := withoutWaiting(program).(*hastyWriter); !ok {
		t.Error("a socket is waited for")
	}
}
