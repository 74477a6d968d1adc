package http1

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// descriptors counts this process's open descriptors (proc(5)).
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("without /proc nothing is proved about descriptors: %v", err)
	}
	return len(entries)
}

// eventually waits for what the system does in its own time after an event
// that a test has seen, such as the end of a goroutine.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// ours counts the goroutines that run code of this package's server.
func ours() int {
	buf := make([]byte, 4<<20)
	n := 0
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "http1.(*Server)") || strings.Contains(stack, "http1.(*Conn)") ||
			strings.Contains(stack, "http1.(*spool)") || strings.Contains(stack, "loop.(*Loop)") {
			n++
		}
	}
	return n
}

// warm has the server open what it keeps open.
func (s *served) warm(t testing.TB) { s.dial(t).exchange(getTarget("/warm")) }

func TestCloseLeavesNothing(t *testing.T) {
	before := descriptors(t)
	proceed := make(chan struct{})
	s := serve(t, &app{answer: func(x *exchange) {
		r := &x.conn.Response
		switch x.target {
		case "/spooled":
			_, _ = r.Start(x.serial, head("200 OK"), tight(strings.Repeat("x", 1<<20)))
			for {
				if _, err := r.Data(x.serial, tight(strings.Repeat("x", 1<<16))); err != nil {
					return
				}
				if r.Sent() > 8<<20 {
					break
				}
			}
			<-proceed
		case "/pending":
			<-proceed
		default:
			_ = x.complete("200 OK", "")
			return
		}
		r.Abort(x.serial)
	}}, func(o *Options) { o.ResponseSpool = 64 << 20 })
	for range 10 {
		s.dial(t)                     // says nothing
		s.dial(t).exchange(get)       // idle
		s.dial(t).send("GET / HTTP/") // half a head
		s.dial(t).send(post(100_000)) // waits for a body
		s.dial(t).send(getTarget("/pending"))
		c := s.dial(t)
		c.send(getTarget("/spooled"))
		if _, err := c.in.Peek(1); err != nil {
			t.Fatal(err)
		}
	}
	if s.server.Open() == 0 || ours() == 0 {
		t.Fatal("nothing to be closed")
	}
	close(proceed)
	s.stop()
	if n := s.server.Open(); n != 0 {
		t.Errorf("%d connections are open", n)
	}
	if n := ours(); n != 0 {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left:\n%s", n, buf[:runtime.Stack(buf, true)])
	}
	// The clients' ends are still open: 60 of them.
	if n := descriptors(t); n > before+60 {
		t.Errorf("%d descriptors were open before, %d are after", before, n-60)
	}
}

// A connection that waits costs little, after it has served as before.
func TestWaitingConnectionsAreSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory would be measured: nothing is proved about the size of connections")
	}
	const count, most = 1000, 8 << 10
	for name, play := range map[string]func(c *client){
		"after a request": func(c *client) { c.send(get) },
		"in a head":       func(c *client) { c.send("GET / HTTP/1.1\r\nHost: h\r\nA: b") },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "hello") }}, nil)
			clients := make([]*client, count)
			for i := range clients {
				clients[i] = s.dial(t)
				clients[i].in = nil
			}
			before := memory()
			for _, c := range clients {
				play(c)
			}
			eventually(t, "the connections", func() bool {
				return s.server.Open() == count && (name != "after a request" || s.app.done.Load() == count)
			})
			s.app.producing.Wait()
			each := (memory() - before) / count
			t.Logf("%d bytes for each connection", each)
			if each > most {
				t.Errorf("%d bytes for each connection, want at most %d", each, most)
			}
			runtime.KeepAlive(clients)
		})
	}
}

// A connection that waits keeps nothing of its last exchange: neither its own
// buffer nor that of the thread that answered.
func TestWaitingConnectionsPointNowhere(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := serve(t, &app{answer: func(x *exchange) {
		_ = x.complete("200 OK", "hello", "A", "b", "C", "d")
		conns <- x.conn
	}}, nil)
	c := s.dial(t)
	c.exchange(get)
	conn := await(t, "the connection", conns)
	s.app.producing.Wait()
	c.exchange(get) // orders what the loop did before
	await(t, "the connection", conns)
	s.stop()
	if conn.buf != nil || conn.pooled != nil {
		t.Error("it has a buffer")
	}
	if conn.Request.Method != nil || conn.Response.head.Line != nil {
		t.Error("it has a request or a response")
	}
	for _, f := range append(conn.Request.Fields[:cap(conn.Request.Fields)], conn.Response.head.Fields[:cap(conn.Response.head.Fields)]...) {
		if f.Name != nil || f.Value != nil {
			t.Errorf("it points to the field %q", f.Name)
		}
	}
}

// memory is what is in use after everything that can be collected was; a pool
// keeps its content through one collection.
func memory() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func TestDrain(t *testing.T) {
	proceed := make(chan struct{})
	s := serve(t, &app{answer: func(x *exchange) {
		r := &x.conn.Response
		switch x.target {
		case "/head-sent":
			_, _ = r.Start(x.serial, head("200 OK", "Content-Length", "2"), tight("a"))
			<-proceed
			_, _ = r.Data(x.serial, tight("b"))
		case "/pending":
			<-proceed
			_ = x.complete("200 OK", "")
		default:
			_ = x.complete("200 OK", "")
		}
	}}, nil)
	idle, pending, sent := s.dial(t), s.dial(t), s.dial(t)
	idle.exchange(get)
	pending.send(getTarget("/pending") + get)
	sent.send(getTarget("/head-sent"))
	if _, err := sent.in.Peek(1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the requests", func() bool { return s.server.Open() == 3 })
	s.listener.Close()
	s.server.Drain()
	idle.ended()
	close(proceed)
	if r := pending.receive("GET"); !r.close {
		t.Error("the answer to a request that was under way does not say that the connection closes")
	}
	pending.ended()
	if r := sent.receive("GET"); r.body != "ab" {
		t.Errorf("got %q", r.body)
	}
	// Well before the keep-alive timeout, though its head did not say so.
	sent.ended()
	eventually(t, "the connections to end", func() bool { return s.server.Open() == 0 })
}
