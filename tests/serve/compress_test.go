package serve_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const compressSite = `
access-log = %[3]q
access-log-format = "common"
compress = ["text/html", "text/event-stream", "text/css"]
compress-minimum-size = 500

[group.main]
processes = 1
threads = 2

[[mount]]
path = "/"
script = %[1]q

[[static]]
path = "/static"
directory = %[2]q

[[location]]
path = "/plain"
compress = []
`

// compressApp answers with a page, a file, events that wait for each other, or what it was
// asked with.
const compressApp = `
import os, threading

go_on = threading.Semaphore(0)

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/go-on":
        go_on.release()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]
    if path == "/events":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(os.path.getsize(__file__)))])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    body = b"0123456789" * 20000
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Method", environ["REQUEST_METHOD"]), ("ETag", '"page"')])
    return [body[:50], body[50:]] if path == "/pieces" else [body]

def events():
    for i in range(3):
        yield b"data: %d\n\n" % i
        go_on.acquire()
`

// TestCompress: curl unpacks what is compressed, and the access log has the bytes that were sent.
func TestCompress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	script := writeFile(t, dir, "app.py", compressApp)
	writeFile(t, dir, "a.css", strings.Repeat("a { color: red }\n", 1000))
	s := startSite(t, fmt.Sprintf(compressSite, script, dir, log))
	const proves = "curl --compressed reads what is compressed"
	page := strings.Repeat("0123456789", 20000)
	for target, want := range map[string]string{"/": page, "/pieces": page, "/plain": page, "/file": compressApp, "/static/a.css": strings.Repeat("a { color: red }\n", 1000)} {
		for _, protocol := range []string{"--http1.0", "--http1.1", "--http2-prior-knowledge"} {
			if got := s.curl(proves, protocol, "--compressed", "http://"+s.address()+target); got != want {
				t.Errorf("%s %s: %d bytes %.40q, want %d", protocol, target, len(got), got, len(want))
			}
		}
		head := s.curl(proves, "--compressed", "--head", "http://"+s.address()+target)
		packed := target != "/plain"
		if strings.Contains(head, "Content-Encoding: gzip\r\n") != packed || strings.Contains(head, "Vary: Accept-Encoding\r\n") != packed {
			t.Errorf("HEAD %s: %s", target, head)
		}
		if target == "/" && (!strings.Contains(head, "X-Method: GET\r\n") || !strings.Contains(head, "ETag: W/\"page\"\r\n")) || target == "/plain" && !strings.Contains(head, "X-Method: HEAD\r\n") {
			t.Errorf("HEAD %s: %s", target, head)
		}
	}
	eventually(t, logWithin, "the line of the access log", func() bool {
		text, err := os.ReadFile(log)
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(text)) {
			_, rest, found := strings.Cut(line, `"GET / HTTP/1.1" 200 `)
			var size int
			if _, err := fmt.Sscan(rest, &size); found && err == nil {
				return 0 < size && size < len(page)/10
			}
		}
		return false
	})
}

// TestCompressEvents: an event arrives when it is sent, compressed.
func TestCompressEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startSite(t, fmt.Sprintf(compressSite, writeFile(t, dir, "app.py", compressApp), dir, ""))
	request, err := http.NewRequest(http.MethodGet, "http://"+s.address()+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	client := &http.Client{Timeout: answerWithin}
	r, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	z, err := gzip.NewReader(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v %v", r.Header, err)
	}
	body := bufio.NewReader(z)
	for i := range 3 {
		event, err := body.ReadString('\n')
		if _, err2 := body.ReadString('\n'); err != nil || err2 != nil || event != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("event %d is %q: %v %v", i, event, err, err2)
		}
		s.get("/go-on")
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("behind the events: %q %v", rest, err)
	}
}
