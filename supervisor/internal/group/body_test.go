package group

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func withBody(b *Body) func(*client) { return func(c *client) { c.x.Body = b } }

// takeFile receives a body that stands in a file.
func (w *worker) takeFile() (wire.Header, *os.File) {
	w.t.Helper()
	header, oob := make([]byte, wire.HeaderSize), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := w.stream.ReadMsgUnix(header, oob)
	if err != nil || n != wire.HeaderSize {
		w.t.Fatalf("%d bytes, %v", n, err)
	}
	fds, err := wire.ParseDescriptors(oob[:oobn])
	if err != nil || len(fds) != 1 {
		w.t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	var h wire.Header
	if err := h.Parse(header); err != nil {
		w.t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[0]), "body")
	w.t.Cleanup(func() { file.Close() })
	return h, file
}

var want = raw(wire.Want, 0, 0, "", "")

func TestBodyInAFile(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	before := descriptors(t)
	c := r.request("/x", withBody(NewBody(tempFile(t, "the body"), 8, false)))
	if f := w[0][0].take(wire.Request); f.Flags&wire.Deferred == 0 {
		t.Errorf("flags %b", f.Flags)
	}
	w[0][0].send(want)
	h, file := w[0][0].takeFile()
	text := make([]byte, 20)
	n, _ := file.ReadAt(text, 0)
	if h.Kind != wire.BodyFile || h.Flags != wire.Last || h.Length() != 8 || string(text[:n]) != "the body" {
		t.Errorf("header %+v, text %q", h, text[:n])
	}
	w[0][0].answer("done")
	c.answered(200)
	file.Close()
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
}

func TestBodyNotAskedFor(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	before := descriptors(t)
	b := NewBody(tempFile(t, "x"), 1, true)
	c := r.request("/x", withBody(b))
	w[0][0].take(wire.Request)
	waited := make(chan error, 1)
	go func() { waited <- b.Wait() }()
	w[0][0].answer("done")
	c.answered(200)
	if err := await(t, "Wait", waited); !errors.Is(err, ErrNotWanted) {
		t.Errorf("Wait: %v", err)
	}
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
}

// room is a piece of body as Write wants it.
func room(text string) []byte { return append(make([]byte, StreamRoom), text...) }

func TestStreamedBody(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	b := NewBody(tempFile(t, "start"), 5, true)
	c := r.request("/x", withBody(b))
	w[0][0].take(wire.Request)
	w[0][0].send(want)
	if h, _ := w[0][0].takeFile(); h.Flags != 0 {
		t.Errorf("flags %b", h.Flags)
	}
	if err := b.Wait(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 40 {
			_ = b.Write(room(strings.Repeat("x", 100_000)), false)
		}
		_ = b.Write(room("end"), true)
	}()
	total := 0
	for {
		f := w[0][0].take(wire.Body)
		total += len(f.body)
		if f.Flags&wire.Last != 0 {
			break
		}
	}
	if total != 4_000_003 {
		t.Errorf("%d bytes came through", total)
	}
	w[0][0].answer("done")
	c.answered(200)
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
}

// An answer before the body's end: whoever passes the body on ends it, and only
// then has the thread its next request.
func TestAnswerBeforeTheBodysEnd(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	b := NewBody(nil, 0, true)
	c := r.request("/x", withBody(b))
	w[0][0].take(wire.Request)
	w[0][0].send(want)
	if err := b.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(room("first"), false); err != nil {
		t.Fatal(err)
	}
	w[0][0].take(wire.Body)
	w[0][0].answer("early")
	c.answered(200)
	next := r.request("/next")
	w[0][0].idle()
	eventually(t, "Write to say so", func() bool { return errors.Is(b.Write(room("more"), false), ErrNotWanted) })
	for {
		if f, err := readFrame(w[0][0].stream); err != nil {
			t.Fatal(err)
		} else if f.Flags&wire.Last != 0 {
			if f.Flags&wire.Aborted == 0 {
				t.Error("the body's end does not say that it was cut")
			}
			break
		}
	}
	w[0][0].serve()
	next.answered(200)
}

func TestBodyAborted(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	b := NewBody(nil, 0, true)
	c := r.request("/x", withBody(b))
	w[0][0].take(wire.Request)
	w[0][0].send(want)
	if err := b.Wait(); err != nil {
		t.Fatal(err)
	}
	b.Abort()
	if f := w[0][0].take(wire.Body); f.Flags != wire.Last|wire.Aborted {
		t.Errorf("flags %b", f.Flags)
	}
	w[0][0].send(raw(wire.Failed, 0, 0, "OSError", ""))
	c.answered(500)
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
}

// An application that reads the body of a request that was given up on is told
// so; its process, and the requests it has beside, live.
func TestBodyAskedForTooLate(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = 300 * time.Millisecond })
	l, w := r.start(1, 2)
	b := NewBody(tempFile(t, "body"), 4, false)
	late := r.request("/late", withBody(b))
	w[0][0].take(wire.Request)
	time.Sleep(150 * time.Millisecond)
	beside := r.request("/beside")
	w[0][1].take(wire.Request)
	late.answered(504)
	l.expect(wire.DumpStacks)
	w[0][0].send(want)
	if f := w[0][0].take(wire.Body); f.Flags != wire.Last|wire.Aborted {
		t.Errorf("flags %b", f.Flags)
	}
	w[0][0].answer("too late")
	w[0][1].answer("beside")
	beside.answered(200)
	if r.logged("broke the rules") != 0 {
		t.Error("a late read was taken for a broken frame")
	}
}

// The time of a request is over while its body is passed on: the body is ended,
// and what the thread says late is not taken for anything else.
func TestTimeoutWhileTheBodyIsPassedOn(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = 100 * time.Millisecond })
	l, w := r.start(1, 2)
	b := NewBody(nil, 0, true)
	late := r.request("/late", withBody(b))
	w[0][0].take(wire.Request)
	w[0][0].send(want)
	if err := b.Wait(); err != nil {
		t.Fatal(err)
	}
	passed := make(chan error, 1)
	go func() {
		for {
			if err := b.Write(room(strings.Repeat("x", 1<<20)), false); err != nil {
				passed <- err // it had to wait for the worker, which does not read
				return
			}
		}
	}()
	late.answered(504)
	l.expect(wire.DumpStacks)
	go func() { _, _ = io.Copy(io.Discard, w[0][0].stream) }()
	if err := await(t, "Write", passed); !errors.Is(err, ErrNotWanted) {
		t.Errorf("Write: %v", err)
	}
	if n := r.group.Status().Busy; n != 1 {
		t.Errorf("%d busy threads while one has not answered", n)
	}
	w[0][0].answer("too late")
	r.status("the thread to be free", func(s Status) bool { return s.Busy == 0 })
	if r.logged("broke the rules") != 0 {
		t.Error("a late answer was taken for a broken frame")
	}
}

func TestLostWhileTheBodyIsPassedOn(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(2, 1)
	b := NewBody(nil, 0, true)
	c := r.request("/lost", withBody(b))
	w[0][0].take(wire.Request)
	w[0][0].send(want)
	if err := b.Wait(); err != nil {
		t.Fatal(err)
	}
	w[0][0].close()
	c.answered(502)
	eventually(t, "Write to fail", func() bool { return b.Write(room("x"), false) != nil })
	l.tell(wire.Message{Type: wire.ProcessExited, Process: 1, Text: "exit code 3"})
	r.once(abnormal, "id/lost", "exit code 3")
	r.status("nothing to be busy", func(s Status) bool { return s.Busy == 0 })
}
