package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// option asks a socket through its descriptor.
func option[T any](t *testing.T, l net.Listener, ask func(fd int) (T, error)) T {
	t.Helper()
	conn, ok := l.(syscall.Conn)
	if !ok {
		t.Fatalf("%T has no descriptor", l)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value T
	if err := controlFD(raw, func(fd int) error { value, err = ask(fd); return err }); err != nil {
		t.Fatal(err)
	}
	return value
}

func listenOne(t *testing.T, a site.Listener, how site.Socket) (net.Listener, error) {
	t.Helper()
	listeners, err := listenAll([]site.Listener{a}, how)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { listeners[0].Close() })
	return listeners[0], nil
}

func TestListenTCP(t *testing.T) {
	l, err := listenOne(t, site.Listener{Network: "tcp", Address: "127.0.0.1:0"},
		site.Socket{Mode: 0o660, Backlog: 7, SendBuffer: 8192, ReceiveBuffer: 16384})
	if err != nil {
		t.Fatal(err)
	}
	// Of a listening socket tcpi_sacked is the backlog, tcp(7).
	info := option(t, l, func(fd int) (*unix.TCPInfo, error) {
		return unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if info.Sacked != 7 {
		t.Errorf("backlog is %d, want 7", info.Sacked)
	}
	go func() {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			defer c.Close()
			_, _ = c.Read(make([]byte, 1))
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ name, option, bytes int }{
		{unix.SOL_SOCKET, unix.SO_SNDBUF, 2 * 8192},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, 2 * 16384},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		err := controlFD(raw, func(fd int) error {
			got, err := unix.GetsockoptInt(fd, want.name, want.option)
			if got != want.bytes {
				t.Errorf("option %d of an accepted connection is %d, want %d", want.option, got, want.bytes)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestListenUNIX(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.sock")
	how := site.Socket{Mode: 0o640, Backlog: 2}
	l, err := listenOne(t, site.Listener{Network: "unix", Address: path}, how)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v, %v, want 0640", info.Mode(), err)
	}
	// One more than the backlog connects, unix_stream_connect in the kernel; the
	// next would wait, and is told so when it does not want to.
	for i := range how.Backlog + 2 {
		err := dialNow(t, path)
		if full := err == unix.EAGAIN; full != (i == how.Backlog+1) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func dialNow(t *testing.T, path string) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// TestListenOwner needs the right to give files away.
func TestListenOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: that a socket gets another owner and group is not proved")
	}
	path := filepath.Join(t.TempDir(), "site.sock")
	if _, err := listenOne(t, site.Listener{Network: "unix", Address: path}, site.Socket{User: "nobody", Group: "daemon", Mode: 0o600, Backlog: 1}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := site.UserID("nobody")
	gid, gidErr := site.GroupID("daemon")
	stat := info.Sys().(*syscall.Stat_t)
	if uidErr != nil || gidErr != nil || int(stat.Uid) != uid || int(stat.Gid) != gid || info.Mode().Perm() != 0o600 {
		t.Errorf("owner %d:%d and mode %v, want %d:%d and 0600", stat.Uid, stat.Gid, info.Mode(), uid, gid)
	}
}

func TestListenFails(t *testing.T) {
	dir := t.TempDir()
	unixAt := func(name string) site.Listener {
		return site.Listener{Network: "unix", Address: filepath.Join(dir, name)}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		at   site.Listener
		how  site.Socket
		want string
	}{
		"no such owner": {unixAt("a"), site.Socket{User: "nobody-here", Mode: 0o660, Backlog: 1}, `socket-user: there is no user "nobody-here" on this machine`},
		"no such group": {unixAt("b"), site.Socket{Group: "nobody-here", Mode: 0o660, Backlog: 1}, `socket-group: there is no group "nobody-here" on this machine`},
		"a file":        {unixAt("file"), site.Socket{Mode: 0o660, Backlog: 1}, "cannot listen at unix:" + dir + "/file: bind: address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := listenOne(t, test.at, test.how); err == nil || err.Error() != test.want {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
	// Nothing is left behind of a socket that could not be finished.
	if _, err := os.Lstat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Errorf("the socket of a failed start is there: %v", err)
	}
}

// dropNetAdmin takes the right to pass the kernel's bound from the thread of this
// test, which ends with it.
func dropNetAdmin(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}

// TestBufferTooLarge: the kernel would take less without a word.
func TestBufferTooLarge(t *testing.T) {
	dropNetAdmin(t)
	text, err := os.ReadFile("/proc/sys/net/core/wmem_max")
	if err != nil {
		t.Fatal(err)
	}
	bound, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	_, err = listenOne(t, site.Listener{Network: "tcp", Address: "127.0.0.1:0"}, site.Socket{Mode: 0o660, Backlog: 1, SendBuffer: bound + 1<<20})
	if err == nil || !strings.Contains(err.Error(), "hint: raise net.core.wmem_max with sysctl") {
		t.Errorf("error is %v", err)
	}
}
