package serve_test

import (
	"net/http"
	"strings"
	"testing"
)

const pagedSite = `
error-page = { 404 = "<h1>%{STATUS}</h1><p>%{REQUEST_ID}</p>", 5xx = "Please come back later." }
error-override = true

[group.main]
processes = 1
threads = 1

[[mount]]
path = "/"
script = {{app "response.py"}}

[[location]]
path = "/denied"
error-override = false
error-page = { 403 = "<p>Not for you.</p>" }
require = "all denied"
`

// TestErrorPages: what an application answers with an error status, and what is answered
// for it when it fails or may not be asked, has the site's page; everything else is its own.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	s := startSite(t, pagedSite)
	const html, text = "text/html; charset=utf-8", "text/plain; charset=utf-8"
	tests := []struct {
		method, target string
		status         int
		kind, want     string // ID stands for the request's id
	}{
		{"GET", "/status?line=200+OK", 200, "text/plain", "body"},
		{"GET", "/status?line=404+Not+Found", 404, html, "<h1>404</h1><p>ID</p>"},
		{"HEAD", "/status?line=404+Not+Found", 404, html, ""},
		{"GET", "/status?line=410+All+Gone", 410, text, "410 All Gone\n\nrequest id: ID\n"},
		{"GET", "/status?line=503+Busy", 503, text, "Please come back later.\n"},
		{"GET", "/raise-call", 500, text, "Please come back later.\n"},
		{"GET", "/raise-before", 500, text, "Please come back later.\n"},
		{"GET", "/status?line=301+Moved", 301, "text/plain", "body"},
		{"GET", "/denied", 403, html, "<p>Not for you.</p>"},
	}
	c := s.raw()
	for _, test := range tests {
		c.send(head(test.method, test.target))
		a := c.response(test.method)
		id := a.header.Get("X-Request-ID")
		want := strings.ReplaceAll(test.want, "ID", id)
		if a.err != nil || a.status != test.status || a.header.Get("Content-Type") != test.kind || a.body != want {
			t.Errorf("%s %s: %d %v %q %v, want %d %s %q", test.method, test.target, a.status, a.header, a.body, a.err, test.status, test.kind, want)
		}
		if test.status >= 400 && id == "" {
			t.Errorf("%s: no request id", test.target)
		}
	}
}

const erringApplication = `
def application(environ, start_response):
    path = environ["PATH_INFO"]
    fields = [("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("Content-Type", "text/x"), ("ETag", '"1"'), ("Retry-After", "7")]
    write = start_response("503 Busy", fields)
    if path.endswith("/large"):
        for _ in range(64):
            write(b"x" * 4096)
    elif path.endswith("/fail"):
        write(b"begun")
        raise RuntimeError("after the head")
    return [b"its own"]
`

// TestReplacedErrors: the body of an error that is replaced may be of any size, and may
// even fail, and header fields that say nothing of it stay.
func TestReplacedErrors(t *testing.T) {
	t.Parallel()
	script := writeFile(t, t.TempDir(), "erring.py", erringApplication)
	s := startSite(t, "error-page = { 503 = \"Soon.\" }\n[[mount]]\npath = \"/\"\nscript = \""+script+
		"\"\n[[location]]\npath = \"/replaced\"\nerror-override = true\n")
	c := s.raw()
	for _, path := range []string{"/replaced", "/replaced/large", "/replaced/fail", "/replaced"} {
		c.send(get(path))
		a := c.expect(http.StatusServiceUnavailable)
		if a.body != "Soon.\n" || a.header.Get("ETag") != "" || a.header.Get("Retry-After") != "7" || len(a.header["Set-Cookie"]) != 2 {
			t.Errorf("%s: %v %q", path, a.header, a.body)
		}
	}
	c.send(get("/own"))
	if a := c.expect(http.StatusServiceUnavailable); a.body != "its own" || a.header.Get("Content-Type") != "text/x" {
		t.Errorf("where nothing is replaced: %v %q", a.header, a.body)
	}
}
