package leader

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// collector is a supervisor's end of the connection for records.
type collector struct {
	t       *testing.T
	conn    *net.UnixConn
	records chan wire.Record // closed at the end
}

// collect gives the end for the leader to f, as what comes with Attach.
func collect(t *testing.T, f func(fds []int)) *collector {
	t.Helper()
	ours, theirs := controlPair(t)
	file, err := theirs.File()
	if err != nil {
		t.Fatal(err)
	}
	f([]int{int(file.Fd())})
	file.Close()
	theirs.Close()
	t.Cleanup(func() { ours.Close() })
	return &collector{t: t, conn: ours, records: make(chan wire.Record, 100_000)}
}

// read takes records until the leader ends them.
func (c *collector) read() {
	defer close(c.records)
	control := wire.NewConn(c.conn)
	for {
		m, err := control.Receive()
		if err != nil {
			return
		}
		if m.Type != wire.LogRecords {
			c.t.Errorf("a message %s comes with the records", m.Type)
		}
		for _, r := range m.Records {
			c.records <- r
		}
	}
}

// next waits for a record with the text, and passes over those before it.
func (c *collector) next(text string) wire.Record {
	c.t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case r, open := <-c.records:
			if !open {
				c.t.Fatalf("no record with %q", text)
			}
			if strings.Contains(r.Text, text) {
				return r
			}
		case <-timeout:
			c.t.Fatalf("no record with %q within %v", text, patience)
		}
	}
}

const talking = `
import sys, threading
print('imported', flush=True)
def application(environ, start_response):
    print('asked', flush=True)
    raise ValueError('no')
`

// TestRecords: what processes say goes to a supervisor that wants it, and stays
// here before and after.
func TestRecords(t *testing.T) {
	t.Parallel()
	r := serve(t, talking, nil)
	first := r.attach(3)
	r.ready(1)
	if record := r.log.wait(t, "imported"); !strings.Contains(record, "stream=stdout") {
		t.Errorf("logged: %s", record)
	}
	first.die()
	r.log.wait(t, "the supervisor has gone")
	r.boss = greet(r, r.dial())
	c := collect(t, func(fds []int) { r.tell(wire.Message{Type: wire.Attach, Generation: 4, Descriptors: fds}) })
	go c.read()
	before := time.Now()
	threads, pid := r.ready(1)
	threads[0].request([]byte{})
	asked := c.next("asked")
	if want := fmt.Sprintf("[process 1 pid %d stream stdout]", pid); fmt.Sprint(asked.Attrs) != want || asked.Level != slog.LevelInfo {
		t.Errorf("record %+v, want %s", asked, want)
	}
	if asked.Time.Before(before) || asked.Time.After(time.Now()) {
		t.Errorf("its time is %v", asked.Time)
	}
	if failed := c.next("ValueError: no"); failed.Level != slog.LevelError || !strings.HasPrefix(failed.Text, tracebackStart) {
		t.Errorf("record %+v", failed)
	}
	if n := len(r.log.with("asked")) + len(r.log.with("ValueError")); n != 0 {
		t.Errorf("%d of them are logged by the leader as well:\n%s", n, r.log)
	}
	r.die()
	for range c.records { // to the end, which comes without anybody's doing
	}
	third := r.attach(5)
	threads, _ = third.ready(1)
	threads[0].request([]byte{})
	r.log.wait(t, "ValueError: no")
}

// TestRecordsOfAFailedStart: why a leader does not do its work stands in its own
// log, too.
func TestRecordsOfAFailedStart(t *testing.T) {
	t.Parallel()
	r := serve(t, "raise ValueError('broken')", nil)
	r.boss = greet(r, r.dial())
	c := collect(t, func(fds []int) { r.tell(wire.Message{Type: wire.Attach, Generation: 1, Descriptors: fds}) })
	go c.read()
	r.expect(wire.ProcessFailed)
	if record := c.next("ValueError: broken"); !strings.HasPrefix(record.Text, "cannot start the application\n") {
		t.Errorf("record %+v", record)
	}
	r.log.wait(t, "ValueError: broken")
	if err := r.wait(); err == nil {
		t.Error("the leader ended without an error")
	}
}

