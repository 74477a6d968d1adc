package group

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// within bounds every wait of these tests.
const within = 10 * time.Second

// rig is a group whose leaders and worker threads the test plays.
type rig struct {
	t     *testing.T
	group *Group
	loop  *loop.Loop

	leaders chan *leader
	refuse  func() error // of Launch; guarded by mu, nil refuses nothing
	files   chan []string
	hello   wire.Message // what leaders say they have been; guarded by mu

	mu    sync.Mutex
	lines []string // of the log: message and attributes
	all   []*leader
}

// leader is the far end of a control connection.
type leader struct {
	rig      *rig
	slot     string
	control  *wire.Conn
	messages chan wire.Message // closed at the connection's end
	stubborn bool              // does not end on Shutdown
}

func newRig(t *testing.T, change func(*site.Group)) *rig {
	t.Helper()
	g := &site.Group{
		Name: "main", Processes: 2, Threads: 2, QueueLimit: 100, QueueTimeout: within,
		GracefulTimeout: within, HeaderBufferSize: 8 << 10,
	}
	if change != nil {
		change(g)
	}
	events, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, loop: events, leaders: make(chan *leader, 100), files: make(chan []string, 100)}
	r.group = New(Options{
		Site: &site.Site{Name: "test", Groups: []*site.Group{g}}, Group: g, Launcher: r,
		Logger: slog.New(logHandler{rig: r}), FilesLoaded: func(f []string) { r.files <- f },
		Loops: []*loop.Loop{events},
	})
	t.Cleanup(r.stop)
	return r
}

// stop ends everything, and fails the test if that takes too long.
func (r *rig) stop() {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.group.Stop(context.Background())
		r.loop.Close()
	}()
	select {
	case <-stopped:
	case <-time.After(within):
		r.t.Error("Stop does not return")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.all {
		l.control.Close()
	}
}

func (r *rig) Launch(_ context.Context, _, slot string) (*net.UnixConn, error) {
	r.mu.Lock()
	refuse := r.refuse
	r.mu.Unlock()
	if refuse != nil {
		return nil, refuse()
	}
	ours, theirs := pair(r.t)
	l := &leader{rig: r, slot: slot, control: wire.NewConn(ours), messages: make(chan wire.Message, 1000)}
	r.mu.Lock()
	r.all = append(r.all, l)
	r.mu.Unlock()
	go l.listen()
	r.mu.Lock()
	hello := r.hello
	r.mu.Unlock()
	hello.Type, hello.Version = wire.Hello, wire.LinkVersion
	// It fails when the test is over meanwhile.
	if err := l.control.Send(hello); err != nil {
		return nil, errors.Join(err, theirs.Close())
	}
	r.leaders <- l
	return theirs, nil
}

func (l *leader) listen() {
	defer close(l.messages)
	for {
		m, err := l.control.Receive()
		if err != nil {
			return
		}
		l.messages <- m
		if m.Type == wire.Shutdown && !l.stubborn {
			l.control.Close()
		}
	}
}

// expect returns the next message of the type; others are passed over.
func (l *leader) expect(kind wire.MessageType) wire.Message {
	l.rig.t.Helper()
	for limit := time.After(within); ; {
		select {
		case m, open := <-l.messages:
			if !open {
				l.rig.t.Fatalf("the supervisor let go before it sent %s", kind)
			}
			if m.Type == kind {
				return m
			}
		case <-limit:
			l.rig.t.Fatalf("the supervisor does not send %s", kind)
		}
	}
}

func (l *leader) tell(m wire.Message) {
	l.rig.t.Helper()
	if err := l.control.Send(m); err != nil {
		l.rig.t.Fatal(err)
	}
}

// thread plays one worker thread's ends of its connection.
type worker struct {
	t                *testing.T
	requests, stream *net.UnixConn
}

func pair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return unixConn(t, fds[0]), unixConn(t, fds[1])
}

func unixConn(t testing.TB, fd int) *net.UnixConn {
	t.Helper()
	file := os.NewFile(uintptr(fd), "test")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn)
}

// offer sends the connections of threads from index first on.
func (l *leader) offer(process, first, count int) []*worker {
	t := l.rig.t
	t.Helper()
	var fds []int
	workers := make([]*worker, count)
	for i := range workers {
		var ends [4]int
		for j, kind := range []int{unix.SOCK_SEQPACKET, unix.SOCK_STREAM} {
			two, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			ends[2*j], ends[2*j+1] = two[0], two[1]
		}
		unread, err := unix.Dup(ends[1])
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, ends[0], ends[2], unread)
		w := &worker{t: t, requests: unixConn(t, ends[1]), stream: unixConn(t, ends[3])}
		limit := time.Now().Add(within)
		_ = w.requests.SetDeadline(limit)
		_ = w.stream.SetDeadline(limit)
		t.Cleanup(w.close)
		workers[i] = w
	}
	l.tell(wire.Message{Type: wire.ThreadsOffered, Process: process, Index: first, Descriptors: fds})
	wire.CloseAll(fds)
	return workers
}

