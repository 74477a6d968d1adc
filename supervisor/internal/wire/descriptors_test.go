package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// file returns an open file that holds text.
func file(tb testing.TB, text string) *os.File {
	tb.Helper()
	f, err := os.CreateTemp(tb.TempDir(), "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		tb.Fatal(err)
	}
	return f
}

// content reads and closes a descriptor that arrived.
func content(tb testing.TB, fd int) string {
	tb.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		tb.Errorf("descriptor %d would be inherited: flags %#x, %v", fd, flags, err)
	}
	f := os.NewFile(uintptr(fd), "arrived")
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestConnDescriptors(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	sender, receiver := NewConn(a), NewConn(b)
	one, two, three := file(t, "one"), file(t, "two"), file(t, "three")
	for _, m := range []Message{
		{Type: ProcessStarted},
		{Type: ThreadsOffered, Index: 1, Descriptors: []int{int(one.Fd()), int(two.Fd())}},
		{Type: ProcessReady},
		{Type: ThreadsOffered, Index: 2, Descriptors: []int{int(three.Fd())}},
	} {
		if err := sender.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][]string{nil, {"one", "two"}, nil, {"three"}} {
		m, err := receiver.Receive()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, fd := range m.Descriptors {
			got = append(got, content(t, fd))
		}
		if !slices.Equal(got, want) {
			t.Errorf("message %d came with %q, want %q", i, got, want)
		}
	}
	if text := content(t, dup(t, one)); text != "one" {
		t.Errorf("the sender's own descriptor is spoiled: %q", text)
	}
}

func dup(tb testing.TB, f *os.File) int {
	tb.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return fd
}

func TestConnManyDescriptors(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	fd := int(file(t, "x").Fd())
	sender, receiver := NewConn(a), NewConn(b)
	for _, n := range []int{maxDescriptors, 0, maxDescriptors, maxDescriptors} {
		// More text than one read takes: the descriptors of the next message
		// may arrive with the end of this one.
		m := Message{Type: ThreadsOffered, Text: strings.Repeat("x", 100_000), Descriptors: slices.Repeat([]int{fd}, n)}
		sent := make(chan error, 1)
		go func() { sent <- sender.Send(m) }()
		got, err := receiver.Receive()
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatal(err)
		}
		if len(got.Descriptors) != n || got.Text != m.Text {
			t.Errorf("got %d descriptors, want %d", len(got.Descriptors), n)
		}
		CloseAll(got.Descriptors)
	}
	if err := sender.Send(Message{Descriptors: make([]int, maxDescriptors+1)}); err == nil {
		t.Error("a message with too many descriptors was sent")
	}
}

// TestConnGluedDescriptors: messages that wait in the socket together keep
// their descriptors apart.
func TestConnGluedDescriptors(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	sender, receiver := NewConn(a), NewConn(b)
	const messages = 30
	var files []*os.File
	for i := range messages {
		files = append(files, file(t, fmt.Sprint(i)))
		m := Message{Type: ThreadsOffered, Index: i, Text: strings.Repeat("y", 1000*(i%4))}
		if i%3 != 0 {
			m.Descriptors = []int{int(files[i].Fd())}
		}
		if err := sender.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range messages {
		m, err := receiver.Receive()
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if i%3 == 0 {
			want = 0
		}
		if m.Index != i || len(m.Descriptors) != want {
			t.Fatalf("message %d: got index %d and %d descriptors", i, m.Index, len(m.Descriptors))
		}
		for _, fd := range m.Descriptors {
			if text := content(t, fd); text != fmt.Sprint(i) {
				t.Errorf("message %d came with descriptor %s", i, text)
			}
		}
	}
}

// sendRaw writes data with descriptors beside it.
func sendRaw(tb testing.TB, conn *net.UnixConn, data []byte, fds ...int) {
	tb.Helper()
	if _, _, err := conn.WriteMsgUnix(data, unix.UnixRights(fds...), nil); err != nil {
		tb.Fatal(err)
	}
}

// TestConnUnannouncedDescriptors: a message must not get the descriptors that
// an earlier one brought and kept silent about.
func TestConnUnannouncedDescriptors(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	fd := int(file(t, "stray").Fd())
	receiver := NewConn(b)
	sendRaw(t, a, encoded(`{"type":"ready"}`), fd)
	if _, err := receiver.Receive(); err == nil || !strings.Contains(err.Error(), "0 descriptors announced, 1 arrived") {
		t.Errorf("got %v", err)
	}
	receiver.Discard()
}

func TestConnFloodOfDescriptors(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	fd := int(file(t, "x").Fd())
	receiver := NewConn(b)
	flood := slices.Repeat([]int{fd}, maxDescriptors)
	// A message that never ends brings more and more.
	sendRaw(t, a, binary.LittleEndian.AppendUint32(nil, MaxMessage), flood...)
	for range 2 {
		sendRaw(t, a, []byte("x"), flood...)
	}
	if _, err := receiver.Receive(); err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("got %v", err)
	}
	receiver.Discard()
}

