package http1

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// last is the request that follows in every framing test, to see whether the
// connection goes on, and lastAnswer what it gets.
const (
	last       = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	lastAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: test\r\nConnection: close\r\n\r\nend"
)

var framingTests = []struct {
	name, request string
	answer        func(x *exchange) error
	want          string
	closes        bool // the connection ends behind it
	wantErr       error
}{
	{
		name: "complete", request: get, answer: func(x *exchange) error { return x.complete("200 OK", "hello", "A", "b") },
		want: "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\nServer: test\r\n\r\nhello",
	},
	{
		name: "empty", request: get, answer: func(x *exchange) error { return x.complete("200 OK", "") },
		want: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: test\r\n\r\n",
	},
	{
		name: "no reason phrase", request: get, answer: func(x *exchange) error { return x.complete("299", "") },
		want: "HTTP/1.1 299 \r\nContent-Length: 0\r\nServer: test\r\n\r\n",
	},
	{
		name: "connection close", request: "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "hello") }, closes: true,
		want: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: test\r\nConnection: close\r\n\r\nhello",
	},
	{
		name: "1.0", request: "GET / HTTP/1.0\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "hello") }, closes: true,
		want: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: test\r\nConnection: close\r\n\r\nhello",
	},
	{
		name: "1.0 keep-alive", request: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "hello") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: test\r\nConnection: keep-alive\r\n\r\nhello",
	},
	{
		name: "1.0 stream", request: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		answer: func(x *exchange) error { return x.stream(head("200 OK"), "he", "llo") }, closes: true,
		want: "HTTP/1.1 200 OK\r\nServer: test\r\nConnection: close\r\n\r\nhello",
	},
	{
		name: "1.1 stream", request: get,
		answer: func(x *exchange) error { return x.stream(head("200 OK"), "he", "", "llo") },
		want:   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: test\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	},
	{
		name: "1.1 stream without a first piece", request: get,
		answer: func(x *exchange) error { return x.stream(head("200 OK"), "", "llo") },
		want:   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: test\r\n\r\n3\r\nllo\r\n0\r\n\r\n",
	},
	{
		name: "stream of a declared length", request: get,
		answer: func(x *exchange) error { return x.stream(head("200 OK", "Content-Length", "5"), "he", "llo") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: test\r\n\r\nhello",
	},
	{
		name: "stream longer than declared", request: get,
		answer: func(x *exchange) error {
			return x.stream(head("200 OK", "Content-Length", "4"), "he", "llo", "never")
		},
		want: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer: test\r\n\r\nhell",
	},
	{
		name: "complete longer than declared", request: get,
		answer: func(x *exchange) error { return x.complete("200 OK", "hello", "Content-Length", "4") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer: test\r\n\r\nhell",
	},
	{
		name: "complete shorter than declared", request: get,
		answer: func(x *exchange) error { return x.complete("200 OK", "hello", "Content-Length", "6") }, wantErr: ErrShort,
		want: "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nServer: test\r\n\r\nsorry",
	},
	{
		name: "head request", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "hello") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: test\r\n\r\n",
	},
	{
		name: "head request without a body", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "") },
		want:   "HTTP/1.1 200 OK\r\nServer: test\r\n\r\n",
	},
	{
		name: "head request of a declared length", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer: func(x *exchange) error { return x.complete("200 OK", "", "Content-Length", "7") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nServer: test\r\n\r\n",
	},
	{
		name: "head request, stream", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer: func(x *exchange) error { return x.stream(head("200 OK", "Content-Length", "2"), "he", "llo") },
		want:   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: test\r\n\r\n",
	},
	{
		name: "204", request: get, answer: func(x *exchange) error { return x.complete("204 No Content", "x", "Content-Length", "1") },
		want: "HTTP/1.1 204 No Content\r\nServer: test\r\n\r\n",
	},
	{
		name: "304", request: get, answer: func(x *exchange) error { return x.complete("304 Not Modified", "", "Content-Length", "9") },
		want: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nServer: test\r\n\r\n",
	},
	{
		name: "204 stream", request: get, answer: func(x *exchange) error { return x.stream(head("204 No Content"), "x", "y") },
		want: "HTTP/1.1 204 No Content\r\nServer: test\r\n\r\n",
	},
	{name: "hop-by-hop fields", request: get, answer: func(x *exchange) error {
		return x.complete("200 OK", "", "Connection", "close", "Keep-Alive", "1", "TE", "x", "Trailer", "x", "Upgrade", "x",
			"Transfer-Encoding", "chunked", "Proxy-Connection", "x", "Via", "kept")
	}, want: "HTTP/1.1 200 OK\r\nVia: kept\r\nContent-Length: 0\r\nServer: test\r\n\r\n"},
	{
		name: "own server", request: get, answer: func(x *exchange) error { return x.complete("200 OK", "", "sErVer", "mine") },
		want: "HTTP/1.1 200 OK\r\nsErVer: mine\r\nContent-Length: 0\r\n\r\n",
	},
	{name: "bad name", request: get, answer: badHead("A b", "c"), wantErr: &HeadError{}, want: sorry},
	{name: "bad value", request: get, answer: badHead("A", "b\r\nC: d"), wantErr: &HeadError{}, want: sorry},
	{name: "empty name", request: get, answer: badHead("", "b"), wantErr: &HeadError{}, want: sorry},
	{name: "two lengths", request: get, answer: badHead("Content-Length", "1", "content-length", "2"), wantErr: &HeadError{}, want: sorry},
	{name: "negative length", request: get, answer: badHead("Content-Length", "-1"), wantErr: &HeadError{}, want: sorry},
	{name: "signed length", request: get, answer: badHead("Content-Length", "+1"), wantErr: &HeadError{}, want: sorry},
	{name: "long line", request: get, answer: badHead("A", strings.Repeat("b", 8190)), wantErr: &HeadError{}, want: sorry},
	{name: "wrong count", request: get, wantErr: &HeadError{}, want: sorry, answer: func(x *exchange) error {
		h := head("200 OK", "A", "b")
		h.Count = 2
		return x.conn.Response.Complete(x.serial, h, tight("x"))
	}},
	{
		name: "status below 200", request: get, wantErr: &HeadError{}, want: sorry,
		answer: func(x *exchange) error { return x.complete("100 Continue", "") },
	},
	{name: "error", request: get, want: sorry, answer: func(*exchange) error { return errSorry }, wantErr: errSorry},
	{
		name: "error to a head request", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", wantErr: errSorry,
		answer: func(*exchange) error { return errSorry },
		want:   "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nServer: test\r\n\r\n",
	},
}

