package group

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

const (
	// recordRate is how much of log records a leader may send, in bytes a second,
	// and recordBurst how much at once. What it has beyond that it keeps, and gives
	// up when it cannot keep it: an application that does nothing but log takes
	// neither this process's time nor the disk from the others.
	recordRate  = 4 << 20
	recordBurst = 16 << 20
	// lastRecords is how long the end of a leader's records is waited for after that
	// of its connection.
	lastRecords = 250 * time.Millisecond
	// mostAttrs and longestKey bound what is taken over of a record.
	mostAttrs, longestKey = 8, 32
)

// attach tells a leader what it is from now on, and gives it a connection for log
// records if they are wanted here.
func (gen *generation) attach() {
	g := gen.group
	attach := wire.Message{Type: wire.Attach, Generation: gen.number, Text: gen.pinned}
	if g.options.Collect == nil || !g.options.Collect() {
		g.tell(gen.control, attach)
		return
	}
	ours, theirs, err := recordsPair()
	if err != nil {
		g.log.Error("the log records of processes stay with their leader", "generation", gen.number, "err", err)
		g.tell(gen.control, attach)
		return
	}
	attach.Descriptors = []int{theirs}
	g.tell(gen.control, attach)
	unix.Close(theirs)
	g.running.Go(func() { gen.takeRecords(ours) })
}

func recordsPair() (ours *net.UnixConn, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, -1, os.NewSyscallError("socketpair", err)
	}
	file := os.NewFile(uintptr(fds[0]), "log records")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		unix.Close(fds[1])
		return nil, -1, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	return conn.(*net.UnixConn), fds[1], nil
}

// takeRecords logs what a leader sends until it ends that, or has been gone for
// lastRecords.
func (gen *generation) takeRecords(conn *net.UnixConn) {
	defer conn.Close()
	over := make(chan struct{})
	defer close(over)
	gen.group.running.Go(func() {
		select {
		case <-gen.ended:
			_ = conn.SetReadDeadline(time.Now().Add(lastRecords))
		case <-over:
		}
	})
	records := wire.NewConn(conn)
	defer records.Discard()
	pace := pace{rate: recordRate, burst: recordBurst, at: time.Now()}
	for {
		m, err := records.Receive()
		wire.CloseAll(m.Descriptors)
		if err != nil || m.Type != wire.LogRecords {
			return
		}
		size := 0
		for _, r := range m.Records {
			size += gen.logRecord(r)
		}
		if wait := pace.take(size, time.Now()); wait > 0 {
			select {
			case <-time.After(wait):
			case <-gen.ended:
			}
		}
	}
}

// logRecord logs a record of a leader, who belongs to the application's user: what
// says where the record comes from is not the leader's to say. It gives the size
// of the record in bytes.
func (gen *generation) logRecord(r wire.Record) (size int) {
	now := time.Now()
	if r.Time.After(now) || now.Sub(r.Time) > time.Minute {
		r.Time = now
	}
	log := gen.group.log
	level := min(max(r.Level, slog.LevelDebug), slog.LevelError)
	size = len(r.Text)
	if !log.Enabled(context.Background(), level) {
		return size
	}
	record := slog.NewRecord(r.Time, level, r.Text, 0)
	record.AddAttrs(slog.Int("generation", gen.number))
	for i := 0; i+1 < min(len(r.Attrs), 2*mostAttrs); i += 2 {
		key, value := r.Attrs[i], r.Attrs[i+1]
		size += len(key) + len(value)
		if isKey(key) {
			record.AddAttrs(slog.String(key, value))
		}
	}
	_ = log.Handler().Handle(context.Background(), record) // as for every record, nobody hears of an error
	return size
}

// isKey reports whether a leader may use the key.
func isKey(key string) bool {
	switch key {
	case "", "site", "group", "generation":
		return false
	}
	foreign := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }
	return len(key) <= longestKey && !strings.ContainsFunc(key, foreign)
}

// pace lets so many bytes a second through, and a burst at once.
type pace struct {
	rate, burst int
	used        int // of the burst
	at          time.Time
}

// take says how long the next bytes have to wait after these.
func (p *pace) take(size int, now time.Time) time.Duration {
	p.used = max(0, p.used-int(now.Sub(p.at).Seconds()*float64(p.rate))) + size
	p.at = now
	if p.used <= p.burst {
		return 0
	}
	return time.Duration(float64(p.used-p.burst) / float64(p.rate) * float64(time.Second))
}
