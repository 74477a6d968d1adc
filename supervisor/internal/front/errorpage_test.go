package front

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

func writePage(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestErrorPages: what the front end answers by itself has the page of its status, else
// that of its class, else its own text.
func TestErrorPages(t *testing.T) {
	html := writePage(t, "404.html", "<h1>%{STATUS}</h1>%{REQUEST_ID}")
	f := policyFront(t, fmt.Sprintf(`error-page = { 411 = %q, 4xx = "Not so: %%{STATUS}.", 403 = "<b>no</b>" }
deny = "all"
[[location]]
path = "/open"
allow = "all"
deny = []
chunked-request = false
[[location]]
path = "/json"
error-page = { 403 = %q }
[[location]]
path = "/plain"
error-page = { 403 = "" }`, html, writePage(t, "e.json", `{"id": "%{REQUEST_ID}"}`)))
	address := serveAt(t, f, "tcp")
	const get = " HTTP/1.1\r\nHost: h\r\n\r\n"
	tests := []struct {
		name, request string
		status        int
		kind, want    string // ID stands for the request's id
	}{
		{"of the status", "GET /" + get, 403, "text/html; charset=utf-8", "<b>no</b>"},
		{"head", "HEAD /" + get, 403, "text/html; charset=utf-8", ""},
		{"a file", "POST /open HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "text/html; charset=utf-8", "<h1>411</h1>ID"},
		{"of the class", "GET /.." + get, 400, "text/plain; charset=utf-8", "Not so: 400.\n"},
		{"in a location", "GET /json" + get, 403, "application/json", `{"id": "ID"}`},
		{"taken back", "GET /plain" + get, 403, "text/plain; charset=utf-8", "403 Forbidden\n\nYou may not see this from where you are.\n\nrequest id: ID\n"},
		{"no HTTP", "GET /open\r\n\r\n", 400, "text/plain; charset=utf-8", "Not so: 400.\n"},
		{"of no class", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 501, "text/plain; charset=utf-8", "501 Not Implemented\n\nThis server is no proxy: it takes no CONNECT.\n\nrequest id: ID\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, body := ask(t, address, test.request)
			id := r.Header.Get("X-Request-ID")
			want := strings.ReplaceAll(test.want, "ID", id)
			if r.StatusCode != test.status || r.Header.Get("Content-Type") != test.kind || body != want || !validID([]byte(id)) {
				t.Errorf("got %d %v %q, want %d %s %q", r.StatusCode, r.Header, body, test.status, test.kind, want)
			}
			if r.Request.Method == http.MethodHead && r.ContentLength != int64(len("<b>no</b>")) {
				t.Errorf("Content-Length is %d", r.ContentLength)
			}
		})
	}
}

// TestErrorPagesAreRead: a page that is not there fails a reload, but no start; what is
// in a file counts from the next reload on.
func TestErrorPagesAreRead(t *testing.T) {
	path := writePage(t, "403.txt", "first")
	text := func(file string) *site.Site {
		s, err := site.Parse("test", "test.toml", []byte(fmt.Sprintf("deny = \"all\"\nerror-page = { 403 = %q }\n[[mount]]\npath = \"/\"\nmodule = \"a\"\n", file)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	change := func(file string) func(*site.Site) {
		return func(s *site.Site) { s.Mounts, s.Policy = text(file).Mounts, text(file).Policy }
	}
	f := newFront(t, change(path))
	address := serveAt(t, f, "tcp")
	assertBody := func(want string) {
		t.Helper()
		if _, body := ask(t, address, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.HasPrefix(body, want) {
			t.Errorf("the page is %q, want %q", body, want)
		}
	}
	reload := func(file string) error {
		install, err := f.Prepare(text(file), f.options.Groups)
		if err == nil {
			install()
		}
		return err
	}
	assertBody("first")
	if err := os.WriteFile(path, []byte("second"), 0o644); err != nil {
		t.Fatal(err)
	}
	assertBody("first")
	if err := reload(path + ".html"); err == nil || !strings.Contains(err.Error(), "test.toml:2: error-page") || !strings.Contains(err.Error(), "403.txt.html") {
		t.Errorf("error for a page that is not there: %v", err)
	}
	if err := reload(writePage(t, "large.txt", strings.Repeat("x", largestPage+1))); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error for a page that is too large: %v", err)
	}
	assertBody("first")
	if err := reload(path); err != nil {
		t.Fatal(err)
	}
	assertBody("second")

	without := newFront(t, change(path+".html"))
	if _, body := ask(t, serveAt(t, without, "tcp"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.HasPrefix(body, "403 Forbidden") {
		t.Errorf("without its page: %q", body)
	}
}

// TestReplacedHeads: of an application's error stays what does not describe its body.
func TestReplacedHeads(t *testing.T) {
	p := &paged{rules: &rules{override: true}, id: "7"}
	tests := []struct {
		name, block string
		count       int
		want        string // with | for NUL; "" if it is left alone
	}{
		{"fields", "404 Not Here|Set-Cookie|a|CONTENT-TYPE|x|ETag|y|WWW-Authenticate|Basic|Content-Length|3|X-Request-ID|9", 6, "404 Not Here|Set-Cookie|a|WWW-Authenticate|Basic|Content-Type|text/plain; charset=utf-8|X-Request-ID|7"},
		{"no fields", "599 Odd", 0, "599 Odd|Content-Type|text/plain; charset=utf-8|X-Request-ID|7"},
		{"an empty value", "500|X-A|", 1, "500|X-A||Content-Type|text/plain; charset=utf-8|X-Request-ID|7"},
		{"no error", "399 Odd|A|b", 1, ""},
		{"another class", "600 Odd", 0, ""},
		{"no status", "4", 0, ""},
		{"fewer fields than announced", "404 Not Here|A|b", 2, ""},
		{"a name without a value", "404 Not Here|A|b|C", 1, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			block := strings.ReplaceAll(test.block, "|", "\x00")
			head, body, ok := p.replaced(http1.Head{Block: []byte(block), Count: test.count, MaxLine: 8})
			if !ok && string(head.Block) != block {
				t.Errorf("left alone, and yet %q", head.Block)
			}
			got := ""
			if ok {
				got = strings.ReplaceAll(string(head.Block), "\x00", "|")
			}
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if ok && (head.Count != strings.Count(got, "|")/2 || head.MaxLine != 8) {
				t.Errorf("%d fields are announced, the longest of %d bytes", head.Count, head.MaxLine)
			}
			if line, _, _ := strings.Cut(test.block, "|"); ok && string(body.Bytes()) != line+"\n\nrequest id: 7\n" {
				t.Errorf("the body is %q", body.Bytes())
			}
		})
	}
}