const sorry = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nServer: test\r\n\r\nsorry"

var errSorry = errors.New("the application has failed")

func badHead(fields ...string) func(*exchange) error {
	return func(x *exchange) error { return x.complete("200 OK", "x", fields...) }
}

// stream produces a response in pieces, like a thread: until it is over.
func (x *exchange) stream(h Head, pieces ...string) error {
	r := &x.conn.Response
	over, err := r.Start(x.serial, h, tight(pieces[0]))
	for _, p := range pieces[1:] {
		if over || err != nil {
			return err
		}
		over, err = r.Data(x.serial, roomy(p))
	}
	if over || err != nil {
		return err
	}
	return r.End(x.serial)
}

func TestFraming(t *testing.T) {
	for _, test := range framingTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &app{answer: func(x *exchange) {
				if x.target == "/last" {
					if err := x.complete("200 OK", "end"); err != nil {
						t.Errorf("the last response: %v", err)
					}
					return
				}
				err := test.answer(x)
				var bad *HeadError
				if want, ok := test.wantErr.(*HeadError); ok && !errors.As(err, &want) || !ok && !errors.Is(err, test.wantErr) {
					t.Errorf("got error %v, want %v", err, test.wantErr)
				}
				if errors.As(err, &bad) || err == ErrShort || err == errSorry {
					x.conn.Response.Error(x.serial, 502, "sorry", "")
				}
			}}, nil)
			c := s.dial(t)
			c.send(test.request + last)
			got, err := c.rest()
			if err != nil {
				t.Fatalf("after %q: %v", got, err)
			}
			want := test.want
			if !test.closes {
				want += lastAnswer
			}
			if n := len(dateLine.FindAllString(got, -1)); n != strings.Count(want, "HTTP/1.1 ") {
				t.Errorf("%d Date fields in %q", n, got)
			}
			if got = dateLine.ReplaceAllString(got, ""); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestOwnDateIsKept(t *testing.T) {
	s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "", "DATE", "then") }}, nil)
	r := s.dial(t).exchange(get)
	if got := r.header["Date"]; len(got) != 1 || got[0] != "then" {
		t.Errorf("Date: %q", got)
	}
}

