package serve_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const localSite = `
access-log = %[4]q
access-log-format = "common"

[group.main]
processes = 1
threads = 1

[group.other]
processes = 1
threads = 1

[[mount]]
path = "/"
script = %[1]q
group = "main"

[[mount]]
path = "/other"
script = %[2]q
group = "other"

[[location]]
path = "/own"
local-redirects = false

[[location]]
path = "/denied"
deny = "all"

[[static]]
path = "/inside"
directory = %[3]q
internal = true

[[static]]
path = "/files"
directory = %[3]q
fallback = true
expires = "1h"
`

// localApp answers with the Location that the query names, and what it was asked for.
const localApp = `
from urllib.parse import parse_qs

def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    fields = [("Content-Type", "text/plain"), ("X-First", "1")]
    if "to" in query:
        fields.append(("Location", query["to"][0]))
    start_response(query.get("status", ["200 OK"])[0], fields)
    said = " ".join(environ.get(k, "-") for k in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "REDIRECT_URL"))
    body = ("%s body=%d" % (said, len(environ["wsgi.input"].read()))).encode()
    return [body] if "pieces" not in query else [body] + [b"x" * 5000] * 3
`

// TestLocalRedirect: an answer of status 200 with a path as its Location is replaced by
// what is there: of another application, in the same group or another, or a file.
func TestLocalRedirect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	www := filepath.Join(dir, "www")
	if err := os.MkdirAll(filepath.Join(www, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789", 100<<10)
	writeFile(t, www, "a.txt", "0123456789")
	writeFile(t, www, "sub/index.html", "<p>index</p>")
	writeFile(t, www, "large.bin", large)
	script := writeFile(t, dir, "app.py", localApp)
	s := startSite(t, fmt.Sprintf(localSite, script, writeFile(t, dir, "other.py", localApp), www, log))
	c := s.raw()
	for _, test := range []struct {
		target, to, fields string
		status             int
		want               string // "-": any
	}{
		{"/first", "/second?a=b", "", 200, "GET  /second a=b URI /first body=0"},
		{"/first", "/other/x%20y", "", 200, "GET /other /x y  URI /first body=0"},
		{"/first", "/other/x?to=/third", "", 200, "GET  /third  URI /other/x body=0"},
		{"/other/first", "/other/x", "", 200, "GET /other /x  URI /other/first body=0"},
		{"/first", "/inside/a.txt", "", 200, "0123456789"},
		{"/first", "/inside/sub", "", 200, "<p>index</p>"},
		{"/first", "/files/a.txt?x", "Range: bytes=2-4", 206, "234"},
		{"/first", "/files/a.txt", "If-None-Match: *", 304, ""},
		{"/first", "/files/large.bin", "", 200, large},
		{"/first", "/files/none", "", 200, "GET  /files/none  URI /first body=0"},
		{"/first", "/inside/none", "", 404, "-"},
		{"/first", "/inside/../../x", "", 500, "-"},
		{"/first", "/denied/x", "", 403, "-"},
		{"/own/first", "/second", "", 200, "first"},
		{"/first", "http://evil.example/", "", 200, "first"},
		{"/first", "relative", "", 200, "first"},
	} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			for _, more := range []string{"", "&pieces=1"} {
				if test.status == 206 && method == "HEAD" {
					continue // ranges are for GET
				}
				target := test.target + "?to=" + url.QueryEscape(test.to) + more
				fields := []string{"X-Test: 1"}
				body := ""
				if method == "POST" {
					body = strings.Repeat("b", 100)
					fields = append(fields, "Content-Length: 100")
				}
				if test.fields != "" {
					fields = append(fields, test.fields)
				}
				c.send(head(method, target, fields...) + body)
				a := c.response(method)
				want := strings.ReplaceAll(test.want, "URI", target)
				if method == "HEAD" {
					want = ""
				}
				replaced := test.want != "first"
				if a.err != nil || a.status != test.status || replaced && test.want != "-" && a.body != want {
					t.Errorf("%s %s: %d %v %.80q %v, want %d %.80q", method, target, a.status, a.header, a.body, a.err, test.status, want)
				}
				if own := strings.HasPrefix(test.want, "GET"); !own && replaced == (a.header.Get("X-First") == "1") || replaced != (a.header.Get("Location") == "") {
					t.Errorf("%s %s: fields %v", method, target, a.header)
				}
				if !replaced && method != "HEAD" && !strings.HasPrefix(a.body, method+" ") {
					t.Errorf("%s %s: %.80q, want the first answer", method, target, a.body)
				}
			}
		}
	}
	if a := s.get("/first?status=201+Created&to=/second"); a.status != 201 || a.header.Get("Location") != "/second" {
		t.Errorf("status 201: %d %v", a.status, a.header)
	}
	eventually(t, logWithin, "the line of the access log", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), `"GET /first?to=%2Ffiles%2Fa.txt%3Fx HTTP/1.1" 206 3 `)
	})
}

// TestLocalRedirectLoop: an application that leads on and on is stopped, and its thread is
// free for the next request.
func TestLocalRedirectLoop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startSite(t, "[group.main]\nprocesses = 1\nthreads = 1\nqueue-limit = 0\n[[mount]]\npath = \"/\"\nscript = \""+writeFile(t, dir, "app.py", `
turns = 0

def application(environ, start_response):
    global turns
    if environ["PATH_INFO"] == "/turns":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"%d" % turns]
    turns += 1
    start_response("200 OK", [("Content-Type", "text/plain"), ("Location", environ["PATH_INFO"])])
    return [b"first"]
`)+"\"\n")
	for i := range 2 {
		if a := s.get("/loop"); a.status != 500 || !strings.Contains(a.body, "local redirect") {
			t.Errorf("the loop is answered %d %q", a.status, a.body)
		}
		if a := s.get("/turns"); a.body != fmt.Sprint(11*(i+1)) {
			t.Errorf("the application was asked %s times", a.body)
		}
	}
}
