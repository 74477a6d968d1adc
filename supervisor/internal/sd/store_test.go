package sd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	n, err := NewNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": path}[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := n.Store(t.Context(), "client", int(file.Fd())); err != nil {
		t.Fatal(err)
	}
	buf, oob := make([]byte, 1000), make([]byte, 1000)
	_ = manager.SetReadDeadline(time.Now().Add(5 * time.Second))
	size, oobSize, _, _, err := manager.ReadMsgUnix(buf, oob)
	if err != nil || string(buf[:size]) != "FDSTORE=1\nFDNAME=client" {
		t.Fatalf("systemd hears %q, %v", buf[:size], err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobSize])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors %v, %v", fds, err)
	}
	var sent, received unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &sent); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fstat(fds[0], &received); err != nil || sent.Rdev != received.Rdev {
		t.Errorf("another file was stored: %v", err)
	}
	unix.Close(fds[0])
	n.Forget("client")
	if size, err = manager.Read(buf); err != nil || string(buf[:size]) != "FDSTOREREMOVE=1\nFDNAME=client" {
		t.Errorf("systemd hears %q, %v", buf[:size], err)
	}
}

// A manager that does not read holds up nobody for longer than ctx.
func TestStoreBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	n, err := NewNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": path}[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for range 100_000 {
		if err := n.Store(ctx, "client", 0); err != nil {
			return
		}
	}
	t.Error("everything was taken, although nobody reads")
}

func TestStored(t *testing.T) {
	t.Parallel()
	s := &Sockets{byName: map[string][]int{"client": {7, 8}, "http": {3}}}
	several := &Sockets{byName: map[string][]int{"client.b": {1}, "client": {2}, "client.a": {3}, "clients": {4}}}
	if got := several.StoredNames("client"); !slices.Equal(got, []string{"client", "client.a", "client.b"}) {
		t.Errorf("names: %v", got)
	}
	if got := s.Stored("client"); len(got) != 2 || got[0] != 7 || got[1] != 8 {
		t.Errorf("got %v", got)
	}
	if got := s.Stored("client"); got != nil {
		t.Errorf("taken twice: %v", got)
	}
	if names := s.names(); len(names) != 1 || names[0] != "http" {
		t.Errorf("left: %v", names)
	}
}
