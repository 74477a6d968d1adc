package front

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

const redirectSite = `response-headers = "X-Own: 1"
[[mount]]
path = "/"
module = "a"
[[redirect]]
path = "/old"
to = "/new"
status = 301
[[redirect]]
path = "/away"
to = "https://www.example.org"
status = 308
[[redirect]]
path = "/slash"
to = "https://www.example.org:8443/"
host = ["h", "*.example.org", "[::1]"]
[[redirect]]
path-match = "^/index\\.php$"
query-match = "(?:^|&)id=(?P<id>[^&]*)"
to = "/articles/${id}"
query = "drop"
[[redirect]]
path-match = "^/find/(.*)$"
to = "/search?q=$1"
query = "append"
status = 303
[[redirect]]
path-match = "^/tag/(.*)$"
to = "/tags?tag=$1#top"
status = 307
[[redirect]]
path-match = "^/evil/?(.*)$"
to = "/$1"
[[redirect]]
path = "/posted"
method = "POST"
to = "/done"
status = 303
[[redirect]]
path = "/gone"
status = 410
[[redirect]]
path-match = "\\.cgi$"
status = 404
[[redirect]]
path = "/got"
method = "GET"
to = "/done?"
[[redirect]]
path-match = "^/optional(/x)?"
to = "/o$1${1}$0"
`

// TestRedirects: which requests are answered with which address.
func TestRedirects(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, redirectSite) })
	address := serveAt(t, f, "tcp")
	for _, test := range []struct {
		request  string // method, target and host
		status   int    // 0: none of the redirects
		location string
	}{
		{"GET /old h", 301, "/new"},
		{"GET /old/a/b?c=d h", 301, "/new/a/b?c=d"},
		{"POST /old/ h", 301, "/new/"},
		{"GET /older h", 0, ""},
		{"GET //x/../old/%61%20b%2f%3F%23 h", 301, "/new/a%20b/%3F%23"},
		{"GET /old/%0d%0aSet-Cookie:%20a=b h", 301, "/new/%0D%0ASet-Cookie:%20a=b"},
		{"GET /old/caf%C3%A9%5c h", 301, "/new/caf%C3%A9%5C"},
		{"GET /old?a%20b|\\ h", 301, "/new?a%20b|%5C"},
		{"GET /old? h", 301, "/new?"},
		{"GET /away h", 308, "https://www.example.org"},
		{"GET /away?a h", 308, "https://www.example.org?a"},
		{"GET /away/.evil.example/@x h", 308, "https://www.example.org/.evil.example/@x"},
		{"GET /slash h", 302, "https://www.example.org:8443/"},
		{"GET /slash/a h:81", 302, "https://www.example.org:8443/a"},
		{"GET /slash/a A.b.Example.ORG", 302, "https://www.example.org:8443/a"},
		{"GET /slash/a example.org", 0, ""},
		{"GET /slash/a badexample.org", 0, ""},
		{"GET /slash/a [0::1]:80", 302, "https://www.example.org:8443/a"},
		{"GET /index.php?a=b&id=7 h", 302, "/articles/7"},
		{"GET /index.php?id=%2e%2e%2fx%0d%0a?y+z h", 302, "/articles/../x%0D%0A%3Fy+z"},
		{"GET /index.php?identity=7 h", 0, ""},
		{"GET /index.php h", 0, ""},
		{"GET /find/a%26b=c%20d/e?x=y h", 303, "/search?q=a%26b%3Dc%20d/e&x=y"},
		{"GET /find/ h", 303, "/search?q="},
		{"GET /tag/a?x h", 307, "/tags?tag=a#top"},
		{"GET /evil/evil.example h", 302, "/evil.example"},
		{"GET /evil%2f%2fevil.example h", 302, "/evil.example"},
		{"GET /evil/%5cevil.example h", 302, "/%5Cevil.example"},
		{"GET /evil/%09/evil.example h", 302, "/%09/evil.example"},
		{"GET /evil h", 302, "/"},
		{"POST /posted h", 303, "/done"},
		{"GET /posted h", 0, ""},
		{"HEAD /got?x h", 302, "/done?"},
		{"GET /gone/x?y h", 410, ""},
		{"GET /a.cgi h", 404, ""},
		{"GET /a.cgis h", 0, ""},
		{"POST /got h", 0, ""},
		{"GET /optional h", 302, "/o/optional"},
		{"GET /optional/x h", 302, "/o/x/x/optional/x"},
	} {
		method, rest, _ := strings.Cut(test.request, " ")
		target, host, _ := strings.Cut(rest, " ")
		request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, target, host)
		if test.status == 0 {
			s := sessionFor(t, f, request)
			s.begin()
			if status, _, fields := s.objection(); status != 0 || s.rewritten != nil {
				t.Errorf("%s: %d %s, want none of the redirects", test.request, status, fields)
			}
			continue
		}
		r, _ := ask(t, address, request)
		if got := r.Header.Get("Location"); r.StatusCode != test.status || got != test.location || r.Header.Get("X-Own") != "1" {
			t.Errorf("%s: %s to %q, want %d to %q", test.request, r.Status, got, test.status, test.location)
		}
	}
}

