package sd

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable makes the test program one that systemd started: it says what
// the program takes.
const childVariable = "WSGID_SD_TEST_TAKE"

// report is what such a program found.
type report struct {
	Error     string   `json:",omitempty"`
	Addresses []string `json:",omitempty"`
	Left      []string `json:",omitempty"` // names that nobody took
	Bad       []string `json:",omitempty"` // rules that were broken

	others []uintptr // inheritable descriptors that are none of systemd's
}

// child takes what is asked for, as "listeners NAME" or "unix NAME", serves one
// connection of each listener and reports.
func child(what string) int {
	var r report
	if err := r.take(what); err != nil {
		r.Error = err.Error()
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "LISTEN_") {
			r.Bad = append(r.Bad, "still set: "+v)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}

func (r *report) take(what string) error {
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return err
	}
	r.others = inheritable(uintptr(firstDescriptor + count))
	sockets, err := TakeSockets(os.Getenv, os.Unsetenv)
	if err != nil {
		return err
	}
	defer func() { r.Left = sockets.Discard() }()
	r.checkInheritance()
	kind, name, _ := strings.Cut(what, " ")
	if kind == "unix" {
		l, err := sockets.UnixListener(name)
		if err != nil {
			return err
		}
		return r.serve(l)
	}
	listeners, err := sockets.Listeners(name)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		if err := r.serve(l); err != nil {
			return err
		}
	}
	return nil
}

// checkInheritance looks for descriptors that a program started now would get.
func (r *report) checkInheritance() {
	for _, fd := range inheritable(firstDescriptor) {
		if !slices.Contains(r.others, fd) {
			r.Bad = append(r.Bad, fmt.Sprintf("inheritable: %d", fd))
		}
	}
}

func inheritable(from uintptr) []uintptr {
	var found []uintptr
	for fd := from; fd < 64; fd++ {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			found = append(found, fd)
		}
	}
	return found
}

// serve answers the connection that waits.
func (r *report) serve(l net.Listener) error {
	defer l.Close()
	r.checkInheritance()
	r.Addresses = append(r.Addresses, l.Addr().Network()+" "+filepath.Base(l.Addr().String()))
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("served\n"))
	return err
}

// filer is what has a descriptor to pass on.
type filer interface{ File() (*os.File, error) }

// rack makes descriptors of every kind, and remembers who waits for an answer.
type rack struct {
	t       *testing.T
	dir     string
	clients []net.Conn
	paths   []string
}

// make returns what a case calls kind, "unix/NAME" for a listening one.
func (r *rack) make(kind string) *os.File {
	r.t.Helper()
	kind, name, _ := strings.Cut(kind, "/")
	path := filepath.Join(r.dir, name)
	switch kind {
	case "file":
		f, err := os.Open(os.DevNull)
		r.must(err)
		r.t.Cleanup(func() { f.Close() })
		return f
	case "unix":
		r.paths = append(r.paths, path)
		return r.listen("unix", path)
	case "tcp":
		return r.listen("tcp", "127.0.0.1:0")
	case "udp":
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		return r.file(c, c.(filer), err)
	case "unixgram":
		c, err := net.ListenPacket("unixgram", path)
		return r.file(c, c.(filer), err)
	case "connection":
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		r.must(err)
		r.t.Cleanup(func() { unix.Close(pair[1]) })
		return r.open(pair[0])
	case "bound": // but not listening
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		r.must(err)
		r.must(unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
		return r.open(fd)
	}
	r.t.Fatalf("there is no kind %q", kind)
	return nil
}

func (r *rack) listen(network, address string) *os.File {
	r.t.Helper()
	l, err := net.Listen(network, address)
	r.must(err)
	client, err := net.Dial(network, l.Addr().String())
	r.must(err)
	r.t.Cleanup(func() { client.Close() })
	r.clients = append(r.clients, client)
	return r.file(l, l.(filer), nil)
}

func (r *rack) file(c interface{ Close() error }, from filer, err error) *os.File {
	r.t.Helper()
	r.must(err)
	f, err := from.File()
	r.must(err)
	r.t.Cleanup(func() { f.Close(); c.Close() })
	return f
}

func (r *rack) open(fd int) *os.File {
	f := os.NewFile(uintptr(fd), "")
	r.t.Cleanup(func() { f.Close() })
	return f
}

func (r *rack) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// activate runs the test program as systemd would.
func activate(t *testing.T, files []*os.File, names, take string) report {
	t.Helper()
	// Only the program itself knows its id early enough, so a shell becomes it.
	c := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+take, "LISTEN_FDS="+strconv.Itoa(len(files)))
	if names != "" {
		c.Env = append(c.Env, "LISTEN_FDNAMES="+names)
	}
	c.ExtraFiles = files
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r
}

