package serve_test

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestHTTP2Frames: what is wrong is answered as RFC 9113 has it, with TLS and without.
// After an error of a stream the connection goes on, after one of the connection it ends.
func TestHTTP2Frames(t *testing.T) {
	t.Parallel()
	s, dir := tlsServer(t, "")
	plain := func(t *testing.T) net.Conn { return rawTo(t, filepath.Join(dir, "plain.sock")).Conn }
	for _, over := range []struct {
		name string
		dial func(*testing.T) net.Conn
	}{{"TLS", s.secured}, {"without TLS", plain}} {
		var ending []*frames // all at once: Go's server gives a client a second to read why
		for _, test := range append(frameCases(), messageCases()...) {
			name := over.name + "/" + test.section + " " + test.name
			conn := over.dial(t)
			t.Run(name, func(t *testing.T) {
				c := newFrames(t, conn)
				test.send(c)
				if test.want != "nothing" {
					if got := c.outcome(); got != test.want {
						t.Errorf("%s, want %s", got, test.want)
					}
				}
				if strings.HasPrefix(test.want, "connection") {
					ending = append(ending, c)
				} else {
					c.goesOn()
				}
			})
		}
		for _, c := range ending {
			c.ends(t)
		}
	}
}

// TestHTTP2Preface: a connection that does not begin as RFC 9113, 3.4, has it ends.
func TestHTTP2Preface(t *testing.T) {
	t.Parallel()
	s, dir := tlsServer(t, "")
	for _, first := range []string{
		"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", strings.ToLower(http2.ClientPreface), "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + http2.ClientPreface,
	} {
		c := framesOn(t, s.in(t).secured(t))
		c.text(first)
		c.ends(t)
	}
	for name, send := range map[string]func(c *frames){
		"PING before SETTINGS":    func(c *frames) { c.frame(http2.FramePing, 0, 0, "12345678") },
		"HEADERS before SETTINGS": func(c *frames) { c.headers(1, ended, getting()...) },
	} {
		c := framesOn(t, s.in(t).secured(t))
		c.text(http2.ClientPreface)
		send(c)
		if got := c.outcome(); got != "connection PROTOCOL_ERROR" {
			t.Errorf("%s: %s", name, got)
		}
		c.ends(t)
	}
	// Without TLS a client that does not begin so speaks HTTP/1.1, wrongly.
	for first, status := range map[string]int{"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n": 505, "PRI * HTTP/1.1\r\nHost: a\r\n\r\n": 505} {
		c := rawTo(t, filepath.Join(dir, "plain.sock"))
		c.send(first)
		if r := c.head("GET"); r.StatusCode != status {
			t.Errorf("%q: %s", first, r.Status)
		}
	}
}

// TestHTTP2RapidReset: of streams that are reset as soon as they are open (CVE-2023-44487)
// no more come to the applications than there are threads, and nothing of them is left
// afterwards.
func TestHTTP2RapidReset(t *testing.T) {
	t.Parallel()
	const streams, threads = 20000, 4
	s, _ := tlsServer(t, "")
	g := newGate(t)
	c := newFrames(t, s.secured(t))
	over := make(chan string, 1)
	go func() {
		for {
			if got := c.outcome(); got == "pong" || got == "closed" || strings.HasPrefix(got, "connection") {
				over <- got
				return
			}
		}
	}()
	path := "/stream/ticks?" + g.query()
	for i := range uint32(streams) {
		c.headers(2*i+1, ended, ":method", "GET", ":scheme", "https", ":path", path, ":authority", "a.example")
		c.frame(http2.FrameRSTStream, 0, 2*i+1, word(uint32(http2.ErrCodeCancel)))
	}
	c.frame(http2.FramePing, 0, 0, "all sent")
	t.Logf("what the server says to %d streams: %s", streams, <-over)
	// Those that have a thread hold it here; by the time that nobody else has come, the
	// others have left the queue.
	var holding []net.Conn
	for v := g.tryArrive(500 * time.Millisecond); v != nil; v = g.tryArrive(500 * time.Millisecond) {
		holding = append(holding, v)
	}
	if len(holding) > threads {
		t.Errorf("%d requests are in the application, which has %d threads", len(holding), threads)
	}
	for _, v := range holding {
		v.Close()
	}
	g.assertNobody(100 * time.Millisecond)
	r, err := s.secureClient("a.example", 2).Get("https://" + s.tcpAddress() + "/stream/sized?n=1")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("another client: %s", r.Status)
	}
}