const rewriteSite = `limit-request-body = 1
[[mount]]
path = "/"
module = "a"
[[mount]]
path = "/app"
module = "a"
limit-request-body = 2
[[redirect]]
path = "/gone"
to = "/moved"
[[rewrite]]
path = "/first"
to = "/second"
[[rewrite]]
path = "/second"
to = "/app/third"
[[rewrite]]
path = "/old"
to = "/gone"
[[rewrite]]
path-match = "^/users/(?P<name>[^/]+)(.*)$"
to = "/app/${name}$2?user=${name}"
query = "append"
last = true
[[rewrite]]
path-match = "^/app/last"
to = "/not/reached"
[[rewrite]]
path-match = "^/page$"
query-match = "p=(?P<p>[^&]*)"
to = "/app/${p}"
query = "drop"
[[rewrite]]
path-match = "^/decoded/(.*)"
to = "/app/%C3%A9%20/$1"
[[rewrite]]
path-match = "^/up/(.*)"
to = "/$1./x"
[[rewrite]]
path-match = "^/grow/(.*)"
to = "/$1$1$1$1$1$1$1$1$1$1$1$1"
[[rewrite]]
path = "/host"
host = "other"
to = "/app"
[[location]]
path = "/app/third/deep"
limit-request-body = 3
`

// TestRewrites: the place is that of the new path, and the application gets it with the
// old one beside it.
func TestRewrites(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, rewriteSite) })
	for _, test := range []struct {
		target, script, info, query string
		old, oldQuery               string // "-": not there
		limit                       int64
	}{
		{"/x?a", "", "/x", "a", "-", "-", 1},
		{"/first/a%20b?c=d", "/app", "/third/a b", "c=d", "/first/a b", "c=d", 2},
		{"/second/deep", "/app", "/third/deep", "", "/second/deep", "-", 3},
		{"/old/x", "", "/gone/x", "", "/old/x", "-", 1},
		{"/users/joe/x?a=b", "/app", "/joe/x", "user=joe&a=b", "/users/joe/x", "a=b", 2},
		{"/users/last?", "/app", "/last", "user=last", "/users/last", "", 2},
		{"/users/a%26b", "/app", "/a&b", "user=a%26b", "/users/a&b", "-", 2},
		{"/page?p=a%2fb%20c+d", "/app", "/a/b c+d", "", "/page", "p=a%2fb%20c+d", 2},
		{"/page?p=../app/x", "/app", "/x", "", "/page", "p=../app/x", 2},
		{"/decoded/%C3%BC", "/app", "/\xc3\xa9 /\xc3\xbc", "", "/decoded/\xc3\xbc", "-", 2},
		{"/up/app/", "/app", "/x", "", "/up/app/", "-", 2},
		{"/host", "", "/host", "", "-", "-", 1},
	} {
		s := sessionFor(t, f, "GET "+test.target+" HTTP/1.1\r\nHost: h\r\n\r\n")
		e := environOf(t, s)
		value := func(key string) string {
			if v, found := e[key]; found {
				return v
			}
			return "-"
		}
		got := []string{e["SCRIPT_NAME"], e["PATH_INFO"], e["QUERY_STRING"], value("REDIRECT_URL"), value("REDIRECT_QUERY_STRING")}
		if want := []string{test.script, test.info, test.query, test.old, test.oldQuery}; !slices.Equal(got, want) || s.place.policy.RequestBody != test.limit {
			t.Errorf("%s: %q, limit %d, want %q, limit %d", test.target, got, s.place.policy.RequestBody, want, test.limit)
		}
		if e["REQUEST_URI"] != test.target || (value("REDIRECT_STATUS") == "200") != (value("REDIRECT_URL") != "-") {
			t.Errorf("%s: REQUEST_URI %q, REDIRECT_STATUS %q", test.target, e["REQUEST_URI"], value("REDIRECT_STATUS"))
		}
	}
	for target, want := range map[string]int{
		"/page?p=/../../x": 400, "/page?p=%00": 400, "/grow/" + strings.Repeat("x", 7000): 414, "/gone/x": 302,
	} {
		s := sessionFor(t, f, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
		s.begin()
		if status, _, _ := s.objection(); status != want {
			t.Errorf("%.40s: %d, want %d", target, status, want)
		}
	}
}

