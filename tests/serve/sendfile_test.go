package serve_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sendfileSite = `
[group.main]
processes = 1
threads = 1

[[mount]]
path = "/"
script = %[2]q

[[static]]
path = "/inside"
directory = %[1]q
internal = true
expires = "1h"
`

// sendfileApp answers with the status and the fields that the query names, and a body of
// its own.
const sendfileApp = `
from urllib.parse import parse_qsl

def application(environ, start_response):
    fields = dict(parse_qsl(environ["QUERY_STRING"]))
    status = fields.pop("status", "200 OK")
    pieces = int(fields.pop("pieces", "1"))
    start_response(status, list(fields.items()))
    return [b"body of the application"] * pieces
`

// TestSendfile: an application has files sent that nobody else can ask for, with its own
// status and fields, and none but those of the directory.
func TestSendfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	www := filepath.Join(dir, "www")
	if err := os.MkdirAll(filepath.Join(www, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789", 100<<10)
	writeFile(t, dir, "secret.txt", "secret")
	writeFile(t, www, "sub/a b.txt", "0123456789")
	writeFile(t, www, "large.bin", large)
	if err := os.Symlink("../secret.txt", filepath.Join(www, "link")); err != nil {
		t.Fatal(err)
	}
	s := startSite(t, fmt.Sprintf(sendfileSite, www, writeFile(t, dir, "app.py", sendfileApp)))
	const small, own = "0123456789", "body of the application"
	c := s.raw()
	for _, test := range []struct {
		query, fields string
		status        int
		kind, want    string // "-": any
	}{
		{"X-Accel-Redirect=" + url.QueryEscape("/inside/sub/a%20b.txt?x"), "", 200, "text/plain; charset=utf-8", small},
		{"x-accel-redirect=/inside/large.bin&pieces=3", "", 200, "application/octet-stream", large},
		{"X-Sendfile=" + url.QueryEscape(www+"/sub/a b.txt") + "&Content-Type=image/x-own&Content-Length=23", "", 200, "image/x-own", small},
		{"X-Sendfile=" + url.QueryEscape(www+"/sub/../large.bin"), "Range: bytes=3-999999", 206, "application/octet-stream", large[3:1000000]},
		{"X-Accel-Redirect=/inside/large.bin", "Range: bytes=9999999-", 416, "-", "-"},
		{"X-Accel-Redirect=/inside/large.bin", "If-None-Match: *", 304, "", ""},
		{"X-Accel-Redirect=/inside/large.bin&status=" + url.QueryEscape("402 Pay"), "If-None-Match: *", 402, "application/octet-stream", large},
		{"X-Accel-Redirect=/inside/large.bin&Location=/elsewhere", "", 200, "application/octet-stream", large},
		{"X-Accel-Redirect=/inside/none", "", 404, "-", "-"},
		{"X-Accel-Redirect=/inside", "", 404, "-", "-"},
		{"X-Accel-Redirect=/inside/sub", "", 404, "-", "-"},
		{"X-Accel-Redirect=/elsewhere", "", 404, "-", "-"},
		{"X-Accel-Redirect=/inside/link", "", 404, "-", "-"},
		{"X-Accel-Redirect=/inside/../inside/../secret.txt", "", 404, "-", "-"},
		{"X-Accel-Redirect=/inside/%252e%252e/secret.txt", "", 404, "-", "-"},
		{"X-Sendfile=" + url.QueryEscape(dir+"/secret.txt"), "", 404, "-", "-"},
		{"X-Sendfile=" + url.QueryEscape(www+"/../secret.txt"), "", 404, "-", "-"},
		{"X-Sendfile=sub/a.txt", "", 404, "-", "-"},
		{"Content-Type=text/plain", "", 200, "text/plain", own},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			fields := []string{"X-Test: 1", "Content-Length: 0"}
			status := test.status
			if test.fields != "" {
				fields = append(fields, test.fields)
				if method != "GET" && (status == 206 || status == 416) || method == "POST" && status == 304 {
					continue // conditions and ranges are not for these methods
				}
			}
			c.send(head(method, "/?"+test.query+"&X-Own=1", fields...))
			a := c.response(method)
			want := test.want
			if method == "HEAD" && want != "-" {
				want = ""
			}
			if a.err != nil || a.status != status || want != "-" && a.body != want || test.kind != "-" && a.header.Get("Content-Type") != test.kind || strings.Contains(a.body, "secret") {
				t.Errorf("%s %s: %d %v %.40q %v, want %d %s", method, test.query, a.status, a.header, a.body, a.err, status, test.kind)
			}
			if status == 200 && (a.header.Get("X-Own") != "1" || a.header.Get("X-Accel-Redirect") != "" || a.header.Get("X-Sendfile") != "") {
				t.Errorf("%s %s: fields %v", method, test.query, a.header)
			}
			if status == 200 && test.kind != "text/plain" && (a.header.Get("Cache-Control") != "max-age=3600" || a.header.Get("ETag") == "") {
				t.Errorf("%s %s: fields %v, want those of the file", method, test.query, a.header)
			}
		}
	}
	for _, target := range []string{"/inside/large.bin", "/inside/", "/inside"} {
		if a := s.get(target); a.status != 404 || strings.Contains(a.body, "0123") {
			t.Errorf("%s from outside: %d", target, a.status)
		}
	}
}