// process starts a process of n threads and makes it ready.
func (l *leader) process(number, n int) []*worker {
	l.rig.t.Helper()
	l.tell(wire.Message{Type: wire.ProcessStarted, Process: number, PID: 1000 + number, Text: "3.13.1"})
	w := l.offer(number, 0, n)
	l.tell(wire.Message{Type: wire.ProcessReady, Process: number})
	return w
}

// start starts the group with processes of n threads each.
func (r *rig) start(processes, n int) (*leader, [][]*worker) {
	r.t.Helper()
	r.group.Start()
	l := await(r.t, "a leader", r.leaders)
	var all [][]*worker
	for p := range processes {
		all = append(all, l.process(p+1, n))
	}
	l.tell(wire.Message{Type: wire.GroupReady})
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := r.group.WaitReady(ctx); err != nil {
		r.t.Fatal(err)
	}
	return l, all
}

func (w *worker) close() { w.requests.Close(); w.stream.Close() }

// frame is what a worker receives.
type frame struct {
	wire.Header
	head, body []byte
}

// receive receives a request.
func (w *worker) receive() (frame, error) {
	packet := make([]byte, wire.MaxPacket)
	n, err := w.requests.Read(packet)
	if err == nil && n == 0 {
		err = io.EOF // of a socket of packets, to package net
	}
	if err != nil {
		return frame{}, err
	}
	return readFrame(io.MultiReader(bytes.NewReader(packet[:n]), w.stream))
}

// readFrame reads a frame from the stream.
func readFrame(from io.Reader) (frame, error) {
	var f frame
	header := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(from, header); err != nil {
		return f, err
	}
	if err := f.Parse(header); err != nil {
		return f, err
	}
	f.head, f.body = make([]byte, f.Head), make([]byte, f.Body)
	if _, err := io.ReadFull(from, f.head); err != nil {
		return f, err
	}
	_, err := io.ReadFull(from, f.body)
	return f, err
}

// arrived waits for a request, which it leaves where it is.
func (w *worker) arrived() {
	w.t.Helper()
	raw, err := w.requests.SyscallConn()
	if err != nil {
		w.t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err == nil
	})
	if err != nil {
		w.t.Fatalf("the worker gets no request: %v", err)
	}
}

// take receives a frame of the kind.
func (w *worker) take(kind wire.Kind) frame {
	w.t.Helper()
	receive := w.receive
	if kind != wire.Request {
		receive = func() (frame, error) { return readFrame(w.stream) }
	}
	f, err := receive()
	if err != nil {
		w.t.Fatalf("the worker gets no frame: %v", err)
	}
	if f.Kind != kind {
		w.t.Fatalf("the worker gets a frame of kind %d, not %d", f.Kind, kind)
	}
	return f
}

// idle fails the test if a request comes within a moment.
func (w *worker) idle() {
	w.t.Helper()
	_ = w.requests.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	defer func() { _ = w.requests.SetReadDeadline(time.Now().Add(within)) }()
	if f, err := w.receive(); err == nil {
		w.t.Fatalf("the worker gets a frame of kind %d", f.Kind)
	}
}

// ended fails the test unless the supervisor ends the connection.
func (w *worker) ended() {
	w.t.Helper()
	for {
		_, err := w.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.t.Fatal("the supervisor does not end the connection")
		}
		if err != nil {
			return
		}
	}
}

func raw(kind wire.Kind, flags uint8, count int, head, body string) []byte {
	b := make([]byte, wire.HeaderSize, wire.HeaderSize+len(head)+len(body))
	h := wire.Header{Kind: kind, Flags: flags, Count: uint16(count), Head: uint32(len(head)), Body: uint32(len(body))}
	h.Put(b)
	return append(append(b, head...), body...)
}

func (w *worker) send(frames ...[]byte) {
	w.t.Helper()
	if _, err := w.stream.Write(bytes.Join(frames, nil)); err != nil {
		w.t.Fatalf("the worker cannot send: %v", err)
	}
}

// answer sends a whole response.
func (w *worker) answer(body string) {
	w.t.Helper()
	w.send(raw(wire.Response, wire.Last, 0, "200 OK", body))
}

// serve takes a request and answers it with its path.
func (w *worker) serve() {
	w.t.Helper()
	w.answer(pathOf(w.take(wire.Request)))
}

func pathOf(f frame) string {
	fields := strings.Split(string(f.head), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "REQUEST_URI" {
			return fields[i+1]
		}
	}
	return ""
}

// client is a request and what is said in answer to it.
type client struct {
	t *testing.T
	x *Exchange

	mu       sync.Mutex
	gone     bool
	asked    int // how often Gone was called
	started  bool
	over     bool
	length   int // declared, -1 unknown
	full     bool
	room     func()
	err      error // what the engine says to the next call
	recycled int

	status  int
	text    string // of an error
	fields  string
	body    string
	file    string
	aborted bool
	done    chan struct{}
	begun   chan struct{}
}

