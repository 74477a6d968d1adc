package boot_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestDrain: what becomes of requests that take longer than their generation, its leader
// or the site has time for.
func TestDrain(t *testing.T) {
	boot.Run(t, "at the drain limit the rest is ended visibly and logged one by one, and nothing that has to do with it not",
		boot.Case{Name: "reload", Run: testDrainAtReload},
		boot.Case{Name: "stop", Run: testDrainAtStop},
		boot.Case{Name: "eviction", Run: testEviction},
	)
}

// lasting has answers and bodies that take as long as a test wants.
const lasting = `
import os, time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    fields = [("X-Pid", str(os.getpid()))]
    if path == "/download":
        start_response("200 OK", fields + [("Content-Length", str(8 << 20))])
        return [b"d" * (8 << 20)]
    if path == "/stream":
        start_response("200 OK", fields)
        return stream()
    if path == "/sleep":
        time.sleep(60)
    length = len(environ["wsgi.input"].read())
    body = b"%d bytes" % length
    start_response("200 OK", fields + [("Content-Length", str(len(body)))])
    return [body]
def stream():
    for n in range(600):
        yield b"part"
        time.sleep(0.1)
`

// exchange is a request on a connection of its own, and what comes of it.
type exchange struct {
	name   string
	conn   net.Conn
	answer chan []byte // all that came
	read   chan struct{}
}

// lastingSite serves the application with these keys of its group.
func lastingSite(m *boot.Machine, name, web string) *served {
	s := serve(m, name, "request-buffer-size = \"1K\"\nrequest-spool-limit = \"64K\"\n", web, "")
	s.set("app.py", lasting)
	s.start()
	return s
}

// send sends a request. The answer is read at once, or, for later, when read is closed.
func (s *served) send(t *testing.T, name, request string, later bool) *exchange {
	t.Helper()
	conn, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	x := &exchange{name: name, conn: conn, answer: make(chan []byte, 1), read: make(chan struct{})}
	if !later {
		close(x.read)
	}
	x.write(t, request)
	go func() {
		<-x.read
		all, _ := io.ReadAll(conn) // what came before an error counts as well
		x.answer <- all
	}()
	return x
}

func (x *exchange) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(x.conn, text); err != nil {
		t.Errorf("%s: %v", x.name, err)
	}
}

// status wants a whole answer with a status, and gives it with its body.
func (x *exchange) status(t *testing.T, want int) (*http.Response, string) {
	t.Helper()
	all := <-x.answer
	r, body, err := parsed(all)
	if err != nil || r.StatusCode != want {
		t.Fatalf("%s: want %d, got %v, %.300q", x.name, want, err, all)
	}
	return r, body
}

// cut wants an answer that shows that it is not whole.
func (x *exchange) cut(t *testing.T) {
	t.Helper()
	all := <-x.answer
	if r, body, err := parsed(all); err == nil || r == nil || r.StatusCode != 200 || body == "" {
		t.Errorf("%s: want the beginning of an answer, got %v, %.300q", x.name, err, all)
	}
}