func TestTakeSockets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kinds, names, take string
		want                     report
	}{
		{
			"several of a name come sorted", "unix/b unix/x unix/a", "http:admin:http", "listeners http",
			report{Addresses: []string{"unix a", "unix b"}, Left: []string{"admin"}},
		},
		{
			"TCP comes first", "unix/a tcp", "http:http", "listeners http",
			report{Addresses: []string{"tcp PORT", "unix a"}},
		},
		{"the one of a leader", "unix/a", "leader", "unix leader", report{Addresses: []string{"unix a"}}},
		{"without names", "unix/a", "", "unix unknown", report{Addresses: []string{"unix a"}}},
		{
			"no such name", "unix/a unix/b", "b:a", "listeners http",
			report{
				Error: "cannot take the socket \"http\": systemd passed only a, b\nhint: the socket unit needs FileDescriptorName=http",
				Left:  []string{"a", "b"},
			},
		},
		{
			"none at all", "", "", "listeners http",
			report{Error: "cannot take the socket \"http\": systemd passed none"},
		},
		{
			"two for a leader", "unix/a unix/b", "leader:leader", "unix leader",
			report{Error: `cannot take the socket "leader": systemd passed 2 of that name, and one is expected`, Left: []string{"leader", "leader"}},
		},
		{
			"TCP for a leader", "tcp", "leader", "unix leader",
			report{Error: `cannot take the socket "leader" (descriptor 3): it is an IP socket, but a UNIX stream socket that listens is expected`},
		},
		{
			"UDP", "unix/a udp", "http:http", "listeners http",
			report{Error: `cannot take the socket "http" (descriptor 4): it is a datagram socket, but a TCP or UNIX stream socket that listens is expected`},
		},
		{
			"UNIX datagrams", "unixgram/a", "leader", "unix leader",
			report{Error: `cannot take the socket "leader" (descriptor 3): it is a datagram socket, but a UNIX stream socket that listens is expected`},
		},
		{
			"a connection", "connection", "http", "listeners http",
			report{Error: `cannot take the socket "http" (descriptor 3): it does not listen (is Accept=yes set?), but a TCP or UNIX stream socket that listens is expected`},
		},
		{
			"bound only", "bound/a", "http", "listeners http",
			report{Error: `cannot take the socket "http" (descriptor 3): it does not listen (is Accept=yes set?), but a TCP or UNIX stream socket that listens is expected`},
		},
		{
			"a file", "file unix/a", "http:http", "listeners http",
			report{Error: `cannot take the socket "http" (descriptor 3): it is no socket, but a TCP or UNIX stream socket that listens is expected`},
		},
		{
			"too few names", "unix/a unix/b", "http", "listeners http",
			report{Error: "cannot use the sockets that systemd passed: LISTEN_FDNAMES=http does not name 2 descriptors"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &rack{t: t, dir: shortDir(t)}
			var files []*os.File
			for _, kind := range strings.Fields(c.kinds) {
				files = append(files, r.make(kind))
			}
			got := activate(t, files, c.names, c.take)
			for i, a := range got.Addresses {
				if strings.HasPrefix(a, "tcp ") {
					got.Addresses[i] = "tcp PORT"
				}
			}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, c.want)
			}
			r.checkUntouched(t)
			r.checkServed(t, len(got.Addresses))
		})
	}
}

// checkUntouched looks that every path is there and somebody, this test,
// listens at it.
func (r *rack) checkUntouched(t *testing.T) {
	t.Helper()
	for _, path := range r.paths {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Errorf("the socket has been spoiled: %v", err)
			continue
		}
		conn.Close()
	}
}

// checkServed counts the clients that have been answered.
func (r *rack) checkServed(t *testing.T, want int) {
	t.Helper()
	served := 0
	for _, client := range r.clients {
		if !hasInput(t, client) {
			continue
		}
		r.must(client.SetReadDeadline(time.Now().Add(patience)))
		answer, err := io.ReadAll(client)
		r.must(err)
		if string(answer) != "served\n" {
			t.Errorf("a client was answered %q", answer)
		}
		served++
	}
	if served != want {
		t.Errorf("%d clients were answered, want %d", served, want)
	}
}

func hasInput(t *testing.T, client net.Conn) bool {
	t.Helper()
	raw, err := client.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func TestTakeSocketsOfOthers(t *testing.T) {
	t.Parallel()
	self := "LISTEN_PID=" + strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		variables []string
		wantErr   string
	}{
		{nil, ""},
		{[]string{"LISTEN_FDS=1"}, ""}, // sd_listen_fds(3) wants both
		{[]string{"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=http"}, ""},
		{[]string{self}, ""},
		{[]string{self, "LISTEN_FDS=0"}, ""},
		{[]string{self, "LISTEN_FDS=-1"}, "LISTEN_FDS=-1 is no number of descriptors"},
		{[]string{self, "LISTEN_FDS=two"}, "LISTEN_FDS=two is no number of descriptors"},
		{[]string{self, "LISTEN_FDS=2147483647"}, "LISTEN_FDS=2147483647 is no number of descriptors"},
		{[]string{"LISTEN_PID=x", "LISTEN_FDS=1"}, "LISTEN_PID=x: it is no process id"},
		{[]string{self, "LISTEN_FDS=2", "LISTEN_FDNAMES=a:b:c"}, "LISTEN_FDNAMES=a:b:c does not name 2 descriptors"},
		{[]string{self, "LISTEN_FDS=100000"}, "bad file descriptor"},
	} {
		var unset []string
		sockets, err := TakeSockets(environment(c.variables...), func(name string) error {
			unset = append(unset, name)
			return nil
		})
		switch {
		case c.wantErr == "" && err != nil, c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)):
			t.Errorf("%q: got %v, want %q", c.variables, err, c.wantErr)
		case err == nil && sockets.Discard() != nil:
			t.Errorf("%q: took sockets", c.variables)
		}
		if !slices.Equal(unset, []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}) {
			t.Errorf("%q: unset %q", c.variables, unset)
		}
	}
}