// What surrounds a piece is framed in place, and what follows it put back.
func TestLargePiecesStayIntact(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 4096)
	for _, size := range []int{1, 2047, 2048, 2049, 4096, len(text)} {
		for name, make := range map[string]func(string) Piece{"tight": tight, "roomy": roomy} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				s := serve(t, &app{answer: func(x *exchange) {
					r := &x.conn.Response
					first, second := make(text[:size]), make(text[:size])
					behind := string(second.Buf[second.End:])
					_, err := r.Start(x.serial, head("200 OK", "A", strings.Repeat("b", 200)), first)
					if err == nil {
						_, err = r.Data(x.serial, second)
					}
					if err == nil {
						err = r.End(x.serial)
					}
					if err != nil {
						t.Error(err)
					}
					if got := string(second.Buf[second.End:]); got != behind {
						t.Errorf("behind the piece stands %q now, and %q before", got, behind)
					}
				}}, nil)
				if r := s.dial(t).exchange(get); r.body != text[:size]+text[:size] {
					t.Errorf("got %d bytes that are not the two pieces", len(r.body))
				}
			})
		}
	}
}

func TestPipelining(t *testing.T) {
	var under, most atomic.Int64
	release, begun := make(chan struct{}), make(chan string, 10)
	s := serve(t, &app{answer: func(x *exchange) {
		most.Store(max(most.Load(), under.Add(1)))
		begun <- x.target
		<-release
		under.Add(-1)
		_ = x.complete("200 OK", x.target+string(x.body))
	}}, nil)
	c := s.dial(t)
	c.send(getTarget("/1") + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" + getTarget("/3"))
	for i, want := range []string{"/1", "/2body", "/3"} {
		if got := await(t, "a request", begun); got != want[:2] {
			t.Fatalf("request %d to be handled is %s", i+1, got)
		}
		select {
		case early := <-begun:
			t.Fatalf("%s was handled before %s was answered", early, want)
		default:
		}
		release <- struct{}{}
		if r := c.receive("GET"); r.body != want {
			t.Fatalf("answer %d is %q, want %q", i+1, r.body, want)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d requests of one connection were handled at a time", most.Load())
	}
}

func TestAbort(t *testing.T) {
	tests := []struct {
		name, request string
		produce       func(r *Response, serial uint64)
		reset         bool // an end would look like the end of the body
	}{
		{"chunked", get, func(r *Response, serial uint64) { _, _ = r.Start(serial, head("200 OK"), tight("part")) }, false},
		{"declared", get, func(r *Response, serial uint64) {
			_, _ = r.Start(serial, head("200 OK", "Content-Length", "10"), tight("part"))
		}, false},
		{"until the end", "GET / HTTP/1.0\r\n\r\n", func(r *Response, serial uint64) { _, _ = r.Start(serial, head("200 OK"), tight("part")) }, true},
		{"nothing sent", get, func(*Response, uint64) {}, false},
	}
	ends := map[string]func(r *Response, serial uint64){
		"abort": (*Response).Abort,
		"error": func(r *Response, serial uint64) {
			if _, err := r.Data(serial, tight("")); err == nil {
				r.Error(serial, 500, "too late", "")
			} else {
				r.Abort(serial)
			}
		},
	}
	for _, test := range tests {
		for how, end := range ends {
			if test.name == "nothing sent" && how == "error" {
				continue
			}
			t.Run(test.name+" "+how, func(t *testing.T) {
				proceed := make(chan struct{})
				s := serve(t, &app{answer: func(x *exchange) {
					r := &x.conn.Response
					test.produce(r, x.serial)
					<-proceed
					end(r, x.serial)
					if _, err := r.Data(x.serial, tight("more")); !errors.Is(err, ErrGone) {
						t.Errorf("Data after the abort: %v", err)
					}
				}}, nil)
				c := s.dial(t)
				c.send(test.request)
				if test.name == "nothing sent" {
					close(proceed)
				} else if _, err := c.in.Peek(1); err != nil { // the head has arrived
					t.Fatal(err)
				}
				if test.name != "nothing sent" {
					close(proceed)
				}
				r, err := c.tryReceive("GET")
				if err == nil {
					t.Fatalf("an aborted response looks complete: %+v", r)
				}
				if test.reset && !wasReset(err) {
					t.Errorf("no reset but %v", err)
				}
			})
		}
	}
}

// Calls that name an exchange that is over do nothing.
func TestOldSerial(t *testing.T) {
	var first *exchange
	s := serve(t, &app{answer: func(x *exchange) {
		r := &x.conn.Response
		if x.target == "/warm" {
			_ = x.complete("200 OK", "")
			return
		}
		if first == nil {
			first = x
			_ = x.complete("200 OK", "one")
			return
		}
		if _, err := r.Start(first.serial, head("200 OK"), tight("late")); !errors.Is(err, ErrGone) {
			t.Errorf("Start: %v", err)
		}
		if _, err := r.Data(first.serial, tight("late")); !errors.Is(err, ErrGone) {
			t.Errorf("Data: %v", err)
		}
		if err := r.End(first.serial); !errors.Is(err, ErrGone) {
			t.Errorf("End: %v", err)
		}
		if err := r.Complete(first.serial, head("200 OK"), tight("late")); !errors.Is(err, ErrGone) {
			t.Errorf("Complete: %v", err)
		}
		if err := r.SendFile(first.serial, dupFile(t, "late"), 0, 4); !errors.Is(err, ErrGone) {
			t.Errorf("SendFile: %v", err)
		}
		r.Error(first.serial, 500, "late", "")
		r.Abort(first.serial)
		_ = x.complete("200 OK", "two")
	}}, nil)
	s.warm(t)
	before := descriptors(t)
	c := s.dial(t)
	for _, want := range []string{"one", "two", "two"} {
		if r := c.exchange(get); r.status != 200 || r.body != want {
			t.Errorf("got %d %q, want %q", r.status, r.body, want)
		}
	}
	c.Close()
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, request string
		status        int
	}{
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"line feed alone", "GET / HTTP/1.1\nHost: h\n\n", 400},
		{"version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
		{"expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n", 417},
		{"line", "GET /" + strings.Repeat("x", 9000), 414},
		{"field", get[:len(get)-2] + "A: " + strings.Repeat("x", 9000), 431},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, &app{answer: func(*exchange) { t.Error("it was handled") }}, nil)
			c := s.dial(t)
			r := c.exchange(test.request)
			if r.status != test.status || !r.close || r.header.Get("X-Refused") != "yes" {
				t.Errorf("got %+v, want status %d", r, test.status)
			}
		})
	}
}

