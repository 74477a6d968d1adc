package leader

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

const (
	// mostWaiting bounds what waits for the supervisor to take it, in bytes.
	mostWaiting = 1 << 20
	// maxBatch bounds what goes in a message, in bytes, each of which may become six.
	maxBatch = 160 << 10
	// maxText bounds a record's text, in bytes; a longer one goes in several records.
	maxText = 64 << 10
	// maxAttr bounds the value of an attribute, in bytes.
	maxAttr = 500
	// lossEvery is how often the loss of records is told.
	lossEvery = time.Second
	// lastTime is how long a supervisor that lets go may take to take the last ones.
	lastTime = time.Second
)

// record logs something about a process: in the supervisor's file, if it has
// asked for that, else in this program's own log.
func (l *Leader) record(level slog.Level, text string, attrs ...any) {
	if !l.logger().Enabled(noContext, level) {
		return
	}
	if c := l.courier.Load(); c == nil || !c.take(time.Now(), level, text, attrs) {
		l.logger().Log(noContext, level, text, attrs...)
	}
}

// explain is record for why the unit of the leader does not do its work: its own
// log is where people look for that.
func (l *Leader) explain(text string, attrs ...any) {
	if c := l.courier.Load(); c != nil {
		c.take(time.Now(), slog.LevelError, text, attrs)
	}
	l.logger().Error(text, attrs...)
}

// collectFor begins to send the records to the supervisor that has sent a
// descriptor for them. The descriptor stays the caller's.
func (l *Leader) collectFor(fds []int) {
	if len(fds) == 0 {
		return
	}
	c, err := newCourier(fds[0], l.logger)
	if err != nil {
		l.logger().Error("cannot send log records to the supervisor; they stay here", "err", err)
		return
	}
	l.courier.Store(c)
	l.delivering.Go(c.run)
}

// keepRecords ends that: from now on records stay here.
func (l *Leader) keepRecords() {
	if c := l.courier.Swap(nil); c != nil {
		c.end()
	}
}

// courier carries records to a supervisor. Nobody waits for it: what the
// supervisor does not take in time is counted, and the count is told.
type courier struct {
	conn    *net.UnixConn
	control *wire.Conn
	own     func() *slog.Logger // for what cannot be delivered
	wake    chan struct{}       // capacity 1

	mu      sync.Mutex
	waiting []wire.Record
	size    int // of waiting, in bytes
	lost    int // not told yet
	told    time.Time
	ended   bool // takes nothing any more
}

// newCourier duplicates the descriptor.
func newCourier(fd int, own func() *slog.Logger) (*courier, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "log records")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("not a UNIX socket"), conn.Close())
	}
	return &courier{conn: socket, control: wire.NewConn(socket), own: own, wake: make(chan struct{}, 1)}, nil
}

// take reports whether it saw to the record.
func (c *courier) take(now time.Time, level slog.Level, text string, attrs []any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	if c.size+len(text) > mostWaiting {
		c.lost++
		return true
	}
	words := make([]string, len(attrs))
	for i, a := range attrs {
		word := fmt.Sprint(a)
		words[i] = word[:min(len(word), maxAttr)]
	}
	for {
		part := text[:min(len(text), maxText)]
		r := wire.Record{Time: now, Level: level, Text: part, Attrs: words}
		c.waiting = append(c.waiting, r)
		c.size += sizeOf(r)
		if text = text[len(part):]; text == "" {
			break
		}
	}
	c.stir()
	return true
}

// sizeOf is about what a record takes, in bytes.
func sizeOf(r wire.Record) int {
	size := 100 + len(r.Text)
	for _, word := range r.Attrs {
		size += len(word)
	}
	return size
}

func (c *courier) stir() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// end has the courier deliver what waits, within lastTime, and take no more.
func (c *courier) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(lastTime)) // it fails when there is nothing to wait for
	c.stir()
}

// run delivers until the end, or until the supervisor takes nothing any more.
func (c *courier) run() {
	defer c.conn.Close()
	for range c.wake {
		for {
			records, last := c.collect(time.Now())
			if !c.deliver(records) || last {
				return
			}
			if len(records) == 0 {
				break
			}
		}
	}
}

// collect takes what waits; last says that nothing follows it.
func (c *courier) collect(now time.Time) (records []wire.Record, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	records, c.waiting = c.waiting, nil
	if c.lost > 0 && (c.ended || now.Sub(c.told) >= lossEvery) {
		loss := lossRecord(now, c.lost)
		records = append(records, loss)
		c.size += sizeOf(loss)
		c.lost, c.told = 0, now
	} else if c.lost > 0 && len(records) == 0 {
		time.AfterFunc(lossEvery, c.stir)
	}
	return records, c.ended
}

// deliver sends records, as many at once as a message takes.
func (c *courier) deliver(records []wire.Record) bool {
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && size+sizeOf(records[n]) <= maxBatch {
			size += sizeOf(records[n])
			n++
		}
		if err := c.control.Send(wire.Message{Type: wire.LogRecords, Records: records[:n]}); err != nil {
			c.giveUp(records)
			return false
		}
		records = records[n:]
		c.mu.Lock()
		c.size -= size
		c.mu.Unlock()
	}
	return true
}

func lossRecord(now time.Time, count int) wire.Record {
	return wire.Record{
		Time: now, Level: slog.LevelWarn, Attrs: []string{"count", strconv.Itoa(count)},
		Text: "log records were lost, because the supervisor did not take them in time",
	}
}

// giveUp logs here what the supervisor has not taken.
func (c *courier) giveUp(records []wire.Record) {
	c.mu.Lock()
	c.ended = true
	records = append(records, c.waiting...)
	if c.lost > 0 {
		records = append(records, lossRecord(time.Now(), c.lost))
	}
	c.waiting, c.lost = nil, 0
	c.mu.Unlock()
	for _, r := range records {
		attrs := make([]any, len(r.Attrs))
		for i, word := range r.Attrs {
			attrs[i] = word
		}
		c.own().Log(noContext, r.Level, r.Text, attrs...)
	}
}
