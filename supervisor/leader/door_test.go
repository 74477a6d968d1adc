package leader

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// Users that need not exist: only their numbers count.
const (
	frontEnd = 54321
	stranger = 54322
)

// connectAs is a program that connects to the socket and prints how much it is
// told, four bytes at most.
const connectAs = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(10)
print(len(s.recv(4)))
`

func TestStranger(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user: not proved that a leader refuses connections of strangers and takes its supervisor's")
	}
	r := serve(t, hello, nil)
	// A mode that lets everybody connect, so that the leader has to refuse.
	if err := os.Chown(r.socket, frontEnd, -1); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{r.socket, strings.TrimSuffix(r.socket, "/slot.sock")} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if got := r.connectAs(stranger); got != "0\n" {
			t.Errorf("a stranger gets %q bytes", got)
		}
	}
	record := r.log.wait(t, "refused a connection")
	if !strings.Contains(record, "uid=54322") || !strings.Contains(record, "the socket belongs to user 54321") || len(r.log.with("refused a connection")) != 1 {
		t.Errorf("logged:\n%s", r.log)
	}
	if got := r.connectAs(frontEnd); got != "4\n" {
		t.Errorf("the supervisor's user gets %q bytes", got)
	}
	r.attach(1) // root
	r.ready(1)
}

func (r *rig) connectAs(uid uint32) string {
	r.t.Helper()
	command := exec.Command(python(r.t), "-c", connectAs, r.socket)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	output, err := command.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

func TestCheckOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a socket to another user: not proved whom the check of its owner lets in")
	}
	for _, c := range []struct {
		name       string
		uid, owner int
		mode       os.FileMode
		want       string // of the error; "" is none
	}{
		{"the owner", frontEnd, frontEnd, 0o600, ""},
		{"another user", stranger, frontEnd, 0o666, "the socket belongs to user 54321"},
		{"unmapped users, and only the owner can connect", unmapped, unmapped, 0o600, ""},
		{"unmapped users", unmapped, unmapped, 0o660, "users cannot be told apart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := shortDirectory(t) + "/s"
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := os.Chown(path, c.owner, -1); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			d := door{path: path}
			err = d.checkOwner(uint32(c.uid))
			if got := errorText(err); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	d := door{path: "/nowhere/s"}
	if err := d.checkOwner(frontEnd); err == nil || !strings.Contains(err.Error(), "/nowhere/s") {
		t.Errorf("a socket that is not there: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestOutOfDescriptors: a leader that could not accept for want of descriptors
// does so when there are some. It cannot be parallel: the limit is that of this
// process.
func TestOutOfDescriptors(t *testing.T) {
	r := serve(t, hello, nil)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "late")
	defer file.Close()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	// Every descriptor that is lower is in use, but for those that other tests
	// have closed: 3 is below all that this test opens.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: r.socket})
	r.log.wait(t, "cannot accept a connection")
	time.Sleep(3 * acceptPause)
	if restoreErr := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil || restoreErr != nil {
		t.Fatal(err, restoreErr)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	r.boss = greet(r, conn.(*net.UnixConn))
	r.tell(wire.Message{Type: wire.Attach, Generation: 1})
	r.ready(1)
	if n := len(r.log.with("cannot accept a connection")); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}