// TestRecordsNobodyTakes: while a supervisor takes no records, everything else
// goes on, and what finds no room is counted.
func TestRecordsNobodyTakes(t *testing.T) {
	t.Parallel()
	const lines = 40_000
	r := serve(t, fmt.Sprintf(`
import sys
for n in range(%d):
    print('line', n, '.' * 80)
sys.stdout.flush()
`, lines)+hello, nil)
	r.boss = greet(r, r.dial())
	c := collect(t, func(fds []int) { r.tell(wire.Message{Type: wire.Attach, Generation: 1, Descriptors: fds}) })
	threads, pid := r.ready(1)
	if got, want := threads[0].get(""), fmt.Sprint(pid, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.tell(wire.Message{Type: wire.StopProcess, Process: 1})
	r.expect(wire.ProcessExited) // its output is with the courier by then
	go c.read()
	r.tell(wire.Message{Type: wire.Shutdown})
	last, taken, lost := -1, 0, 0
	for record := range c.records {
		var n int
		switch _, err := fmt.Sscanf(record.Text, "line %d ", &n); {
		case err == nil && n > last:
			last = n
			taken++
		case strings.HasPrefix(record.Text, "log records were lost"):
			var more int
			if _, err := fmt.Sscan(record.Attrs[1], &more); err != nil || record.Attrs[0] != "count" {
				t.Fatalf("record %+v", record)
			}
			lost += more
		case strings.HasPrefix(record.Text, "worker process "): // its end
		default:
			t.Fatalf("record %+v after line %d", record, last)
		}
	}
	// The record of the process's end may be among those that are lost.
	if all := taken + lost; all != lines && all != lines+1 || lost == 0 || taken < 1000 {
		t.Errorf("%d lines were taken, %d lost, of %d", taken, lost, lines)
	}
	if n := len(r.log.with("line ")); n != 0 {
		t.Errorf("%d of them are logged by the leader as well", n)
	}
}

// TestRecordsOfADeadSupervisor: what a supervisor that does not read anything any
// more has not taken is logged here.
func TestRecordsOfADeadSupervisor(t *testing.T) {
	t.Parallel()
	own := newLogbook()
	var c *courier
	far := collect(t, func(fds []int) {
		var err error
		if c, err = newCourier(fds[0], func() *slog.Logger { return slog.New(own) }); err != nil {
			t.Fatal(err)
		}
	})
	far.conn.Close()
	if !c.take(time.Now(), slog.LevelWarn, "one", []any{"process", 1}) {
		t.Fatal("not taken")
	}
	c.run()
	if got := own.String(); got != "WARN one process=1" {
		t.Errorf("logged: %s", got)
	}
	if c.take(time.Now(), slog.LevelWarn, "two", nil) {
		t.Error("taken after that")
	}
}

// TestRecordSizes: whatever a record holds, its message is not too large.
func TestRecordSizes(t *testing.T) {
	t.Parallel()
	var c *courier
	far := collect(t, func(fds []int) {
		var err error
		if c, err = newCourier(fds[0], func() *slog.Logger { return slog.New(newLogbook()) }); err != nil {
			t.Fatal(err)
		}
	})
	go far.read()
	go c.run()
	long := strings.Repeat("\x01", maxFromWorker) // six bytes each
	word := strings.Repeat("\x02", 10*maxAttr)
	for range 3 {
		c.take(time.Now(), slog.LevelWarn, long, []any{"a", word, "b", word})
		for range 1000 {
			c.take(time.Now(), slog.LevelWarn, "", []any{"n", 1})
		}
		for c.sizeNow() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	c.end()
	texts, size := 0, 0
	for record := range far.records {
		texts++
		size += len(record.Text)
		if len(record.Text) > 0 && len(record.Attrs[1]) != maxAttr {
			t.Fatalf("an attribute has %d bytes", len(record.Attrs[1]))
		}
	}
	if want := 3 * (1000 + maxFromWorker/maxText); texts != want || size != 3*maxFromWorker {
		t.Errorf("%d records with %d bytes", texts, size)
	}
}

func (c *courier) sizeNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// TestLossIsTold: a loss is told once a second, and at the latest then.
func TestLossIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &courier{wake: make(chan struct{}, 1), lost: 3, told: time.Now()}
		if records, last := c.collect(time.Now()); len(records) != 0 || last {
			t.Errorf("got %v, %v", records, last)
		}
		time.Sleep(lossEvery)
		<-c.wake
		records, _ := c.collect(time.Now())
		if len(records) != 1 || fmt.Sprint(records[0].Attrs) != "[count 3]" {
			t.Errorf("got %v", records)
		}
	})
}
