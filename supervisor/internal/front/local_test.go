package front

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

const localSite = `
[[mount]]
path = "/"
module = "a"
application-group = ""
[[mount]]
path = "/blog"
module = "b"
application-group = ""
pass-authorization = false
[[mount]]
path-match = "^/match/([a-z]+)"
script = "/srv/$1.py"
application-group = ""
[[location]]
path = "/blog/members"
auth-type = "digest"
auth-name = "x"
auth-user-script = "/srv/u.py"
require = "valid-user"
[[location]]
path = "/denied"
deny = "all"
[[redirect]]
path = "/redirected"
to = "/elsewhere"
`

// answered is a request that the application has answered with a Location.
func answered(t *testing.T, f *Front, request, location string) *local {
	t.Helper()
	s := sessionFor(t, f, request)
	s.begin()
	if status, text, _ := s.objection(); status != 0 {
		t.Fatalf("%d %s", status, text)
	}
	frame := &group.Frame{}
	s.buildEnviron(frame)
	s.exchange.Frame, s.exchange.Environ = frame, len(frame.Bytes)-wire.HeaderSize
	s.goesLocal([]byte(location))
	return s.local.Load()
}

// TestLocalEnviron: the application at the location sees GET, its own path, and nothing of
// the body; what it is told of the client stays.
func TestLocalEnviron(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, localSite) })
	const request = "POST /first/a%20b?c=d HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nAuthorization: Digest x\r\nX-Own: 1\r\n\r\n"
	same := map[string]string{
		"REQUEST_METHOD": "GET", "REQUEST_URI": "/first/a%20b?c=d", "HTTP_X_OWN": "1", "HTTP_HOST": "h", "REMOTE_ADDR": "192.0.2.7",
		"REDIRECT_URL": "/first/a b", "REDIRECT_QUERY_STRING": "c=d", "REDIRECT_STATUS": "200", "CONTENT_TYPE": "-", "CONTENT_LENGTH": "-",
		"wsgid.authorization": "-", "wsgid.method": "-", "wsgid.path": "-", "HTTP_AUTHORIZATION": "Digest x",
	}
	for location, change := range map[string]map[string]string{
		"/x%20y/../z?q=%20#top": {"SCRIPT_NAME": "", "PATH_INFO": "/z", "QUERY_STRING": "q=%20", applicationKey: "0"},
		"//evil.example/x":      {"SCRIPT_NAME": "", "PATH_INFO": "/evil.example/x", "QUERY_STRING": ""},
		"/redirected":           {"PATH_INFO": "/redirected"},
		"/blog/x":               {"SCRIPT_NAME": "/blog", "PATH_INFO": "/x", applicationKey: "1", "HTTP_AUTHORIZATION": "-"},
		"/blog/members":         {"SCRIPT_NAME": "/blog", "PATH_INFO": "/members", "HTTP_AUTHORIZATION": "-", "wsgid.authorization": "Digest x", "wsgid.method": "POST"},
		"/match/one/two":        {"SCRIPT_NAME": "/match/one", "PATH_INFO": "/two", "wsgid.path": "/one.py/two", applicationKey: "2"},
	} {
		l := answered(t, f, request, location)
		if status, text := l.locate(); status != 0 {
			t.Errorf("%s: %d %s", location, status, text)
			continue
		}
		e := decode(t, l.appendEnviron(nil))
		want := maps.Clone(same)
		maps.Copy(want, change)
		for _, key := range slices.Sorted(maps.Keys(want)) {
			got, found := e[key]
			if !found {
				got = "-"
			}
			if got != want[key] {
				t.Errorf("%s: %s is %q, want %q", location, key, got, want[key])
			}
		}
		if _, found := e["wsgid.nonce-key"]; found != (location == "/blog/members") {
			t.Errorf("%s: wsgid.nonce-key %t", location, found)
		}
	}
}

// TestLocalRefused: a location that leads nowhere, or where the client may not go, and
// redirects without end.
func TestLocalRefused(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, localSite) })
	for location, want := range map[string]int{"/denied/x": 403, "/../x": 500, "/%": 500, "/a%00": 500, "/": 0} {
		if status, _ := answered(t, f, get("/first", ""), location).locate(); status != want {
			t.Errorf("%s: %d, want %d", location, status, want)
		}
	}
	l := answered(t, f, get("/first", ""), "/")
	for hops := 1; hops <= mostLocal; hops++ {
		if status, _ := l.locate(); status != 0 || l.hops != hops {
			t.Fatalf("redirect %d is number %d: %d", hops, l.hops, status)
		}
		frame := &group.Frame{}
		frame.Bytes = l.appendEnviron(make([]byte, wire.HeaderSize))
		l.exchange.Frame, l.exchange.Environ = frame, len(frame.Bytes)-wire.HeaderSize
		l.session.goesLocal([]byte("/"))
		l = l.session.local.Load()
	}
	if status, _ := l.locate(); status != 500 {
		t.Errorf("one redirect too many: %d, want 500", status)
	}
}

// TestLocalScript: what a proxy has said of a mount's place holds for that mount alone.
func TestLocalScript(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) {
		*s = *parseSite(t, "trusted-proxies = \"192.0.2.7\"\ntrusted-proxy-headers = \"X-Script-Name\"\n"+localSite)
	})
	for location, want := range map[string]string{"/x": "/outside", "/blog/x": "/blog"} {
		l := answered(t, f, get("/first", "X-Script-Name: /outside\r\n"), location)
		if status, text := l.locate(); status != 0 {
			t.Fatalf("%d %s", status, text)
		}
		e := decode(t, l.appendEnviron(nil))
		if e["SCRIPT_NAME"] != want || e["PATH_INFO"] != "/x" || e["REDIRECT_URL"] != "/outside/first" {
			t.Errorf("%s: SCRIPT_NAME %q, PATH_INFO %q, REDIRECT_URL %q", location, e["SCRIPT_NAME"], e["PATH_INFO"], e["REDIRECT_URL"])
		}
		if l.client != netip.MustParseAddrPort("192.0.2.7:4711") || !strings.HasPrefix(l.location, "/") {
			t.Errorf("%s: client %v", location, l.client)
		}
	}
}

// FuzzLocal: wherever an application leads, it is a clean path of the host, or refused.
func FuzzLocal(f *testing.F) {
	front := newFront(f, func(s *site.Site) { *s = *parseSite(f, localSite) })
	for _, seed := range []string{"/", "//x", "/..", "/%2e%2e/x", "/a?b#c", "/%00", "/\x00", "/blog/members?%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		if !strings.HasPrefix(location, "/") || strings.ContainsAny(location, "\x00\r\n") {
			return // no Location of a local redirect, or none at all
		}
		l := answered(t, front, get("/first", ""), location)
		if status, _ := l.locate(); status != 0 {
			return
		}
		e := decode(t, l.appendEnviron(nil))
		path := e["SCRIPT_NAME"] + e["PATH_INFO"]
		if again, err := cleanDecoded(nil, []byte(path)); err != nil || string(again) != path || !strings.HasPrefix(path, "/") {
			t.Errorf("%q became %q", location, path)
		}
	})
}