// references counts the descriptors of this process that refer to the file of f.
func references(tb testing.TB, f *os.File) int {
	tb.Helper()
	var want unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &want); err != nil {
		tb.Fatal(err)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		var got unix.Stat_t
		if unix.Stat("/proc/self/fd/"+e.Name(), &got) == nil && got.Ino == want.Ino && got.Dev == want.Dev {
			n++
		}
	}
	return n
}

func TestConnDiscard(t *testing.T) {
	t.Parallel()
	a, b := socketPair(t)
	f := file(t, "only mine")
	receiver := NewConn(b)
	sendRaw(t, a, []byte{100, 0, 0, 0, '{'}, int(f.Fd()), int(f.Fd()))
	a.Close()
	if _, err := receiver.Receive(); err != io.ErrUnexpectedEOF { //nolint:errorlint // the value itself is promised
		t.Fatal(err)
	}
	if n := references(t, f); n != 3 {
		t.Fatalf("%d descriptors before Discard, want 3", n)
	}
	receiver.Discard()
	receiver.Discard()
	if n := references(t, f); n != 1 {
		t.Errorf("%d descriptors after Discard, want only the test's own", n)
	}
}

func TestParseDescriptors(t *testing.T) {
	t.Parallel()
	if fds, err := ParseDescriptors(nil); err != nil || fds != nil {
		t.Errorf("nothing gives %v, %v", fds, err)
	}
	if fds, err := ParseDescriptors(bytes.Repeat([]byte{255}, unix.SizeofCmsghdr)); err == nil {
		t.Errorf("nonsense gives %v", fds)
	}
	// Rights and credentials together: only the rights count.
	oob := append(unix.UnixCredentials(&unix.Ucred{Pid: 1}), unix.UnixRights(7, 8)...)
	if fds, err := ParseDescriptors(oob); err != nil || !slices.Equal(fds, []int{7, 8}) {
		t.Errorf("got %v, %v", fds, err)
	}
}

// FuzzReceive sends what a broken leader might, in writes of some size, with a
// descriptor beside some of them. Whatever happens, a message that is handed
// out has exactly the descriptors that it announces, and after Discard no
// descriptor is left that was not handed out.
func FuzzReceive(f *testing.F) {
	two := append(encoded(`{"type":"threads","attached":1}`), encoded(`{"type":"ready"}`)...)
	f.Add(two, uint16(len(two)), uint8(1))
	f.Add(two, uint16(3), uint8(0))
	f.Add(encoded(`{"type":"threads","attached":2}`), uint16(10), uint8(3))
	f.Add([]byte{255, 255, 255, 255}, uint16(1), uint8(255))
	f.Add(bytes.Repeat(encoded(`{}`), 50), uint16(7), uint8(2))
	f.Add(encoded(`{"attached":-9}`), uint16(4), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, size uint16, every uint8) {
		a, b := socketPair(t)
		marker := file(t, "marker")
		receiver := NewConn(b)
		if len(data) > 32<<10 || size == 0 {
			return
		}
		sent := 0
		for i, piece := range slices.Collect(slices.Chunk(data, int(size))) {
			if i > 100 {
				break // what a socket surely holds
			}
			if every > 0 && i%int(every) == 0 {
				sendRaw(t, a, piece, int(marker.Fd()))
			} else {
				sendRaw(t, a, piece)
			}
			sent += len(piece)
		}
		a.Close()
		for {
			m, err := receiver.Receive()
			if err != nil {
				if m.Descriptors != nil {
					t.Error("descriptors came with an error")
				}
				break
			}
			if len(m.Descriptors) != m.Attached {
				t.Errorf("%d descriptors with a message that announces %d", len(m.Descriptors), m.Attached)
			}
			CloseAll(m.Descriptors)
		}
		receiver.Discard()
		if n := references(t, marker); n != 1 {
			t.Errorf("%d descriptors were leaked", n-1)
		}
		if room := cap(receiver.in); room > sent+256<<10 {
			t.Errorf("%d bytes are held for %d received", room, sent)
		}
	})
}