// TestRewriteOfGateway: what a gateway says of an earlier address is not said twice.
func TestRewriteOfGateway(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, rewriteSite) })
	for path, want := range map[string]string{"/first": "/first", "/x": "theirs"} {
		e := environOf(t, gatewaySession(t, f, "REQUEST_METHOD=GET\nPATH_INFO="+path+"\nREQUEST_URI="+path+"\nQUERY_STRING=\nHTTP_HOST=h\nREDIRECT_URL=theirs\n"))
		if e["REDIRECT_URL"] != want {
			t.Errorf("%s: REDIRECT_URL is %q, want %q", path, e["REDIRECT_URL"], want)
		}
	}
}

// TestRewriteToFiles: static files are found by the new path, and a directory is told by
// the address that the client has.
func TestRewriteToFiles(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "", `[[rewrite]]
path-match = "^/short(/?)$"
to = "/s/sub"
[[rewrite]]
path = "/files"
to = "/s"
`)
	for target, want := range map[string]string{
		"/files/a.txt?x": "200 0123456789", "/files/none": "404 ", "/files/sub?a": "301 ./sub/?a", "/short": "301 ./short/", "/short/": "200 <p>index</p>",
	} {
		r, body := ask(t, address, get(target, ""))
		if r.StatusCode == 301 {
			body = r.Header.Get("Location")
		}
		if r.StatusCode == 404 {
			body = ""
		}
		if got := fmt.Sprintf("%d %s", r.StatusCode, body); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// FuzzReroute: whatever is asked for, what clients are sent to is an address at the host
// that the site file names, in one line of ASCII, and what a request goes on with is a
// clean path, or it is refused.
func FuzzReroute(f *testing.F) {
	for _, seed := range []string{"/old/x?y", "/evil/%2f%2fevil.example", "/away/@x", "/find/a&b?c", "/users/joe/..%2f?x", "/page?p=..%2f%00", "/up/../.", "/index.php?id=%0d%0a", "/first/%5c"} {
		target, query, _ := strings.Cut(seed, "?")
		f.Add(target, query)
	}
	parsed := parseSite(f, strings.Replace(rewriteSite, "[[redirect]]", redirectSite[strings.Index(redirectSite, "[[redirect]]"):]+"[[redirect]]", 1))
	front := newFront(f, func(s *site.Site) { *s = *parsed })
	f.Fuzz(func(t *testing.T, path, query string) {
		s := sessionFor(t, front, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		s.begin()
		var err error
		if s.path, err = cleanDecoded(nil, []byte("/"+path)); err != nil || strings.Contains(path, "\x00") {
			return // the engine lets none through
		}
		s.conn.Request.Query = []byte(query)
		s.vhost = s.names.find(s.conn.Request.Host)
		status, _, fields := s.reroute()
		switch {
		case status == 0:
			again, err := cleanDecoded(nil, s.path)
			if err != nil || !bytes.Equal(again, s.path) || s.path[0] != '/' || bytes.IndexByte(s.path, 0) >= 0 {
				t.Errorf("%q?%q became %q", path, query, s.path)
			}
		case status == 400 || status == 414:
		default:
			checkLocation(t, strings.TrimSuffix(strings.TrimPrefix(fields, "Location: "), "\r\n"))
		}
	})
}

func checkLocation(t *testing.T, location string) {
	t.Helper()
	if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		t.Errorf("%q has characters that are none of an address", location)
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		t.Errorf("%q is no address: %v", location, err)
	case u.Host == "" && (u.Scheme != "" || strings.HasPrefix(location, "//") || location[0] != '/'):
		t.Errorf("%q is no path", location)
	case u.Host != "" && (u.Scheme != "https" || u.User != nil || u.Host != "www.example.org" && u.Host != "www.example.org:8443"):
		t.Errorf("%q leads to another host", location)
	}
}