// TestHTTP2Drain: a server that ends says so (GOAWAY, RFC 9113, 6.8) and answers what it
// has.
func TestHTTP2Drain(t *testing.T) {
	t.Parallel()
	s, _ := tlsServer(t, "")
	g := newGate(t)
	c := newFrames(t, s.secured(t))
	c.headers(1, ended, ":method", "GET", ":scheme", "https", ":path", "/stream/ticks?"+g.query(), ":authority", "a.example")
	v := g.arrive()
	if got := c.outcome(); got != "status 200 on 1" {
		t.Fatal(got)
	}
	s.signal(os.Interrupt)
	for {
		f, err := c.reader.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, is := f.(*http2.GoAwayFrame); is {
			if f.ErrCode != http2.ErrCodeNo || f.LastStreamID < 1 {
				t.Errorf("%v", f)
			}
			break
		}
	}
	v.release()
	for {
		f, err := c.reader.ReadFrame()
		if err != nil {
			t.Fatalf("before the end of the stream: %v", err)
		}
		if f, is := f.(*http2.DataFrame); is && f.StreamEnded() {
			break
		}
	}
	if !s.awaitExit(stopWithin) {
		t.Error("it has not ended")
	}
}

// TestTLSSlowClient: a client of TLS that reads nothing loses its connection.
func TestTLSSlowClient(t *testing.T) {
	t.Parallel()
	s, _ := tlsServer(t, `send-timeout = "500ms"`)
	conn, err := tls.Dial("tcp", s.tcpAddress(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /stream/sized?n=100000000 HTTP/1.1\r\nHost: a.example\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, answerWithin, "a connection of which nothing is read to end", func() bool {
		_, err := io.WriteString(conn, "GET ")
		return err != nil
	})
}

// TestHTTP2SlowClient: a stream whose client takes nothing is reset after send-timeout, and
// one whose application says nothing for longer is not. A client that reads nothing at all
// loses its connection.
func TestHTTP2SlowClient(t *testing.T) {
	t.Parallel()
	s, dir := tlsServer(t, `send-timeout = "500ms"`)
	c := newFrames(t, s.secured(t))
	c.stall(1)
	if got := c.outcome(); got != "stream 1 INTERNAL_ERROR" {
		t.Errorf("a response of which nothing is taken: %s", got)
	}
	c.headers(3, ended, ":method", "GET", ":scheme", "https", ":path", "/stream/sized?n=1000000", ":authority", "a.example")
	c.frame(http2.FrameWindowUpdate, 0, 3, word(100000))
	for _, want := range []string{"status 200 on 3", "stream 3 INTERNAL_ERROR"} {
		if got := c.outcome(); got != want {
			t.Errorf("a response of which a part is taken: %s, want %s", got, want)
		}
	}
	g := newGate(t)
	c = newFrames(t, s.secured(t))
	c.headers(1, ended, ":method", "GET", ":scheme", "https", ":path", "/stream/ticks?"+g.query(), ":authority", "a.example")
	v := g.arrive()
	if got := c.outcome(); got != "status 200 on 1" {
		t.Fatal(got)
	}
	time.Sleep(time.Second)
	v.release()
	for {
		f, err := c.reader.ReadFrame()
		if err != nil {
			t.Fatalf("a response with a pause: %v", err)
		}
		if reset, is := f.(*http2.RSTStreamFrame); is {
			t.Fatalf("a response with a pause: %v", reset)
		}
		if data, is := f.(*http2.DataFrame); is && data.StreamEnded() {
			break
		}
	}
	c = newFrames(t, rawTo(t, filepath.Join(dir, "plain.sock")).Conn)
	c.frame(http2.FrameSettings, 0, 0, setting(http2.SettingInitialWindowSize, 1<<30))
	c.frame(http2.FrameWindowUpdate, 0, 0, word(1<<30))
	c.headers(1, ended, ":method", "GET", ":scheme", "https", ":path", "/stream/sized?n=100000000", ":authority", "a.example")
	// A PING that cannot be sent shows that the server has closed.
	eventually(t, answerWithin, "a connection of which nothing is read to end", func() bool {
		_, err := io.WriteString(c, "\x00\x00\x08\x06\x00\x00\x00\x00\x00are you?")
		return err != nil
	})
}
