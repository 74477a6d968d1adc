package front

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// common is what every environ of these tests has.
var common = map[string]string{
	"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
	"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "h", "SERVER_PORT": "8080", "REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "4711",
	"wsgi.url_scheme": "http", "REQUEST_SCHEME": "http", "HTTP_HOST": "h",
}

func TestEnviron(t *testing.T) {
	tests := []struct {
		name, request string
		change        map[string]string // "-" removes
	}{
		{"plain", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", nil},
		{"query", "GET /a%20b?c=%20&d HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{
			"REQUEST_URI": "/a%20b?c=%20&d", "PATH_INFO": "/a b", "QUERY_STRING": "c=%20&d",
		}},
		{"empty query", "GET /? HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{"REQUEST_URI": "/?"}},
		{"mount", "GET /blog/post HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{
			"REQUEST_URI": "/blog/post", "SCRIPT_NAME": "/blog", "PATH_INFO": "/post",
		}},
		{"mount itself", "GET /blog HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{"REQUEST_URI": "/blog", "SCRIPT_NAME": "/blog", "PATH_INFO": ""}},
		{"mount by another spelling", "GET //x/..//%62log/./archive/a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{
			"REQUEST_URI": "//x/..//%62log/./archive/a%2Fb", "SCRIPT_NAME": "/blog/archive", "PATH_INFO": "/a/b",
		}},
		{"utf-8", "GET /%C3%A9 HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{"REQUEST_URI": "/%C3%A9", "PATH_INFO": "/\xc3\xa9"}},
		{"1.0 without a host", "GET / HTTP/1.0\r\n\r\n", map[string]string{
			"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "-", "SERVER_NAME": "site.example",
		}},
		{"host with a port", "GET / HTTP/1.1\r\nHost: Example.org:81\r\n\r\n", map[string]string{"HTTP_HOST": "Example.org:81", "SERVER_NAME": "Example.org"}},
		{"ipv6 host", "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", map[string]string{"HTTP_HOST": "[::1]:81", "SERVER_NAME": "[::1]"}},
		{"ipv6 host without a port", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", map[string]string{"HTTP_HOST": "[::1]", "SERVER_NAME": "[::1]"}},
		{"absolute form", "GET http://other:99/p?q HTTP/1.1\r\nHost: other:99\r\n\r\n", map[string]string{
			"REQUEST_URI": "/p?q", "PATH_INFO": "/p", "QUERY_STRING": "q", "HTTP_HOST": "other:99", "SERVER_NAME": "other",
		}},
		{"method", "PURGE / HTTP/1.1\r\nHost: h\r\n\r\n", map[string]string{"REQUEST_METHOD": "PURGE"}},
		{
			"names", "GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nX_Two: 2\r\nX.Three: 3\r\nProxy: evil\r\nPROXY: evil\r\nx-FOUR: 4\r\n\r\n",
			map[string]string{"HTTP_X_ONE": "1", "HTTP_X_FOUR": "4"},
		},
		{"underscore beside hyphen", "GET / HTTP/1.1\r\nHost: h\r\nX_A: evil\r\nX-A: good\r\n\r\n", map[string]string{"HTTP_X_A": "good"}},
		{
			"repeats", "GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\nCookie: c=1\r\nB: b\r\naccept: x\r\ncookie: d=2\r\nACCEPT:\r\n\r\n",
			map[string]string{"HTTP_ACCEPT": "a, x, ", "HTTP_COOKIE": "c=1; d=2", "HTTP_B": "b"},
		},
		{
			"content fields", "POST / HTTP/1.1\r\nHost: h\r\ncontent-type: text/x\r\nContent-Length: 3\r\n\r\n",
			map[string]string{"REQUEST_METHOD": "POST", "CONTENT_TYPE": "text/x"},
		},
		{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", map[string]string{"REQUEST_METHOD": "POST"}},
		{"latin-1", "GET / HTTP/1.1\r\nHost: h\r\nA: caf\xe9\r\n\r\n", map[string]string{"HTTP_A": "caf\xe9"}},
	}
	f := newFront(t, func(s *site.Site) { s.ServerName = "site.example" })
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now().UnixMicro()
			got := environOf(t, sessionFor(t, f, test.request))
			start, err := strconv.ParseInt(got["mod_wsgi.request_start"], 10, 64)
			if err != nil || start < began || start > time.Now().UnixMicro() {
				t.Errorf("mod_wsgi.request_start %q", got["mod_wsgi.request_start"])
			}
			if !validID([]byte(got["mod_wsgi.request_id"])) {
				t.Errorf("mod_wsgi.request_id %q", got["mod_wsgi.request_id"])
			}
			delete(got, "mod_wsgi.request_start")
			delete(got, "mod_wsgi.request_id")
			want := maps.Clone(common)
			maps.Copy(want, test.change)
			maps.DeleteFunc(want, func(_, v string) bool { return v == "-" })
			if !maps.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestEnvironOfUnixPeer(t *testing.T) {
	f := newFront(t, nil)
	s := sessionFor(t, f, "GET / HTTP/1.1\r\nHost: h:99\r\n\r\n")
	s.conn.Listener, s.conn.Remote, s.conn.Port = &http1.Listener{Unix: true}, netip.AddrPort{}, ""
	got := environOf(t, s)
	if got["SERVER_PORT"] != "99" || got["REMOTE_ADDR"] != "" {
		t.Errorf("port %q, address %q", got["SERVER_PORT"], got["REMOTE_ADDR"])
	}
	if _, there := got["REMOTE_PORT"]; there {
		t.Error("there is a REMOTE_PORT")
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name, id        string
		trusted, unix   bool
		trustUnix, kept bool
	}{
		{name: "not trusted", id: "abc"},
		{name: "trusted", id: "abc-1._=+/:@", trusted: true, kept: true},
		{name: "trusted but invalid", id: "a b", trusted: true},
		{name: "trusted but long", id: strings.Repeat("x", 129), trusted: true},
		{name: "trusted and just not long", id: strings.Repeat("x", 128), trusted: true, kept: true},
		{name: "unix, not trusted", id: "abc", unix: true, trusted: true},
		{name: "unix, trusted", id: "abc", unix: true, trustUnix: true, kept: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFront(t, func(s *site.Site) {
				s.Policy.TrustedProxies.Unix = test.trustUnix
				if test.trusted {
					s.Policy.TrustedProxies.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
				}
			})
			s := sessionFor(t, f, "GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: "+test.id+"\r\n\r\n")
			if test.unix {
				s.conn.Listener, s.conn.Remote, s.conn.Port = &http1.Listener{Unix: true}, netip.AddrPort{}, ""
			}
			got := environOf(t, s)
			id := got["mod_wsgi.request_id"]
			if (id == test.id) != test.kept || got["HTTP_X_REQUEST_ID"] != id {
				t.Errorf("id %q, HTTP_X_REQUEST_ID %q", id, got["HTTP_X_REQUEST_ID"])
			}
		})
	}
}

func TestRequestIDsAreUnique(t *testing.T) {
	made := newIDs()
	seen := map[string]bool{}
	for range 100_000 {
		id := string(made.append(nil))
		if len(id) != 16 || seen[id] {
			t.Fatalf("id %q, seen before: %v", id, seen[id])
		}
		seen[id] = true
	}
}

const browser = "GET /blog/post/1?page=2 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, br\r\n" +
	"Cookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n"

// BenchmarkEnviron is the front end's work for a usual request of a browser.
func BenchmarkEnviron(b *testing.B) {
	f := newFront(b, nil)
	s := sessionFor(b, f, browser)
	frame := f.frames.get()
	b.ReportAllocs()
	for b.Loop() {
		s.build(b, frame)
	}
}

func TestEnvironDoesNotAllocate(t *testing.T) {
	f := newFront(t, nil)
	s := sessionFor(t, f, browser)
	frame := f.frames.get()
	if n := testing.AllocsPerRun(100, func() { s.build(t, frame) }); n > 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

// build does what handle does until the request is submitted.
func (s *session) build(t testing.TB, frame *group.Frame) {
	s.begin()
	if status, _, _ := s.objection(); status != 0 {
		t.Fatal(status)
	}
	s.buildEnviron(frame)
}
