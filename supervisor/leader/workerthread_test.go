package leader

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// workerThread is a test's end of a thread's connection.
type workerThread struct {
	t                *testing.T
	requests, stream net.Conn
}

// newWorkerThread takes over the descriptors that a thread was offered with.
func newWorkerThread(t *testing.T, fds []int) *workerThread {
	t.Helper()
	wire.CloseAll(fds[2:])
	return &workerThread{t: t, requests: connection(t, fds[0]), stream: connection(t, fds[1])}
}

func (w *workerThread) close() {
	w.requests.Close()
	w.stream.Close()
}

// connection takes over a descriptor.
func connection(t *testing.T, fd int) net.Conn {
	t.Helper()
	file := os.NewFile(uintptr(fd), "thread")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// request sends a request; a nil body is one that is asked for.
func (w *workerThread) request(body []byte) {
	w.t.Helper()
	w.send("", body)
}

// requestFor sends a request with further variables, NUL behind each name and
// value.
func (w *workerThread) requestFor(variables string) {
	w.t.Helper()
	w.send(variables, []byte{})
}

func (w *workerThread) send(variables string, body []byte) {
	w.t.Helper()
	head := []byte("REQUEST_METHOD\x00GET\x00PATH_INFO\x00/\x00" + variables)
	h := wire.Header{Kind: wire.Request, Flags: wire.Last, Head: uint32(len(head)), Body: uint32(len(body))}
	if body == nil {
		h.Flags = wire.Deferred
	}
	frame := make([]byte, wire.HeaderSize)
	h.Put(frame)
	if _, err := w.requests.Write(append(append(frame, head...), body...)); err != nil {
		w.t.Fatal(err)
	}
}

// frame reads the next frame.
func (w *workerThread) frame() (h wire.Header, head, body []byte, err error) {
	w.t.Helper()
	b := make([]byte, wire.HeaderSize)
	if _, err = io.ReadFull(w.stream, b); err != nil {
		return h, nil, nil, err
	}
	if err = h.Parse(b); err != nil {
		return h, nil, nil, err
	}
	payload := make([]byte, h.Head+h.Body)
	_, err = io.ReadFull(w.stream, payload)
	return h, payload[:h.Head], payload[h.Head:], err
}

// get has a request answered; the body.
func (w *workerThread) get(body string) string {
	w.t.Helper()
	w.request([]byte(body))
	h, head, answer, err := w.frame()
	if err != nil || h.Kind != wire.Response || h.Flags&wire.Last == 0 || !bytes.HasPrefix(head, []byte("200 OK")) {
		w.t.Fatalf("got frame %+v %q, %v", h, head, err)
	}
	return string(answer)
}

// hold begins a request that does not end until its body comes.
func (w *workerThread) hold() {
	w.t.Helper()
	w.request(nil)
	if h, _, _, err := w.frame(); err != nil || h.Kind != wire.Want {
		w.t.Fatalf("got frame %+v, %v", h, err)
	}
}

// giveBody ends the body of a request that hold began.
func (w *workerThread) giveBody() {
	w.t.Helper()
	frame := make([]byte, wire.HeaderSize)
	(&wire.Header{Kind: wire.Body, Flags: wire.Last}).Put(frame)
	if _, err := w.stream.Write(frame); err != nil {
		w.t.Fatal(err)
	}
}
