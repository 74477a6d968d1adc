package group

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// collecting starts a group that wants its leaders' records, with one process.
func collecting(t *testing.T) (*rig, *leader, *wire.Conn) {
	t.Helper()
	r := newRig(t, nil)
	r.group.options.Collect = func() bool { return true }
	l, _ := r.start(1, 1)
	return r, l, records(t, l.expect(wire.Attach))
}

// records is the leader's end of the connection that came with Attach.
func records(t *testing.T, m wire.Message) *wire.Conn {
	t.Helper()
	if len(m.Descriptors) != 1 {
		t.Fatalf("%d descriptors came with Attach", len(m.Descriptors))
	}
	file := os.NewFile(uintptr(m.Descriptors[0]), "records")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return wire.NewConn(conn.(*net.UnixConn))
}

func send(t *testing.T, to *wire.Conn, records ...wire.Record) {
	t.Helper()
	if err := to.Send(wire.Message{Type: wire.LogRecords, Records: records}); err != nil {
		t.Fatal(err)
	}
}

// A leader says what its processes have to say, and not whose it is.
func TestRecords(t *testing.T) {
	t.Parallel()
	r, _, to := collecting(t)
	send(t, to,
		wire.Record{Time: time.Now(), Level: slog.LevelInfo, Text: "hello", Attrs: []string{"process", "1", "pid", "7"}},
		wire.Record{Text: "forged", Attrs: []string{"site", "other", "generation", "9", "a b=c", "x", "Site", "y", strings.Repeat("k", 100), "z", "ok", "1", "half"}},
	)
	send(t, to, wire.Record{Text: "many", Attrs: strings.Split(strings.Repeat("k v ", 20), " ")})
	r.once("hello site=test group=main generation=1 process=1 pid=7")
	r.once("forged site=test group=main generation=1 ok=1")
	r.once("many site=test group=main generation=1" + strings.Repeat(" k=v", mostAttrs))
	for _, never := range []string{"other", "a b", "Site=", "kkkk", "half", strings.Repeat(" k=v", mostAttrs+1)} {
		if n := r.logged(never); n != 0 {
			t.Errorf("%d lines with %q", n, never)
		}
	}
}

// Nobody has to wait for a leader that is not asked for records, or does not know
// how to send them.
func TestNoRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	l, _ := r.start(1, 1)
	if m := l.expect(wire.Attach); len(m.Descriptors) != 0 {
		t.Errorf("%d descriptors came with Attach", len(m.Descriptors))
	}
	r, _, to := collecting(t)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	r.stop()
}

// The last records of a leader are taken after its end; one that never ends them
// is not waited for.
func TestLastRecords(t *testing.T) {
	t.Parallel()
	r, l, to := collecting(t)
	l.control.Close()
	send(t, to, wire.Record{Text: "last words"})
	r.once("last words")
	begun := time.Now()
	r.stop()
	if took := time.Since(begun); took > within/2 {
		t.Errorf("the end took %v", took)
	}
}

// What cannot be understood ends the connection for records, and nothing else.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	r, l, to := collecting(t)
	if err := to.Send(wire.Message{Type: wire.GroupReady}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Receive(); err == nil {
		t.Error("the connection is open")
	}
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 1, PID: 1001, Text: "exit code 1"})
	r.status("the end of the process", func(s Status) bool { return s.Processes == 0 })
}

func TestRecordTimesAndLevels(t *testing.T) {
	t.Parallel()
	gen := &generation{group: &Group{log: slog.New(slog.DiscardHandler)}}
	h := &lastRecord{}
	gen.group.log = slog.New(h)
	now := time.Now()
	for _, c := range []struct {
		at    time.Duration
		level slog.Level
		kept  bool
		want  slog.Level
	}{
		{0, slog.LevelInfo, true, slog.LevelInfo},
		{-50 * time.Second, slog.LevelError, true, slog.LevelError},
		{-2 * time.Minute, slog.LevelWarn, false, slog.LevelWarn},
		{time.Hour, 1000, false, slog.LevelError},
		{0, -1000, true, slog.LevelDebug},
	} {
		gen.logRecord(wire.Record{Time: now.Add(c.at), Level: c.level})
		if kept := h.record.Time.Equal(now.Add(c.at)); kept != c.kept || h.record.Level != c.want {
			t.Errorf("%v, level %d: %v, %v", c.at, c.level, h.record.Time.Sub(now), h.record.Level)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	p := pace{rate: 1000, burst: 500, at: begun}
	for _, c := range []struct {
		size int
		at   time.Duration
		want time.Duration
	}{
		{500, 0, 0},
		{100, 0, 100 * time.Millisecond},
		{0, 50 * time.Millisecond, 50 * time.Millisecond},
		{0, 100 * time.Millisecond, 0},
		{400, time.Second, 0},
		{1101, time.Second, 1001 * time.Millisecond},
	} {
		if got := p.take(c.size, begun.Add(c.at)); got.Round(time.Millisecond) != c.want {
			t.Errorf("%d bytes after %v: wait %v, want %v", c.size, c.at, got, c.want)
		}
	}
}

// lastRecord keeps the last record.
type lastRecord struct {
	slog.Handler
	record slog.Record
}

func (*lastRecord) Enabled(context.Context, slog.Level) bool { return true }

func (l *lastRecord) Handle(_ context.Context, r slog.Record) error {
	l.record = r
	return nil
}
