package front

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// engineSays has each connection to the engine be served by the next of the parts, the
// last of which serves all further ones; the number is of connections made so far.
func engineSays(t *testing.T, parts ...func(*bufio.Reader, net.Conn)) (client *http.Client, made *atomic.Int32) {
	t.Helper()
	return engineSaysTo(t, newFront(t, nil), parts...)
}

// engineSaysTo is engineSays for clients of a front end.
func engineSaysTo(t *testing.T, f *Front, parts ...func(*bufio.Reader, net.Conn)) (client *http.Client, made *atomic.Int32) {
	t.Helper()
	made = new(atomic.Int32)
	engine := func() (net.Conn, error) {
		ours, theirs := net.Pipe()
		part := parts[min(int(made.Add(1)), len(parts))-1]
		go func() {
			defer ours.Close()
			part(bufio.NewReader(ours), ours)
		}()
		return theirs, nil
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			to := &translator{relays: f.relays, engine: engine, patience: f.conf.Load().patience}
			defer to.close()
			defer theirs.Close()
			f.relays.translate(theirs, f.conf.Load(), to)
		}()
		return ours, nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: within}, made
}

// answers reads requests and answers each of them with the text.
func answers(text string) func(*bufio.Reader, net.Conn) {
	return func(reader *bufio.Reader, conn net.Conn) {
		for readRequest(reader) {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

func readRequest(reader *bufio.Reader) bool {
	r, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestHTTP2AnswerIsPassedOn: an answer comes to the client as the engine gives it.
func TestHTTP2AnswerIsPassedOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method             string // "" is GET
		says, body, length string
		fails              bool
	}{
		{method: "HEAD", says: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", length: "6"},
		{method: "OPTIONS", says: "HTTP/1.1 204 No Content\r\n\r\n"},
		{says: "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
		{says: "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno", body: "no", length: "2"},
		{says: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: 1\r\nX-A: 2\r\n\r\n<html>", body: "<html>", length: "6"},
		{says: "HTTP/1.1 100 Continue\r\n\r\n" + fine, body: "ok", length: "2"},
		{says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", body: "abc", length: "3"},
		{says: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", body: "a", length: "1"},
		{says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", fails: true},
		{says: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", fails: true},
		{says: "nonsense\r\n\r\n", fails: true},
	} {
		client, _ := engineSays(t, func(reader *bufio.Reader, conn net.Conn) {
			if readRequest(reader) {
				_, _ = io.WriteString(conn, test.says) // and ends the connection
			}
		})
		request, err := http.NewRequest(test.method, "http://h/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.Do(request)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(r.Body)
			r.Body.Close()
		}
		if test.fails {
			if err == nil {
				t.Errorf("%q looks complete: %s %q", test.says, r.Status, body)
			}
			continue
		}
		if err != nil || string(body) != test.body || r.Header.Get("Content-Length") != test.length {
			t.Errorf("%q: %v, %q", test.says, err, body)
			continue
		}
		if status := strings.Fields(test.says)[1]; !strings.HasPrefix(r.Status, status) && status != "100" {
			t.Errorf("%q: %s", test.says, r.Status)
		}
		for _, name := range []string{"Content-Type", "Connection", "Transfer-Encoding"} {
			if r.Header[name] != nil {
				t.Errorf("%q: %s is %q", test.says, name, r.Header[name])
			}
		}
		if strings.Contains(test.says, "X-A") && len(r.Header["X-A"]) != 2 {
			t.Errorf("%q: %v", test.says, r.Header)
		}
	}
}

// TestHTTP2UsesConnectionsAgain: one request after the other takes one connection to the
// engine, and one that has ended meanwhile is not taken for an answer: a request of
// which nothing was taken, and one that may be asked twice, goes to another.
func TestHTTP2UsesConnectionsAgain(t *testing.T) {
	t.Parallel()
	once := func(reader *bufio.Reader, conn net.Conn) {
		if readRequest(reader) {
			_, _ = io.WriteString(conn, fine)
		}
	}
	onceAndTakesAnother := func(reader *bufio.Reader, conn net.Conn) {
		once(reader, conn)
		readRequest(reader)
	}
	for _, test := range []struct {
		name   string
		method string
		first  func(*bufio.Reader, net.Conn)
		made   int32
		fails  bool
	}{
		{"kept", "GET", answers(fine), 1, false},
		{"kept", "POST", answers(fine), 1, false},
		{"ended", "GET", once, 2, false},
		{"ended", "POST", once, 2, false},
		{"ended with the request", "GET", onceAndTakesAnother, 2, false},
		{"ended with the request", "POST", onceAndTakesAnother, 1, true},
		{"says that it ends", "GET", answers("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), 2, false},
	} {
		client, made := engineSays(t, test.first, answers(fine))
		for i := range 2 {
			request, err := http.NewRequest(test.method, "http://h/", nil)
			if test.method == "POST" {
				request, err = http.NewRequest(test.method, "http://h/", strings.NewReader("body"))
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := client.Do(request)
			if err == nil {
				_, err = io.ReadAll(r.Body)
				r.Body.Close()
			}
			if fails := test.fails && i == 1; fails != (err != nil) {
				t.Errorf("%s, %s %d: %v", test.name, test.method, i+1, err)
			}
		}
		if got := made.Load(); got != test.made {
			t.Errorf("%s, %s: %d connections, want %d", test.name, test.method, got, test.made)
		}
	}
}

// TestHTTP2AnswerBeforeTheBody: an answer that does not wait for the body comes through,
// and the connection to the engine, which has half a request, is not used again.
func TestHTTP2AnswerBeforeTheBody(t *testing.T) {
	t.Parallel()
	early := func(reader *bufio.Reader, conn net.Conn) {
		if _, err := http.ReadRequest(reader); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		}
		_, _ = io.Copy(io.Discard, reader)
	}
	client, made := engineSays(t, early, answers(fine))
	body, more := io.Pipe()
	defer more.Close()
	go func() { _, _ = more.Write([]byte("some of it")) }()
	r, err := client.Post("http://h/", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 413 {
		t.Error(r.Status)
	}
	if r, err := client.Get("http://h/"); err != nil || r.StatusCode != 200 || made.Load() != 2 {
		t.Errorf("the next request: %v, %v, %d connections", r, err, made.Load())
	}
}

// TestHTTP2ResetReachesTheEngine: the engine sees a client go that resets its stream,
// while it waits for an answer and amid a body.
func TestHTTP2ResetReachesTheEngine(t *testing.T) {
	t.Parallel()
	for _, withBody := range []bool{false, true} {
		came, gone := make(chan bool, 1), make(chan error, 1)
		client, _ := engineSays(t, func(reader *bufio.Reader, conn net.Conn) {
			r, err := http.ReadRequest(reader)
			came <- true
			if err == nil && withBody {
				_, err = io.Copy(io.Discard, r.Body)
			} else if err == nil {
				_, err = reader.ReadByte()
			}
			gone <- err
		})
		ctx, reset := context.WithCancel(t.Context())
		var body io.Reader
		if withBody {
			half, more := io.Pipe()
			defer more.Close()
			body = half
		}
		request, err := http.NewRequestWithContext(ctx, "GET", "http://h/", body)
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := client.Do(request)
			failed <- err
		}()
		<-came
		reset()
		if err := <-failed; err == nil {
			t.Error("an answer that nobody gave")
		}
		select {
		case err := <-gone:
			if err == nil {
				t.Errorf("with a body %t: the request looks whole", withBody)
			}
		case <-time.After(within):
			t.Errorf("with a body %t: the engine still waits", withBody)
		}
	}
}

// TestHTTP2LongAnswer: send-timeout is for clients that take nothing, and not for answers
// that take long to come, on a connection to the engine that is new, and on one that is not.
func TestHTTP2LongAnswer(t *testing.T) {
	t.Parallel()
	const timeout = 40 * time.Millisecond
	f := newFront(t, func(s *site.Site) { s.Server.SendTimeout = timeout })
	slowly := func(reader *bufio.Reader, conn net.Conn) {
		for _, part := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "o", "k"} {
			if strings.HasPrefix(part, "HTTP") && !readRequest(reader) {
				return
			}
			time.Sleep(5 * timeout)
			if _, err := io.WriteString(conn, part); err != nil {
				return
			}
		}
	}
	client, made := engineSaysTo(t, f, func(reader *bufio.Reader, conn net.Conn) {
		slowly(reader, conn)
		slowly(reader, conn)
	})
	for range 2 {
		r, err := client.Get("http://h/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(body) != "ok" {
			t.Errorf("%q, %v", body, err)
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d connections", made.Load())
	}
}
