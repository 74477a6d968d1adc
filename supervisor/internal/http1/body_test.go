package http1

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// Bodies arrive whole however they are cut, and what follows is the next request.
func TestBodiesInTwoPieces(t *testing.T) {
	const want = "hello, body"
	requests := map[string]string{
		"counted": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" + want,
		"chunked": "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"5;a=\"b\"\r\nhello\r\n006\r\n, body\r\n0\r\nX-Trailer: t\r\n\r\n",
	}
	for name, request := range requests {
		for _, unix := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				start := serve
				if unix {
					start = serveUnix
				}
				s := start(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", string(x.body)) }}, nil)
				c := s.dial(t)
				for i := 1; i < len(request); i++ {
					c.send(request[:i])
					if i%3 == 0 {
						time.Sleep(time.Millisecond) // lets the server see the cut; correct without
					}
					c.send(request[i:])
					if r := c.receive("POST"); r.status != 200 || r.body != want {
						t.Fatalf("cut at %d: %d %q", i, r.status, r.body)
					}
				}
			})
		}
	}
}

func TestBodyReadByteByByte(t *testing.T) {
	body := strings.Repeat("0123456789", 3000)
	s := serve(t, &app{early: func(x *exchange) bool {
		var err error
		if x.body, err = readAll(x.conn, 1); err != nil {
			t.Error(err)
		}
		return false
	}, answer: func(x *exchange) { _ = x.complete("200 OK", string(x.body)) }}, nil)
	c := s.dial(t)
	if r := c.exchange(post(len(body)) + body); r.body != body {
		t.Errorf("counted: %d bytes came back", len(r.body))
	}
	chunks := "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n" + body + "\r\n0\r\n\r\n"
	if r := c.exchange(chunks); r.body != body {
		t.Errorf("chunked: %d bytes came back", len(r.body))
	}
}

func TestLargeBodies(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<16)
	s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", string(x.body)) }}, nil)
	c := s.dial(t)
	go func() { _, _ = io.WriteString(c, post(len(body))+body) }()
	if r := c.receive("POST"); r.body != body {
		t.Errorf("%d bytes came back", len(r.body))
	}
}

func TestExpect(t *testing.T) {
	const request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
	wants := make(chan bool, 1)
	reading := make(chan struct{})
	s := serve(t, &app{early: func(x *exchange) bool {
		if !x.conn.ExpectsContinue() {
			t.Error("ExpectsContinue is false")
		}
		want := <-wants
		if want {
			<-reading
		}
		return want
	}, answer: func(x *exchange) { _ = x.complete("200 OK", string(x.body)) }}, nil)

	t.Run("read", func(t *testing.T) {
		c := s.dial(t)
		wants <- true
		c.send(request)
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if b, err := c.in.Peek(1); err == nil {
			t.Fatalf("%q came before anybody read", b)
		}
		_ = c.SetDeadline(time.Now().Add(within))
		reading <- struct{}{}
		if r := c.receive("POST"); r.status != 100 {
			t.Fatalf("got %d", r.status)
		}
		c.send("body")
		if r := c.receive("POST"); r.status != 200 || r.body != "body" {
			t.Errorf("got %d %q", r.status, r.body)
		}
	})
	t.Run("not read", func(t *testing.T) {
		c := s.dial(t)
		wants <- false
		c.send(request)
		if r := c.receive("POST"); r.status != 200 {
			t.Fatalf("got %d", r.status)
		}
		c.ended()
	})
}

func TestTimeouts(t *testing.T) {
	const short = 50 * time.Millisecond
	tests := []struct {
		name   string
		change func(*Options)
		send   string
		status int // 0: just the end
	}{
		{"nothing", func(o *Options) { o.HeaderTimeout = short }, "", 0},
		{"head", func(o *Options) { o.HeaderTimeout = short }, "GET / HTTP/1.1\r\nHo", 408},
		{"small body", func(o *Options) { o.BodyTimeout = short }, post(10) + "half", 408},
		{"large body", func(o *Options) { o.BodyTimeout = short }, post(100_000) + "half", 408},
		{"chunked body", func(o *Options) { o.BodyTimeout = short }, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", 408},
		{"idle", func(o *Options) { o.KeepAliveTimeout = short }, get, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "") }}, test.change)
			c := s.dial(t)
			c.send(test.send)
			if test.status != 0 {
				if r := c.receive("GET"); r.status != test.status {
					t.Errorf("got %d, want %d", r.status, test.status)
				}
			}
			c.ended()
		})
	}
}