// A client that sends on after its request was refused can still read why.
func TestRefusedWhileSending(t *testing.T) {
	for _, start := range []string{"BAD\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\nA\r\n\r\n"} {
		s := serve(t, &app{}, nil)
		c := s.dial(t)
		c.send(start)
		if _, err := c.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		// The answer stands in the client's buffer; a reset would take it away.
		for range 9 {
			c.send(strings.Repeat("x", 100_000))
		}
		if r := c.receive("POST"); r.status != 400 || !r.close {
			t.Errorf("got %+v", r)
		}
		c.ended()
	}
}

// A client that goes away while its request is under way is reported, whether
// it closes at once or later.
func TestGone(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		t.Run(fmt.Sprint(atOnce), func(t *testing.T) {
			begun, proceed := make(chan struct{}, 1), make(chan struct{})
			s := serve(t, &app{gone: make(chan string, 9), answer: func(x *exchange) {
				begun <- struct{}{}
				<-proceed
				_ = x.complete("200 OK", "late")
			}}, nil)
			t.Cleanup(sync.OnceFunc(func() { close(proceed) }))
			c := s.dial(t)
			c.send(getTarget("/x"))
			if !atOnce {
				await(t, "the request", begun)
			}
			c.Close()
			if got := await(t, "Gone", s.app.gone); got != "/x" {
				t.Errorf("Gone for %s", got)
			}
		})
	}
}

