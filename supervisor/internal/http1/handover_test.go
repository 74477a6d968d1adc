package http1

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// successor is a server that adopts what another hands over.
type successor struct {
	*served
	adopted chan struct{}
}

func succeed(t *testing.T, a *app) *successor {
	t.Helper()
	return &successor{served: serve(t, a, nil), adopted: make(chan struct{}, 100)}
}

// keep gives the successor a duplicate, as SCM_RIGHTS or systemd's store would.
func (s *successor) keep(fd int, l *Listener, client string) error {
	if !l.Accepted(fd) {
		return errors.New("the listener does not know the connection")
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { s.adopted <- struct{}{} }()
	return s.server.Adopt(copied, s.listener, client)
}

func (s *successor) await() {
	s.t.Helper()
	select {
	case <-s.adopted:
	case <-time.After(within):
		s.t.Fatal("the connection is not handed over")
	}
}

func answering(body string) *app {
	return &app{answer: func(x *exchange) { _ = x.complete("200 OK", body, "Content-Length", "3") }}
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	held := make(chan *exchange, 1)
	old := serve(t, &app{answer: func(x *exchange) {
		if x.target == "/held" {
			held <- x
			return
		}
		_ = x.complete("200 OK", "old", "Content-Length", "3")
	}}, nil)
	next := succeed(t, answering("new"))

	fresh := old.dial(t) // has sent nothing yet
	idle := old.dial(t)
	if r := idle.exchange(get); r.body != "old" {
		t.Fatalf("got %q", r.body)
	}
	busy := old.dial(t)
	busy.send(getTarget("/held"))
	x := <-held
	partial := old.dial(t)
	partial.send("GET / HTTP/1.1\r\nHo")
	waitForOpen(t, old, 4)
	time.Sleep(20 * time.Millisecond) // until the part has been read
	old.listener.Close()
	old.server.HandOver(next.keep)

	next.await()
	next.await()
	for name, c := range map[string]*client{"fresh": fresh, "idle": idle} {
		if r := c.exchange(get); r.body != "new" || r.close {
			t.Errorf("%s: got %q, close %v", name, r.body, r.close)
		}
	}
	// A request under way ends where it began, and its connection goes on.
	_ = x.complete("200 OK", "old", "Content-Length", "3")
	if r := busy.receive("GET"); r.body != "old" || r.close {
		t.Errorf("under way: got %q, close %v", r.body, r.close)
	}
	next.await()
	if r := busy.exchange(get); r.body != "new" {
		t.Errorf("afterwards: got %q", r.body)
	}
	// So does one of which the old server has read a part.
	partial.send("st: h\r\n\r\n")
	if r := partial.receive("GET"); r.body != "old" {
		t.Errorf("half a request: got %q", r.body)
	}
	next.await()
	if r := partial.exchange(get); r.body != "new" {
		t.Errorf("afterwards: got %q", r.body)
	}
	if err := old.server.WaitClosed(t.Context()); err != nil {
		t.Error(err)
	}
}

func waitForOpen(t *testing.T, s *served, n int) {
	t.Helper()
	for limit := time.Now().Add(within); s.server.Open() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d connections are open, not %d", s.server.Open(), n)
		}
	}
}

// Pipelined requests are all answered, by whichever server has read them.
func TestHandOverPipelined(t *testing.T) {
	t.Parallel()
	for range 20 {
		old, next := serve(t, answering("old"), nil), succeed(t, answering("new"))
		c := old.dial(t)
		waitForOpen(t, old, 1)
		const n = 30
		go c.send(strings.Repeat(get, n))
		old.listener.Close()
		old.server.HandOver(next.keep)
		seen := ""
		for range n {
			r, err := c.tryReceive("GET")
			if err != nil {
				t.Fatalf("after %q: %v", seen, err)
			}
			if r.body == "old" && strings.HasSuffix(seen, "n") {
				t.Fatal("the old server answers after the new one")
			}
			seen += r.body[:1]
		}
	}
}

// A client that is to be told goodbye is not handed over, nor one that has left.
func TestNotHandedOver(t *testing.T) {
	t.Parallel()
	held := make(chan *exchange, 1)
	old := serve(t, &app{answer: func(x *exchange) { held <- x }}, nil)
	next := succeed(t, answering("new"))
	last := old.dial(t)
	last.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	x := <-held
	left := old.dial(t)
	waitForOpen(t, old, 2)
	old.listener.Close()
	left.Close()
	waitForOpen(t, old, 1)
	old.server.HandOver(next.keep)
	_ = x.complete("200 OK", "old", "Content-Length", "3")
	if r := last.receive("GET"); !r.close {
		t.Error("the connection is said to go on")
	}
	last.ended()
	if len(next.adopted) != 0 {
		t.Error("a connection was handed over")
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	a, b, u := serve(t, answering("x"), nil), serve(t, answering("x"), nil), serveUnix(t, answering("x"), nil)
	for _, c := range []struct {
		from, at *served
		want     bool
	}{{a, a, true}, {a, b, false}, {u, u, true}, {u, a, false}, {a, u, false}} {
		conn := c.from.dial(t)
		waitForOpen(t, c.from, 1)
		c.from.server.mu.Lock()
		fd := c.from.server.conns.next.socket.fd
		c.from.server.mu.Unlock()
		if got := c.at.listener.Accepted(fd); got != c.want {
			t.Errorf("%s at %s: %v", c.from.address, c.at.address, got)
		}
		conn.Close()
		waitForOpen(t, c.from, 0)
	}
}