func TestMinimumRate(t *testing.T) {
	s := serve(t, &app{}, func(o *Options) { o.BodyTimeout, o.BodyMinRate = 300*time.Millisecond, 1_000_000 })
	c := s.dial(t)
	c.send(post(1_000_000))
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C: // never silent for long, but far too slow
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			case <-stop:
				return
			}
		}
	}()
	r := c.receive("POST")
	close(stop)
	<-done
	if r.status != 408 {
		t.Errorf("got %d", r.status)
	}
}

// The time in which nobody reads is not the client's.
func TestSlowReaderOfBodyIsNotTheClientsFault(t *testing.T) {
	const short = 100 * time.Millisecond
	paused := make(chan struct{})
	s := serve(t, &app{early: func(x *exchange) bool {
		p := make([]byte, 5)
		if _, err := io.ReadFull(bodyOf{x.conn}, p); err != nil {
			t.Errorf("first half: %v", err)
		}
		time.Sleep(short + 2*sweepEvery) // the application computes
		paused <- struct{}{}
		_, err := io.ReadFull(bodyOf{x.conn}, p)
		x.body = p
		if err != nil {
			t.Errorf("second half: %v", err)
		}
		return false
	}, answer: func(x *exchange) { _ = x.complete("200 OK", string(x.body)) }},
		func(o *Options) { o.BodyTimeout, o.BodyMinRate, o.BodyBuffer = short, 100, 0 })
	c := s.dial(t)
	c.send(post(10))
	time.Sleep(short / 5) // so that the first half is waited for as well
	c.send("first")
	await(t, "the reader", paused)
	time.Sleep(short / 5) // it waits in ReadBody by now, or finds the bytes there
	c.send("again")
	if r := c.receive("POST"); r.body != "again" {
		t.Errorf("got %d %q", r.status, r.body)
	}
}

type bodyOf struct{ *Conn }

func (b bodyOf) Read(p []byte) (int, error) { return b.ReadBody(p) }

func TestBodyCutOff(t *testing.T) {
	failed := make(chan error, 1)
	s := serve(t, &app{early: func(x *exchange) bool {
		_, err := readAll(x.conn, 100)
		failed <- err
		return false
	}, answer: func(x *exchange) { x.conn.Response.Abort(x.serial) }}, nil)
	for _, request := range []string{
		post(10_000) + "half",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
	} {
		c := s.dial(t)
		c.send(request)
		c.Close()
		var refusal *Error
		if err := await(t, "the error", failed); err == nil || errors.As(err, &refusal) {
			t.Errorf("reading a body that was cut off: %v", err)
		}
	}
}

func TestBrokenChunks(t *testing.T) {
	s := serve(t, &app{answer: func(*exchange) { t.Error("it was handled") }}, nil)
	c := s.dial(t)
	r := c.exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n")
	if r.status != 400 || !r.close {
		t.Errorf("got %+v", r)
	}
	c.ended()
}

// A request that nobody reads the body of ends the connection: what follows on
// it is not the next request.
func TestUnreadBody(t *testing.T) {
	s := serve(t, &app{
		early:  func(*exchange) bool { return false },
		answer: func(x *exchange) { _ = x.complete("200 OK", "done") },
	}, func(o *Options) { o.BodyBuffer = 0 })
	c := s.dial(t)
	inner := getTarget("/smuggled")
	c.send(post(100_000) + inner)
	if r := c.receive("POST"); r.body != "done" {
		t.Errorf("got %+v", r)
	}
	c.send(string(bytes.Repeat([]byte("x"), 100_000-len(inner))))
	c.ended()
	if n := s.app.done.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}