// request submits a request for the path.
func (r *rig) request(path string, change ...func(*client)) *client {
	r.t.Helper()
	c := &client{t: r.t, done: make(chan struct{}), begun: make(chan struct{}), length: -1}
	environ := "REQUEST_METHOD\x00GET\x00REQUEST_URI\x00" + path + "\x00" + RequestIDKey + "\x00id" + path + "\x00"
	c.x = &Exchange{
		Response: c, Serial: 7, Client: c, Environ: len(environ),
		Frame: &Frame{Bytes: append(make([]byte, wire.HeaderSize), environ...), Recycle: func(*Frame) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.recycled++
		}},
	}
	for _, f := range change {
		f(c)
	}
	r.group.Submit(c.x)
	return c
}

func (c *client) Gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.gone
}

// call runs one method of the response under the lock.
func (c *client) call(serial uint64, f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if serial != 7 {
		c.t.Errorf("a call for exchange %d", serial)
	}
	if c.over {
		return http1.ErrGone
	}
	if c.err != nil {
		return c.err
	}
	f()
	return nil
}

func (c *client) finish() { c.over = true; close(c.done) }

func (c *client) begin(h http1.Head) {
	c.started = true
	line, _, _ := strings.Cut(string(h.Block), "\x00")
	c.status = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	close(c.begun)
}

func (c *client) Complete(serial uint64, h http1.Head, body http1.Piece) error {
	return c.call(serial, func() { c.begin(h); c.body = string(body.Bytes()); c.finish() })
}

func (c *client) Start(serial uint64, h http1.Head, body http1.Piece) (bool, error) {
	return false, c.call(serial, func() { c.begin(h); c.body += string(body.Bytes()) })
}

func (c *client) Data(serial uint64, body http1.Piece) (bool, error) {
	return false, c.call(serial, func() { c.body += string(body.Bytes()) })
}

func (c *client) SendFile(serial uint64, fd int, offset, length int64) error {
	defer unix.Close(fd)
	return c.call(serial, func() {
		b := make([]byte, length)
		n, _ := unix.Pread(fd, b, offset)
		c.file = string(b[:n])
	})
}

func (c *client) End(serial uint64) error { return c.call(serial, c.finish) }

func (c *client) Full(_ uint64, room func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full {
		c.room = room
	}
	return c.full
}

func (c *client) Error(serial uint64, status int, text, fields string) {
	c.mu.Lock()
	c.err = nil
	c.mu.Unlock()
	_ = c.call(serial, func() {
		if c.started {
			c.aborted = true
		} else {
			c.status, c.text, c.fields = status, text, fields
		}
		c.finish()
	})
}

func (c *client) Abort(serial uint64) {
	_ = c.call(serial, func() { c.aborted = true; c.finish() })
}

// answered waits for the end of the exchange and returns its status.
func (c *client) answered(status int) *client {
	c.t.Helper()
	await(c.t, "an answer", c.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != status {
		c.t.Fatalf("got status %d, want %d: %s", c.status, status, c.text)
	}
	return c
}

func (c *client) waiting() {
	c.t.Helper()
	select {
	case <-c.done:
		c.t.Fatalf("it was answered with %d", c.status)
	default:
	}
}

func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// eventually waits for what happens in its own time after what a test has seen.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// status waits until the group's status is as wanted.
func (r *rig) status(what string, is func(Status) bool) {
	r.t.Helper()
	eventually(r.t, what, func() bool { return is(r.group.Status()) })
}

// logHandler keeps what was logged.
type logHandler struct {
	rig   *rig
	attrs string
}

func (logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h logHandler) Handle(_ context.Context, record slog.Record) error {
	line := record.Message + h.attrs
	record.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	h.rig.mu.Lock()
	defer h.rig.mu.Unlock()
	h.rig.lines = append(h.rig.lines, line)
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += " " + a.String()
	}
	return h
}

func (h logHandler) WithGroup(string) slog.Handler { return h }

// logged counts the lines with all of the parts.
func (r *rig) logged(parts ...string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
line:
	for _, l := range r.lines {
		for _, p := range parts {
			if !strings.Contains(l, p) {
				continue line
			}
		}
		n++
	}
	return n
}

// once waits for a log line and fails if it is there twice.
func (r *rig) once(parts ...string) {
	r.t.Helper()
	eventually(r.t, "the log line "+strings.Join(parts, " … "), func() bool { return r.logged(parts...) > 0 })
	if n := r.logged(parts...); n != 1 {
		r.t.Errorf("%d log lines with %q", n, parts)
	}
}

const abnormal = "request ended abnormally"

func fileFrame(offset, length int64) []byte {
	where := binary.LittleEndian.AppendUint64(nil, uint64(offset))
	return raw(wire.File, 0, 0, string(binary.LittleEndian.AppendUint64(where, uint64(length))), "")
}

func tempFile(t testing.TB, content string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err == nil {
		_, err = f.WriteString(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// sendDescriptor sends the one byte that a file's descriptor comes with.
func (w *worker) sendDescriptor(file *os.File) {
	w.t.Helper()
	if _, _, err := w.stream.WriteMsgUnix([]byte{0}, unix.UnixRights(int(file.Fd())), nil); err != nil {
		w.t.Fatal(err)
	}
}
