package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// socketPair returns two ends of a stream socket with a deadline for everything.
func socketPair(tb testing.TB) (a, b *net.UnixConn) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		tb.Fatal(err)
	}
	ends := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "end")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			tb.Fatal(err)
		}
		ends[i] = conn.(*net.UnixConn)
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { conn.Close() })
	}
	return ends[0], ends[1]
}

func TestConnMessages(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	sender, receiver := NewConn(a), NewConn(b)
	messages := []Message{
		{Type: ProcessStarted, Process: 3, PID: 77, Text: "3.11.2"},
		{Type: ProcessFailed, Process: 1, Text: "Traceback\n  caf\u00e9 \x01 <&>"},
		{Type: StopProcess, Process: 2, Kill: true},
		{Type: FilesLoaded, Files: []string{"/a", "/b c"}},
		{Type: GroupReady},
		{Type: LogRecords, Records: []Record{
			{Time: time.Unix(1e9, 5e6).UTC(), Level: slog.LevelWarn, Text: "a\nb \x1b\ufffd", Attrs: []string{"pid", "7"}},
			{Level: slog.LevelInfo},
		}},
	}
	for _, m := range messages {
		if err := sender.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	// All have arrived by now: several messages in one read.
	for _, want := range messages {
		got, err := receiver.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestConnSendersInParallel(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	sender, receiver := NewConn(a), NewConn(b)
	const senders, each = 8, 20
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for range each {
				if err := sender.Send(Message{Type: Stacks, Process: i + 1, Text: strings.Repeat(fmt.Sprint(i), 20_000)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	counts := map[int]int{}
	for range senders * each {
		m, err := receiver.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Text != strings.Repeat(fmt.Sprint(m.Process-1), 20_000) {
			t.Fatal("two messages are mixed")
		}
		counts[m.Process]++
	}
	all.Wait()
	for i := range senders {
		if counts[i+1] != each {
			t.Errorf("%d messages of sender %d", counts[i+1], i)
		}
	}
}

func TestConnPartialReads(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	receiver := NewConn(b)
	data := append(encoded(`{"type":"ready-ish","process":5}`), encoded(`{"type":"next"}`)...)
	go func() {
		for _, c := range data {
			if _, err := a.Write([]byte{c}); err != nil {
				return
			}
		}
	}()
	for _, want := range []MessageType{"ready-ish", "next"} {
		m, err := receiver.Receive()
		if err != nil || m.Type != want {
			t.Fatalf("got %+v, %v; want %s", m, err, want)
		}
	}
}

// encoded frames a message as Send does.
func encoded(text string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func TestConnLimit(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	sender, receiver := NewConn(a), NewConn(b)
	if err := sender.Send(Message{Type: Stacks, Text: strings.Repeat("x", MaxMessage)}); err == nil {
		t.Fatal("a message over the limit was sent")
	}
	// Nothing of it is on the connection: the next message arrives.
	largest := Message{Type: Stacks, Text: strings.Repeat("x", MaxMessage-100)}
	sent := make(chan error, 1)
	go func() { sent <- sender.Send(largest) }()
	m, err := receiver.Receive()
	if err := errors.Join(err, <-sent); err != nil || m.Text != largest.Text {
		t.Fatalf("the largest message did not arrive: %v", err)
	}
}

func TestConnBadMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data []byte
		want string // in the error
	}{
		{"too long", binary.LittleEndian.AppendUint32(nil, MaxMessage+1), "the limit is 1048576"},
		{"length of all ones", []byte{255, 255, 255, 255, 'x'}, "the limit is 1048576"},
		{"no JSON", encoded("nonsense"), "cannot decode control message"},
		{"empty", encoded(""), "cannot decode control message"},
		{"wrong type of a field", encoded(`{"process":"x"}`), "cannot decode control message"},
		{"descriptors that did not come", encoded(`{"type":"threads","attached":1}`), "1 descriptors announced, 0 arrived"},
		{"negative number of descriptors", encoded(`{"type":"threads","attached":-1}`), "-1 descriptors announced, 0 arrived"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := socketPair(t)
			if _, err := a.Write(c.data); err != nil {
				t.Fatal(err)
			}
			m, err := NewConn(b).Receive()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", m, err, c.want)
			}
		})
	}
}

func TestConnEnd(t *testing.T) {
	t.Parallel()
	message := encoded(`{"type":"ready"}`)
	for _, c := range []struct {
		name   string
		data   []byte
		unread bool // the peer has not read what was sent to it
		want   error
	}{
		{"between messages", message, false, io.EOF},
		{"at once", nil, false, io.EOF},
		{"with a message unread", message, true, io.EOF},
		{"amid a length", append(slices.Clone(message), 1, 0), false, io.ErrUnexpectedEOF},
		{"amid a message", append(slices.Clone(message), message[:8]...), false, io.ErrUnexpectedEOF},
		{"amid a message, with one unread", append(slices.Clone(message), message[:8]...), true, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := socketPair(t)
			receiver := NewConn(b)
			if c.unread {
				if err := receiver.Send(Message{Type: Replace}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := a.Write(c.data); err != nil {
				t.Fatal(err)
			}
			a.Close()
			if len(c.data) > 0 {
				if m, err := receiver.Receive(); err != nil || m.Type != "ready" {
					t.Fatalf("got %+v, %v", m, err)
				}
			}
			if _, err := receiver.Receive(); err != c.want { //nolint:errorlint // the value itself is promised
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestConnCloseEndsReceive(t *testing.T) {
	t.Parallel()
	_, b := socketPair(t)
	receiver := NewConn(b)
	ended := make(chan error, 1)
	go func() {
		_, err := receiver.Receive()
		ended <- err
	}()
	if err := receiver.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

func TestConnSendToNobody(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	b.Close()
	if err := NewConn(a).Send(Message{Type: Replace}); err == nil {
		t.Error("a message to a closed connection was sent")
	}
}
