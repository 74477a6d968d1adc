package leader

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// fakeSystemd is a test in the place of systemd: it has the slot's socket and
// hears what the leader notifies.
type fakeSystemd struct {
	t        *testing.T
	notifier *sd.Notifier

	mu      sync.Mutex
	heard   []string // lines, in their order
	changed chan struct{}
}

// serve starts a leader as a service. Nobody is attached yet. change may be nil.
func serve(t *testing.T, source string, change func(*Options)) *rig {
	t.Helper()
	directory := shortDirectory(t)
	system := newFakeSystemd(t, directory)
	listener, socket := slotSocket(t, directory)
	r := newRig(t, source, func(o *Options) {
		o.Listener, o.Notifier = listener, system.notifier
		if change != nil {
			change(o)
		}
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.socket, r.system = socket, system
	r.run()
	return r
}

// shortDirectory is one whose path leaves room for a socket's.
func shortDirectory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "leader")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	return directory
}

// slotSocket listens at a path and gives the leader a descriptor of its own, as
// systemd does.
func slotSocket(t *testing.T, directory string) (*net.UnixListener, string) {
	t.Helper()
	path := filepath.Join(directory, "slot.sock")
	held, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	file, err := held.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	passed, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	return passed.(*net.UnixListener), path
}

func newFakeSystemd(t *testing.T, directory string) *fakeSystemd {
	t.Helper()
	path := filepath.Join(directory, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeSystemd{t: t, changed: make(chan struct{})}
	f.notifier, err = sd.NewNotifier(func(name string) string {
		if name == "NOTIFY_SOCKET" {
			return path
		}
		return ""
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.notifier.Close()
		conn.Close()
	})
	go f.hear(conn)
	return f
}

func (f *fakeSystemd) hear(conn *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.heard = append(f.heard, strings.Split(string(buf[:n]), "\n")...)
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
	}
}

// count is how often something was heard that begins with line.
func (f *fakeSystemd) count(line string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.countLocked(line)
}

func (f *fakeSystemd) countLocked(line string) int {
	n := 0
	for _, l := range f.heard {
		if strings.HasPrefix(l, line) {
			n++
		}
	}
	return n
}

// wait waits until something that begins with line was heard n times.
func (f *fakeSystemd) wait(line string, n int) {
	f.t.Helper()
	timeout := time.After(patience)
	for {
		f.mu.Lock()
		heard, changed := f.countLocked(line), f.changed
		f.mu.Unlock()
		if heard >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("%q was heard %d times, want %d; heard:\n%s", line, heard, n, strings.Join(f.heard, "\n"))
		}
	}
}

// dial connects to the slot's socket.
func (r *rig) dial() *net.UnixConn {
	r.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: r.socket})
	if err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// attach connects as another supervisor, which is the rig's from then on.
func (r *rig) attach(generation int) *boss {
	r.t.Helper()
	r.boss = greet(r, r.dial())
	r.tell(wire.Message{Type: wire.Attach, Generation: generation})
	return r.boss
}
