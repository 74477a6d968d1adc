package leader

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
	if len(os.Args) == 3 && os.Args[1] == "apply" {
		applyLimits(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "service" {
		os.Exit(service(os.Args[2]))
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
	*boss  // the supervisor that attached last
	t      *testing.T
	script string
	socket string // of a leader that is a service
	system *fakeSystemd
	log    *logbook
	cancel context.CancelFunc
	ended  chan error // what Run returned
	err    error      // of New
	leader *Leader

	mu   sync.Mutex
	pids []int
}

// lead starts a leader of one process with the application in source, and
// attaches to it. change may be nil.
func lead(t *testing.T, source string, change func(*Options)) *rig {
	t.Helper()
	ours, theirs := controlPair(t)
	r := newRig(t, source, func(o *Options) {
		o.Control = theirs
		if change != nil {
			change(o)
		}
	})
	if r.err == nil {
		r.run()
		r.boss = greet(r, ours)
		r.tell(wire.Message{Type: wire.Attach, Generation: 1})
	}
	return r
}

// newRig makes a leader.
func newRig(t *testing.T, source string, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, log: newLogbook(), ended: make(chan error, 1)}
	r.script = filepath.Join(t.TempDir(), "rig_app.py")
	r.write(source)
	s := site.Default("rig")
	g := s.Groups[0]
	g.Processes, g.Threads, g.StartupTimeout, g.ShutdownTimeout = 1, 1, patience, 2*time.Second
	g.OrphanTimeout, g.DeadlockTimeout = patience, 0
	g.Python = python(t)
	s.Mounts = []*site.Mount{{Path: "/", Script: r.script, Callable: site.DefaultCallable, Group: g.Name}}
	o := Options{Site: s, Group: g, Logger: slog.New(r.log)}
	change(&o)
	r.leader, r.err = New(o)
	return r
}

// run runs the leader until the end of the test at the latest.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.ended <- r.leader.Run(ctx) }()
	r.t.Cleanup(func() {
		if r.boss != nil {
			r.control.Close()
		}
		cancel()
		r.leader.Hurry()
		r.checkEnd()
	})
}

// checkEnd waits for the end of Run, and makes sure that it left no process.
func (r *rig) checkEnd() {
	r.t.Helper()
	if err := r.wait(); err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// wait waits for the end of Run, and returns its error.
func (r *rig) wait() error {
	r.t.Helper()
	var result error
	select {
	case result = <-r.ended:
		r.ended <- nil
	case <-time.After(patience):
		r.t.Fatalf("Run does not return; log:\n%s", r.log)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, pid := range r.pids {
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			r.t.Errorf("process %d is left behind (%v)", pid, err)
		}
	}
	return result
}

// boss is a supervisor of the test.
type boss struct {
	rig      *rig
	control  *wire.Conn
	conn     *net.UnixConn
	hello    wire.Message
	proof    *os.File // that came with it
	messages chan wire.Message
	unread   []wire.Message
	threads  []*workerThread // all that it was offered
}

// greet takes a connection to the leader whose first message has not been read.
func greet(r *rig, conn *net.UnixConn) *boss {
	r.t.Helper()
	b := &boss{rig: r, control: wire.NewConn(conn), conn: conn, messages: make(chan wire.Message, 1000)}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	var err error
	if b.hello, err = b.control.Receive(); err != nil || b.hello.Type != wire.Hello {
		r.t.Fatalf("the leader begins with %+v, %v; log:\n%s", b.hello, err, r.log)
	}
	wire.CloseAll(b.hello.Descriptors[1:])
	b.proof = os.NewFile(uintptr(b.hello.Descriptors[0]), "hello")
	r.t.Cleanup(func() { b.proof.Close() })
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		r.t.Fatal(err)
	}
	go b.receive()
	r.t.Cleanup(b.die)
	return b
}

func (b *boss) receive() {
	defer close(b.messages)
	defer b.control.Discard()
	for {
		m, err := b.control.Receive()
		if err != nil {
			return
		}
		if m.Type == wire.ProcessStarted {
			b.rig.mu.Lock()
			b.rig.pids = append(b.rig.pids, m.PID)
			b.rig.mu.Unlock()
		}
		b.messages <- m
	}
}

func (r *rig) write(source string) {
	r.t.Helper()
	if err := os.WriteFile(r.script, []byte(source), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the next message that ok accepts, and keeps those before it.
func (b *boss) next(what string, ok func(wire.Message) bool) wire.Message {
	b.rig.t.Helper()
	for i, m := range b.unread {
		if ok(m) {
			b.unread = append(b.unread[:i:i], b.unread[i+1:]...)
			return m
		}
	}
	timeout := time.After(patience)
	for {
		select {
		case m, open := <-b.messages:
			if !open {
				b.rig.t.Fatalf("the leader ended before %s; log:\n%s", what, b.rig.log)
			}
			if ok(m) {
				return m
			}
			b.unread = append(b.unread, m)
		case <-timeout:
			b.rig.t.Fatalf("no %s within %s; other messages: %+v; log:\n%s", what, patience, b.unread, b.rig.log)
		}
	}
}

func (b *boss) expect(kind wire.MessageType) wire.Message {
	b.rig.t.Helper()
	return b.next(string(kind), func(m wire.Message) bool { return m.Type == kind })
}

func (b *boss) expectOf(kind wire.MessageType, process int) wire.Message {
	b.rig.t.Helper()
	return b.next(string(kind), func(m wire.Message) bool { return m.Type == kind && m.Process == process })
}

func (b *boss) tell(m wire.Message) {
	b.rig.t.Helper()
	if err := b.control.Send(m); err != nil {
		b.rig.t.Fatal(err)
	}
}

// ready waits until a process is ready; its threads and its pid.
func (b *boss) ready(process int) (threads []*workerThread, pid int) {
	b.rig.t.Helper()
	threads = b.offered(process, b.rig.leader.options.Group.Threads)
	return threads, b.expectOf(wire.ProcessReady, process).PID
}

// offered waits until a process has offered so many threads; the newest of each,
// in their order.
func (b *boss) offered(process, count int) []*workerThread {
	b.rig.t.Helper()
	byIndex := map[int]*workerThread{}
	for len(byIndex) < count {
		m := b.expectOf(wire.ThreadsOffered, process)
		for own := range slices.Chunk(m.Descriptors, wire.ThreadDescriptors) {
			t := newWorkerThread(b.rig.t, own)
			byIndex[m.Index] = t
			b.threads = append(b.threads, t)
			m.Index++
		}
	}
	threads := make([]*workerThread, count)
	for i := range threads {
		if threads[i] = byIndex[i]; threads[i] == nil {
			b.rig.t.Fatalf("thread %d is not offered", i)
		}
	}
	return threads
}

// die closes everything that a supervisor has, as its death does.
func (b *boss) die() {
	for _, t := range b.threads {
		t.close()
	}
	b.control.Close()
	for m := range b.messages {
		wire.CloseAll(m.Descriptors)
	}
	for _, m := range b.unread {
		wire.CloseAll(m.Descriptors)
	}
	b.unread = nil
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

func newGroup() *site.Group { return site.NewGroup("main") }