func parsed(all []byte) (*http.Response, string, error) {
	r, err := http.ReadResponse(newReader(all), nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(r.Body)
	return r, string(body), err
}

// post is the beginning of an upload of so many bytes.
func post(length int) string {
	return fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", length)
}

func get(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
}

// inFlight are requests of every kind, of which the application has the first three.
type inFlight struct{ sleep, stream, upload, small, download *exchange }

func (s *served) inFlight(t *testing.T) *inFlight {
	t.Helper()
	all := &inFlight{
		sleep:    s.send(t, "sleep", get("/sleep"), false),
		stream:   s.send(t, "stream", get("/stream?secret=1"), false),
		upload:   s.send(t, "upload", post(1<<20)+strings.Repeat("u", 100<<10), false),
		small:    s.send(t, "small upload", post(40<<10)+strings.Repeat("s", 20<<10), false),
		download: s.send(t, "download", get("/download"), true),
	}
	s.awaitFigures(t, ", 3 busy; 5 connections")
	return all
}

// awaitFigures waits until the supervisor says what it does: systemd hears of requests
// only now and then.
func (s *served) awaitFigures(t *testing.T, want string) {
	t.Helper()
	for begun := time.Now(); !strings.Contains(s.m.MustRun("wsgid", "status", s.name), want); {
		if time.Since(begun) > within {
			t.Fatalf("the status is %q, without %q", s.m.MustRun("wsgid", "status", s.name), want)
		}
	}
}

// told wants one record for each of these, "METHOD PATH CAUSE", and everything in it.
func (s *served) told(t *testing.T, generation string, want ...string) {
	t.Helper()
	var got []string
	for _, r := range s.m.Records("--unit=" + s.service()) {
		if !strings.HasPrefix(r["MESSAGE"], "request ended abnormally") {
			continue
		}
		got = append(got, r["METHOD"]+" "+r["PATH"]+" "+r["CAUSE"])
		if r["REQUEST_ID"] == "" || r["AGE"] == "" || r["GROUP"] != "web" {
			t.Errorf("incomplete: %q", r)
		}
		arrived := !strings.HasSuffix(r["CAUSE"], "had not arrived")
		if arrived && (r["GENERATION"] != generation || r["PROCESS"] == "" || r["WORKER_PID"] == "") {
			t.Errorf("incomplete: %q", r)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func testDrainAtReload(t *testing.T, m *boot.Machine) {
	s := lastingSite(m, "lasting", "threads = 10\ngraceful-timeout = \"2s\"\nshutdown-timeout = \"1s\"")
	begun := time.Now()
	all := s.inFlight(t)
	m.MustRun("systemctl", "reload", s.service())
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("the reload waited for %v", took)
	}
	// The application had these.
	for _, x := range []*exchange{all.sleep, all.upload} {
		if r, body := x.status(t, 503); r.Header.Get("X-Request-Id") == "" || !strings.Contains(body, "stopped before it answered") {
			t.Errorf("%s: %v, %q", x.name, r.Header, body)
		}
	}
	all.stream.cut(t)
	s.told(t, "1", "GET /sleep graceful-timeout", "GET /stream graceful-timeout", "POST /upload graceful-timeout")
	// And these are the front end's, whoever comes and goes behind it.
	all.small.write(t, strings.Repeat("s", 20<<10))
	if _, body := all.small.status(t, 200); body != "40960 bytes" {
		t.Errorf("the small upload: %q", body)
	}
	close(all.download.read)
	if _, body := all.download.status(t, 200); len(body) != 8<<20 {
		t.Errorf("%d bytes of the download", len(body))
	}
	testKeepAliveAtDrain(t, m)
}

// testKeepAliveAtDrain: clients with connections that are kept alive notice nothing.
func testKeepAliveAtDrain(t *testing.T, m *boot.Machine) {
	s := serve(m, "kept", "", "graceful-timeout = \"2s\"", "")
	s.start()
	client := s.load(t, load.Workers{Job: load.Get, Count: 4, Think: 10 * time.Millisecond})
	late := s.send(t, "late", "GET /slow?s=20&id=late HTTP/1.1\r\nHost: x\r\nX-Load-Id: late\r\nConnection: close\r\n\r\n", false)
	m.MustRun("systemctl", "reload", s.service())
	late.status(t, 503)
	report := unharmed(t, client)
	if n := report.Count(load.ClosedIdle); n > 0 {
		t.Errorf("%d connections were closed", n)
	}
}

func testDrainAtStop(t *testing.T, m *boot.Machine) {
	s := lastingSite(m, "stopped", "threads = 10\ngraceful-timeout = \"2s\"\nshutdown-timeout = \"1s\"")
	begun := time.Now()
	all := s.inFlight(t)
	m.MustRun("systemctl", "stop", s.service())
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("the stop waited for %v", took)
	}
	for _, x := range []*exchange{all.sleep, all.upload} {
		x.status(t, 503)
	}
	all.stream.cut(t)
	if answer := <-all.small.answer; len(answer) > 0 {
		t.Errorf("the small upload: %.300q", answer)
	}
	close(all.download.read)
	all.download.cut(t)
	s.told(t, "1", "GET /sleep graceful-timeout", "GET /stream graceful-timeout", "POST /upload graceful-timeout",
		"POST /upload graceful-timeout: the request had not arrived", "GET /download graceful-timeout: the client had not taken the answer")
}

// testEviction: a leader that is told to end leaves its requests eviction-timeout.
func testEviction(t *testing.T, m *boot.Machine) {
	s := lastingSite(m, "evicted", "threads = 10\neviction-timeout = \"1s\"\ngraceful-timeout = \"40s\"\nshutdown-timeout = \"1s\"")
	sleep := s.send(t, "sleep", get("/sleep"), false)
	s.awaitFigures(t, ", 1 busy")
	begun := time.Now()
	m.MustRun("systemctl", "stop", s.slot("a"))
	sleep.status(t, 503)
	if took := time.Since(begun); took < time.Second || took > 30*time.Second {
		t.Errorf("it ended after %v", took)
	}
	s.told(t, "1", "GET /sleep eviction-timeout")
	if now := s.generation(t); now != 2 {
		t.Errorf("it is generation %d", now)
	}
}

func newReader(all []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(all)) }
