package leader

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// TestMain makes the test program the `wsgid worker` of the leaders that it
// tests.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		_ = RunWorker() // it has told the leader
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for anything at most.
const patience = 20 * time.Second

const hello = `
import os
def application(environ, start_response):
    start_response('200 OK', [])
    return [str(os.getpid()).encode(), b' ', environ['wsgi.input'].read()]
`

// rig is a leader with a test in the place of its supervisor.
type rig struct {
	t        *testing.T
	script   string
	control  *wire.Conn
	messages chan wire.Message
	unread   []wire.Message
	log      *logbook
	cancel   context.CancelFunc
	ended    chan error // what Run returned
	pids     []int
	err      error // of New
}

// lead starts a leader of one process with the application in source. change
// may be nil.
func lead(t *testing.T, source string, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, messages: make(chan wire.Message, 1000), log: newLogbook(), ended: make(chan error, 1)}
	r.script = filepath.Join(t.TempDir(), "rig_app.py")
	r.write(source)
	s := site.Default("rig")
	g := s.Groups[0]
	g.Processes, g.Threads, g.StartupTimeout, g.ShutdownTimeout = 1, 1, patience, 2*time.Second
	g.Python = python(t)
	s.Mounts = []*site.Mount{{Path: "/", Script: r.script, Callable: site.DefaultCallable, Group: g.Name}}
	o := Options{Site: s, Group: g, Logger: slog.New(r.log)}
	if change != nil {
		change(&o)
	}
	var leader *Leader
	if leader, r.err = New(o); r.err == nil {
		r.run(leader)
	}
	return r
}

func (r *rig) run(l *Leader) {
	ours, theirs := controlPair(r.t)
	ctx, cancel := context.WithCancel(context.Background())
	r.control, r.cancel = wire.NewConn(ours), cancel
	go func() { r.ended <- l.Run(ctx, theirs) }()
	received := make(chan struct{})
	go func() {
		defer close(received)
		r.receive()
	}()
	r.t.Cleanup(func() {
		r.control.Close()
		cancel()
		r.checkEnd()
		<-received
		for m := range r.messages {
			wire.CloseAll(m.Descriptors)
		}
		for _, m := range r.unread {
			wire.CloseAll(m.Descriptors)
		}
	})
}

func (r *rig) receive() {
	defer close(r.messages)
	defer r.control.Discard()
	for {
		m, err := r.control.Receive()
		if err != nil {
			return
		}
		r.messages <- m
	}
}

// checkEnd waits for the end of Run, and makes sure that it left no process.
func (r *rig) checkEnd() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run: %v", err)
		}
		r.ended <- err
	case <-time.After(patience):
		r.t.Fatal("Run does not return")
	}
	for _, pid := range r.pids {
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			r.t.Errorf("process %d is left behind (%v)", pid, err)
		}
	}
}

func (r *rig) write(source string) {
	r.t.Helper()
	if err := os.WriteFile(r.script, []byte(source), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the next message that ok accepts, and keeps those before it.
func (r *rig) next(what string, ok func(wire.Message) bool) wire.Message {
	r.t.Helper()
	for i, m := range r.unread {
		if ok(m) {
			r.unread = append(r.unread[:i:i], r.unread[i+1:]...)
			return m
		}
	}
	timeout := time.After(patience)
	for {
		select {
		case m, open := <-r.messages:
			if !open {
				r.t.Fatalf("the leader ended before %s; log:\n%s", what, r.log)
			}
			if m.Type == wire.ProcessStarted {
				r.pids = append(r.pids, m.PID)
			}
			if ok(m) {
				return m
			}
			r.unread = append(r.unread, m)
		case <-timeout:
			r.t.Fatalf("no %s within %s; other messages: %+v; log:\n%s", what, patience, r.unread, r.log)
		}
	}
}

func (r *rig) expect(kind wire.MessageType) wire.Message {
	r.t.Helper()
	return r.next(string(kind), func(m wire.Message) bool { return m.Type == kind })
}

func (r *rig) expectOf(kind wire.MessageType, process int) wire.Message {
	r.t.Helper()
	return r.next(string(kind), func(m wire.Message) bool { return m.Type == kind && m.Process == process })
}

func (r *rig) tell(m wire.Message) {
	r.t.Helper()
	if err := r.control.Send(m); err != nil {
		r.t.Fatal(err)
	}
}

// ready waits until a process is ready; its threads and its pid.
func (r *rig) ready(process int) (threads []*workerThread, pid int) {
	r.t.Helper()
	m := r.expectOf(wire.ThreadsOffered, process)
	for pair := range slices.Chunk(m.Descriptors, 2) {
		threads = append(threads, &workerThread{t: r.t, requests: connection(r.t, pair[0]), responses: connection(r.t, pair[1])})
	}
	return threads, r.expectOf(wire.ProcessReady, process).PID
}

func controlPair(t *testing.T) (ours, theirs *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "control")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = conn.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// python is the interpreter of the tests.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("WSGID_TEST_PYTHON")
	if path == "" {
		path = "/usr/bin/python3"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no interpreter (%v): not proved that real worker processes start, serve and end", err)
	}
	return path
}
