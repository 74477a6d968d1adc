package front

import (
	"bytes"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// TestForwarded: what the environ has when the fields of a request tell of it. The peer
// is 192.0.2.7.
func TestForwarded(t *testing.T) {
	const trusted, unknown = "192.0.2.7", "198.51.100.1"
	tests := []struct {
		name    string
		headers string // listed ones, space-separated
		proxies string
		fields  string // of the request, separated by "|"
		want    map[string]string
	}{
		{"nothing listed", "", trusted, "X-Forwarded-For: 1.1.1.1|X-Forwarded-Proto: https", map[string]string{
			"REMOTE_ADDR": trusted, "HTTP_X_FORWARDED_FOR": "1.1.1.1", "HTTP_X_FORWARDED_PROTO": "https", "wsgi.url_scheme": "http",
		}},
		{"listed, peer not trusted", "X-Forwarded-For X-Forwarded-Proto", unknown, "X-Forwarded-For: 1.1.1.1|X-Real-IP: 2.2.2.2|X-Forwarded-SSL: on|X-Forwarded-Host: x", map[string]string{
			"REMOTE_ADDR": trusted, "HTTP_X_FORWARDED_FOR": "-", "HTTP_X_REAL_IP": "-", "HTTP_X_FORWARDED_SSL": "-", "wsgi.url_scheme": "http",
			"HTTP_X_FORWARDED_HOST": "x", "HTTP_HOST": "h",
		}},
		{"client", "x-forwarded-for", trusted, "X-FORWARDED-FOR: 1.1.1.1", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "REMOTE_PORT": "-", "HTTP_X_FORWARDED_FOR": "1.1.1.1",
		}},
		{"made up before the client", "X-Forwarded-For", trusted, "X-Forwarded-For: 6.6.6.6, 1.1.1.1", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1",
		}},
		{"behind two proxies", "X-Forwarded-For", trusted + " 10.0.0.0/8", "X-Forwarded-For: 6.6.6.6, 10.9.9.9, 1.1.1.1 , 10.0.0.1", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1 , 10.0.0.1",
		}},
		{"all trusted", "X-Forwarded-For", "all", "X-Forwarded-For: 1.1.1.1,2.2.2.2, 3.3.3.3", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1,2.2.2.2, 3.3.3.3",
		}},
		{"empty elements", "X-Forwarded-For", trusted, "X-Forwarded-For: , 1.1.1.1 ,, ", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1 ,,",
		}},
		{"in several fields", "X-Forwarded-For", trusted + " 10.0.0.1", "X-Forwarded-For: 6.6.6.6|A: b|X-Forwarded-For: 1.1.1.1|x-forwarded-for: 10.0.0.1", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 10.0.0.1", "HTTP_A": "b",
		}},
		{"no address", "X-Forwarded-For", trusted, "X-Forwarded-For: unknown", map[string]string{
			"REMOTE_ADDR": trusted, "REMOTE_PORT": "4711", "HTTP_X_FORWARDED_FOR": "-",
		}},
		{"no address behind a proxy", "X-Forwarded-For", trusted + " 10.0.0.1", "X-Forwarded-For: 1.1.1.1, _secret, 10.0.0.1", map[string]string{
			"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "10.0.0.1",
		}},
		{"empty", "X-Forwarded-For", trusted, "X-Forwarded-For:", map[string]string{"REMOTE_ADDR": trusted, "HTTP_X_FORWARDED_FOR": "-"}},
		{"with ports", "X-Forwarded-For", trusted + " 2001:db8::/32", "X-Forwarded-For: 1.1.1.1:55, [2001:db8::1]:443, 2001:db8::2", map[string]string{
			"REMOTE_ADDR": "1.1.1.1", "REMOTE_PORT": "55",
		}},
		{"ipv4 as ipv6", "X-Forwarded-For", trusted + " 10.0.0.1", "X-Forwarded-For: 1.1.1.1, ::ffff:10.0.0.1", map[string]string{"REMOTE_ADDR": "1.1.1.1"}},
		{"real ip", "X-Real-IP", trusted, "X-Real-IP: 2001:db8::5|X-Forwarded-For: 1.1.1.1|X-Client-IP: 3.3.3.3", map[string]string{
			"REMOTE_ADDR": "2001:db8::5", "HTTP_X_REAL_IP": "2001:db8::5", "HTTP_X_FORWARDED_FOR": "-", "HTTP_X_CLIENT_IP": "-",
		}},
		{"a list where one address belongs", "X-Client-IP", trusted, "X-Client-IP: 1.1.1.1, 2.2.2.2", map[string]string{"REMOTE_ADDR": trusted, "HTTP_X_CLIENT_IP": "-"}},
		{"the last listed counts", "X-Forwarded-For X-Real-IP", trusted, "X-Real-IP: 2.2.2.2|X-Forwarded-For: 1.1.1.1", map[string]string{
			"REMOTE_ADDR": "2.2.2.2", "HTTP_X_FORWARDED_FOR": "-", "HTTP_X_REAL_IP": "2.2.2.2",
		}},
		{"the last listed is not there", "X-Forwarded-For X-Real-IP", trusted, "X-Forwarded-For: 1.1.1.1", map[string]string{"REMOTE_ADDR": "1.1.1.1"}},

		{"https", "X-Forwarded-Proto", trusted, "X-Forwarded-Proto: HTTPS", map[string]string{
			"wsgi.url_scheme": "https", "REQUEST_SCHEME": "https", "HTTPS": "-", "HTTP_X_FORWARDED_PROTO": "HTTPS", "SERVER_PORT": "8080",
		}},
		{"http", "X-Forwarded-Scheme", trusted, "X-Forwarded-Scheme: http|X-Forwarded-Proto: https", map[string]string{
			"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_SCHEME": "http", "HTTP_X_FORWARDED_PROTO": "-",
		}},
		{"another scheme", "X-Scheme", trusted, "X-Scheme: ftp", map[string]string{"wsgi.url_scheme": "http", "HTTP_X_SCHEME": "-"}},
		{"flag on", "X-Forwarded-SSL", trusted, "X-Forwarded-SSL: On", map[string]string{"wsgi.url_scheme": "https"}},
		{"flag true", "X-HTTPS", trusted, "X-HTTPS: true", map[string]string{"wsgi.url_scheme": "https"}},
		{"flag 1", "X-Forwarded-HTTPS", trusted, "X-Forwarded-HTTPS: 1", map[string]string{"wsgi.url_scheme": "https"}},
		{"flag off", "X-Forwarded-HTTPS", trusted, "X-Forwarded-HTTPS: off", map[string]string{"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_HTTPS": "off"}},
		{"flag with a scheme", "X-Forwarded-HTTPS", trusted, "X-Forwarded-HTTPS: https", map[string]string{"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_HTTPS": "-"}},
		{"scheme made up by the client", "X-Forwarded-Proto", trusted, "X-Forwarded-Proto: https, http", map[string]string{
			"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": "http",
		}},
		{"scheme told by the proxy that was asked first", "X-Forwarded-For X-Forwarded-Proto", trusted + " 10.0.0.1", "X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.1|X-Forwarded-Proto: ftp, https, http", map[string]string{
			"wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "https",
		}},
		{"scheme told once for two proxies", "X-Forwarded-For X-Forwarded-Proto", trusted + " 10.0.0.1", "X-Forwarded-For: 1.1.1.1, 10.0.0.1|X-Forwarded-Proto: https", map[string]string{"wsgi.url_scheme": "https"}},

		{"host", "X-Forwarded-Host", trusted, "X-Forwarded-Host: www.example:8443|X-Host: x", map[string]string{
			"HTTP_HOST": "www.example:8443", "HTTP_X_FORWARDED_HOST": "www.example:8443", "HTTP_X_HOST": "-", "SERVER_NAME": "h", "SERVER_PORT": "8080",
		}},
		{"host, ipv6", "X-Host", trusted, "X-Host: [2001:db8::1]:80", map[string]string{"HTTP_HOST": "[2001:db8::1]:80"}},
		{"host in several fields", "X-Host", trusted, "X-Host: a|X-Host: b", map[string]string{"HTTP_HOST": "b", "HTTP_X_HOST": "b"}},
		{"no host", "X-Forwarded-Host", trusted, "X-Forwarded-Host: a/b", map[string]string{"HTTP_HOST": "h", "HTTP_X_FORWARDED_HOST": "-"}},
		{"no port of a host", "X-Forwarded-Host", trusted, "X-Forwarded-Host: a:x", map[string]string{"HTTP_HOST": "h"}},
		{"server", "X-Forwarded-Server", trusted, "X-Forwarded-Server: www.example", map[string]string{"SERVER_NAME": "www.example", "HTTP_HOST": "h"}},
		{"server with a port", "X-Forwarded-Server", trusted, "X-Forwarded-Server: www.example:1", map[string]string{"SERVER_NAME": "h", "HTTP_X_FORWARDED_SERVER": "-"}},
		{"port", "X-Forwarded-Port", trusted, "X-Forwarded-Port: 443", map[string]string{"SERVER_PORT": "443"}},
		{"no port", "X-Forwarded-Port", trusted, "X-Forwarded-Port: 65536", map[string]string{"SERVER_PORT": "8080", "HTTP_X_FORWARDED_PORT": "-"}},
		{"port 0", "X-Forwarded-Port", trusted, "X-Forwarded-Port: 0", map[string]string{"SERVER_PORT": "8080"}},

		{"script name", "X-Script-Name", trusted, "X-Script-Name: /shop%20a//b/|X-Forwarded-Script-Name: /x", map[string]string{
			"SCRIPT_NAME": "/shop a/b", "PATH_INFO": "/", "mod_wsgi.mount_point": "/shop a/b", "HTTP_X_FORWARDED_SCRIPT_NAME": "-",
		}},
		{"script name, root", "X-Forwarded-Script-Name", trusted, "X-Forwarded-Script-Name: /", map[string]string{"SCRIPT_NAME": "", "mod_wsgi.mount_point": ""}},
		{"script name, relative", "X-Script-Name", trusted, "X-Script-Name: shop", map[string]string{"SCRIPT_NAME": "", "mod_wsgi.mount_point": "-", "HTTP_X_SCRIPT_NAME": "-"}},
		{"script name with a zero byte", "X-Script-Name", trusted, "X-Script-Name: /a%00b", map[string]string{"SCRIPT_NAME": ""}},
		{"script name above the root", "X-Script-Name", trusted, "X-Script-Name: /../a", map[string]string{"SCRIPT_NAME": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := policyFront(t, "trusted-proxies = "+quotedWords(test.proxies)+"\ntrusted-proxy-headers = "+quotedWords(test.headers))
			request := "GET / HTTP/1.1\r\nHost: h\r\n" + strings.ReplaceAll(test.fields, "|", "\r\n") + "\r\n\r\n"
			e := environOf(t, sessionFor(t, f, request))
			for key, want := range test.want {
				got, there := e[key]
				if !there {
					got = "-"
				}
				if got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}

func quotedWords(words string) string {
	if words == "" {
		return "[]"
	}
	return `["` + strings.Join(strings.Fields(words), `", "`) + `"]`
}

// TestForwardedAtUnixSocket: the peer of a UNIX socket has no address, and its listener
// no port.
func TestForwardedAtUnixSocket(t *testing.T) {
	const headers = "\ntrusted-proxy-headers = [\"X-Forwarded-For\", \"X-Forwarded-Proto\", \"X-Forwarded-Host\"]"
	const request = "GET / HTTP/1.0\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\n\r\n"
	for proxies, want := range map[string]map[string]string{
		`["unix"]`:              {"REMOTE_ADDR": "1.1.1.1", "SERVER_PORT": "443", "HTTP_HOST": "www.example"},
		`"all"`:                 {"REMOTE_ADDR": "1.1.1.1", "SERVER_PORT": "443", "HTTP_HOST": "www.example"},
		`["0.0.0.0/0", "::/0"]`: {"REMOTE_ADDR": "", "SERVER_PORT": "80", "HTTP_HOST": ""},
	} {
		s := sessionFor(t, policyFront(t, "trusted-proxies = "+proxies+headers), request)
		s.conn.Listener, s.conn.Remote, s.conn.Port = &http1.Listener{Unix: true}, netip.AddrPort{}, ""
		got := environOf(t, s)
		maps.DeleteFunc(got, func(key, _ string) bool { _, asked := want[key]; return !asked })
		if want["HTTP_HOST"] == "" {
			delete(want, "HTTP_HOST")
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", proxies, got, want)
		}
	}
}

// TestForwardedIsForgotten: one request of a connection says nothing about the next.
func TestForwardedIsForgotten(t *testing.T) {
	f := policyFront(t, "trusted-proxies = \"192.0.2.7\"\ntrusted-proxy-headers = [\"X-Forwarded-For\", \"X-Forwarded-Proto\"]")
	s := sessionFor(t, f, "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n")
	environOf(t, s)
	limits := http1.DefaultLimits()
	if err := s.conn.Request.Parse([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &limits); err != nil {
		t.Fatal(err)
	}
	if e := environOf(t, s); e["REMOTE_ADDR"] != "192.0.2.7" || e["wsgi.url_scheme"] != "http" {
		t.Errorf("address %s, scheme %s", e["REMOTE_ADDR"], e["wsgi.url_scheme"])
	}
}

const proxied = "GET /blog/post/1?page=2 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example.org\r\n\r\n"

// BenchmarkEnvironForwarded is BenchmarkEnviron behind a proxy that is trusted.
func BenchmarkEnvironForwarded(b *testing.B) {
	f := policyFront(b, "trusted-proxies = \"192.0.2.7\"\ntrusted-proxy-headers = [\"X-Forwarded-For\", \"X-Forwarded-Proto\", \"X-Forwarded-Host\"]")
	s := sessionFor(b, f, proxied)
	frame := &group.Frame{}
	b.ReportAllocs()
	for b.Loop() {
		s.build(b, frame)
	}
}

// TestForwardedThroughGateway: what a gateway says of its client is believed as the
// gateway is; what that client says of others, only if it is a trusted proxy.
func TestForwardedThroughGateway(t *testing.T) {
	const vars = "REQUEST_METHOD=GET\nREQUEST_URI=/\nPATH_INFO=/\nSERVER_PORT=8000\nSERVER_NAME=gateway\nHTTP_HOST=inner\n" +
		"HTTP_X_FORWARDED_FOR=1.1.1.1\nHTTP_X_FORWARDED_PROTO=https\nHTTP_X_FORWARDED_PORT=443\nHTTP_X_FORWARDED_SERVER=outer\n"
	f := policyFront(t, "trusted-proxies = [\"10.0.0.1\", \"unix\"]\n"+
		"trusted-proxy-headers = [\"X-Forwarded-For\", \"X-Forwarded-Proto\", \"X-Forwarded-Port\", \"X-Forwarded-Server\"]")
	told := map[string]string{"REMOTE_ADDR": "1.1.1.1", "wsgi.url_scheme": "https", "SERVER_PORT": "443", "SERVER_NAME": "outer"}
	for client, want := range map[string]map[string]string{
		"REMOTE_ADDR=10.0.0.1\n": told,
		"REMOTE_ADDR=10.0.0.2\n": {"REMOTE_ADDR": "10.0.0.2", "wsgi.url_scheme": "http", "SERVER_PORT": "8000", "SERVER_NAME": "gateway"},
		"REMOTE_ADDR=unix:\n":    {"REMOTE_ADDR": "", "wsgi.url_scheme": "http", "SERVER_PORT": "8000", "SERVER_NAME": "gateway"},
	} {
		e := environOf(t, gatewaySession(t, f, vars+client))
		for key, value := range want {
			if e[key] != value {
				t.Errorf("%.20q: %s is %q, want %q", client, key, e[key], value)
			}
		}
	}
}

// TestPolicyDoesNotAllocate: keys that only compare cost a request no memory.
func TestPolicyDoesNotAllocate(t *testing.T) {
	f := policyFront(t, "deny = \"192.0.2.0/24\"\nallow = [\"192.0.2.7\", \"unix\"]\npass-authorization = false\nunderscore-headers = \"refuse\"\n"+
		"chunked-request = false\nmap-head-to-get = \"on\"\nignore-activity = true")
	s := sessionFor(t, f, browser)
	frame := f.frames.get()
	if n := testing.AllocsPerRun(100, func() { s.build(t, frame) }); n > 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

// FuzzForwardedFor: whatever a list says, the client is an address of it, and everything
// behind it is a proxy that is trusted: nothing that stands before a stranger counts.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"1.1.1.1", "6.6.6.6, 1.1.1.1, 10.0.0.1", ",,", "10.0.0.1,10.0.0.2", "[::1]:80, 10.0.0.1:9", "a, 10.0.0.1", "10.0.0.1, ,1.1.1.1,", "::ffff:10.0.0.1"} {
		f.Add([]byte(seed))
	}
	rules := &forwarding{proxies: &site.Peers{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	f.Fuzz(func(t *testing.T, list []byte) {
		rest, client, behind := rules.walk(list)
		if !client.IsValid() {
			if len(rest) > 0 || behind > 0 {
				t.Fatalf("no client, and yet %q with %d proxies", rest, behind)
			}
			return
		}
		if !bytes.HasSuffix(bytes.TrimSpace(list), rest) {
			t.Fatalf("%q is not the end of %q", rest, list)
		}
		proxies := -1 // the first is the client
		for element := range bytes.SplitSeq(rest, []byte(",")) {
			if element = bytes.TrimSpace(element); len(element) == 0 {
				continue
			}
			address := parseClient(element)
			if proxies < 0 && address != client || proxies >= 0 && rules.proxies.Match(address.Addr(), false) < 0 {
				t.Fatalf("%q of %q: the client is %v", element, rest, client)
			}
			proxies++
		}
		if proxies != behind {
			t.Fatalf("%q has %d proxies, not %d", rest, proxies, behind)
		}
	})
}