func TestUnixListener(t *testing.T) {
	s := serveUnix(t, &app{answer: func(x *exchange) {
		_ = x.complete("200 OK", fmt.Sprint(x.conn.Remote.IsValid(), x.conn.Listener.Unix, x.conn.Listener.Port == ""))
	}}, nil)
	if r := s.dial(t).exchange(get); r.body != "false true true" {
		t.Errorf("got %q", r.body)
	}
}

func TestMaxConnections(t *testing.T) {
	s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "") }}, func(o *Options) { o.MaxConnections = 2 })
	first, second := s.dial(t), s.dial(t)
	first.exchange(get)
	second.exchange(get)
	third := s.dial(t)
	third.send(get)
	if n := s.server.Open(); n != 2 {
		t.Errorf("%d connections are open", n)
	}
	if s.app.done.Load() != 2 {
		t.Errorf("%d exchanges, though two connections had one each", s.app.done.Load())
	}
	first.Close()
	if r := third.receive("GET"); r.status != 200 {
		t.Errorf("got %d", r.status)
	}
}

// TestMaxConnectionsOfClients: a connection that somebody else serves counts, and what
// brings its requests does not, however many there are.
func TestMaxConnectionsOfClients(t *testing.T) {
	taken := make(chan int, 1)
	s := serve(t, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "") }}, func(o *Options) {
		o.MaxConnections = 2
		o.Offer = func(_ *Conn, first []byte) (TakeOver, bool) {
			if first[0] != '!' {
				return nil, false
			}
			return func(fd int, _ []byte) { taken <- fd }, false
		}
	})
	if s.server.EmptySince().IsZero() {
		t.Error("connections are open at the beginning")
	}
	s.dial(t).send("!")
	fd := <-taken
	if n, since := s.server.Open(), s.server.EmptySince(); n != 1 || !since.IsZero() {
		t.Errorf("with one that was taken over: %d connections, none since %v", n, since)
	}
	for range 3 {
		ours, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(ours[0])
		if err := s.server.Carry(ours[1], s.listener, Peer{}); err != nil {
			t.Fatal(err)
		}
	}
	if r := s.dial(t).exchange(get); r.status != 200 {
		t.Errorf("the second client: %d", r.status)
	}
	third := s.dial(t)
	third.send(get)
	if n := s.server.Open(); n != 2 || s.app.done.Load() != 1 {
		t.Errorf("%d connections, %d exchanges", n, s.app.done.Load())
	}
	closeFD(fd)
	s.server.TakenEnded()
	if r := third.receive("GET"); r.status != 200 {
		t.Errorf("the third client: %d", r.status)
	}
}
