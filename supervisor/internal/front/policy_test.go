package front

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// policyFront serves a site of one mount with the keys of text.
func policyFront(t testing.TB, text string) *Front {
	t.Helper()
	parsed, err := site.Parse("test", "test.toml", []byte(text+"\n[[mount]]\npath = \"/\"\nmodule = \"a\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return newFront(t, func(s *site.Site) {
		s.Mounts, s.Locations, s.Policy = parsed.Mounts, parsed.Locations, parsed.Policy
	})
}

// TestRefusals: what the keys of a place do not let pass.
func TestRefusals(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	tests := []struct {
		name, keys, request string
		status              int
	}{
		{"chunked", "", chunked, 0},
		{"no chunked", "chunked-request = false", chunked, 411},
		{"no chunked, but a length", "chunked-request = false", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", 0},
		{"odd names", "", "GET / HTTP/1.1\r\nHost: h\r\nX_A: 1\r\n\r\n", 0},
		{"odd names refused", `underscore-headers = "refuse"`, "GET / HTTP/1.1\r\nHost: h\r\nX_A: 1\r\n\r\n", 400},
		{"a dot refused", `underscore-headers = "refuse"`, "GET / HTTP/1.1\r\nHost: h\r\nX-A.b: 1\r\n\r\n", 400},
		{"usual names", `underscore-headers = "refuse"`, "GET / HTTP/1.1\r\nHost: h\r\nX-A-1: 1\r\n\r\n", 0},
		{"allowed", `allow = "192.0.2.0/24"`, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
		{"not allowed", `allow = "198.51.100.0/24"`, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 403},
		{"denied", `deny = "192.0.2.7"`, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 403},
		{
			"denied behind a proxy", "deny = \"203.0.113.9\"\ntrusted-proxies = \"192.0.2.7\"\ntrusted-proxy-headers = \"X-Real-IP\"",
			"GET / HTTP/1.1\r\nHost: h\r\nX-Real-IP: 203.0.113.9\r\n\r\n", 403,
		},
		{
			"denied in spite of what it says", "deny = \"192.0.2.7\"\ntrusted-proxies = \"10.0.0.1\"\ntrusted-proxy-headers = \"X-Real-IP\"",
			"GET / HTTP/1.1\r\nHost: h\r\nX-Real-IP: 203.0.113.9\r\n\r\n", 403,
		},
		{"denied before anything else", "deny = \"all\"\nchunked-request = false", chunked, 403},
		{"in the location", "[[location]]\npath = \"/in\"\nchunked-request = false", "POST /in/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
		{"outside of the location", "[[location]]\npath = \"/in\"\nchunked-request = false", chunked, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := sessionFor(t, policyFront(t, test.keys), test.request)
			s.begin()
			if status, text, _ := s.objection(); status != test.status {
				t.Errorf("%d %s, want %d", status, text, test.status)
			}
		})
	}
}

// TestUnknownClients: "unix" is for whoever connects to a UNIX socket, not for clients of
// whom nothing is known.
func TestUnknownClients(t *testing.T) {
	f := policyFront(t, `allow = "unix"`)
	for vars, status := range map[string]int{"REMOTE_ADDR=unix:\n": 403, "REMOTE_ADDR=192.0.2.7\n": 403} {
		s := gatewaySession(t, f, "REQUEST_METHOD=GET\nREQUEST_URI=/\nPATH_INFO=/\nHTTP_HOST=h\n"+vars)
		s.begin()
		if got, text, _ := s.objection(); got != status {
			t.Errorf("%s: %d %s, want %d", vars, got, text, status)
		}
	}
	s := sessionFor(t, f, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	s.conn.Listener, s.conn.Remote = &http1.Listener{Unix: true}, netip.AddrPort{}
	s.begin()
	if status, text, _ := s.objection(); status != 0 {
		t.Errorf("at a UNIX socket: %d %s", status, text)
	}
}

// TestEnvironByPolicy: what the keys of a place change in the environ.
func TestEnvironByPolicy(t *testing.T) {
	const credentials = "Authorization: Basic eDp5\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
	const get, head = "GET / HTTP/1.1\r\nHost: h\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n"
	tests := []struct {
		name, keys, request string
		key, want           string // "-": it is not there
	}{
		{"authorization", "", get + credentials, "HTTP_AUTHORIZATION", "Basic eDp5"},
		{"authorization hidden", "pass-authorization = false", get + credentials, "HTTP_AUTHORIZATION", "-"},
		{"proxy authorization", "", get + credentials, "HTTP_PROXY_AUTHORIZATION", "-"},
		{"head", "", head + "\r\n", "REQUEST_METHOD", "HEAD"},
		{"head, never", `map-head-to-get = "off"`, head + "\r\n", "REQUEST_METHOD", "HEAD"},
		{"head, always", `map-head-to-get = "on"`, head + "\r\n", "REQUEST_METHOD", "GET"},
		{"another method", `map-head-to-get = "on"`, "PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "REQUEST_METHOD", "PUT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := environOf(t, sessionFor(t, policyFront(t, test.keys), test.request))
			got, there := e[test.key]
			if !there {
				got = "-"
			}
			if got != test.want {
				t.Errorf("%s is %q, want %q", test.key, got, test.want)
			}
		})
	}
}

// TestReloadOfPolicy: a connection that was there before a reload goes by the new keys
// with its next request.
func TestReloadOfPolicy(t *testing.T) {
	f := policyFront(t, `deny = "all"`)
	conn, err := net.Dial("tcp", serveAt(t, f, "tcp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(within))
	reader := bufio.NewReader(conn)
	const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	for _, step := range []struct {
		request string
		want    int
	}{{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 403}, {chunked, 411}} {
		if _, err := io.WriteString(conn, step.request); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != step.want {
			t.Errorf("status %d, %v, want %d", r.StatusCode, err, step.want)
		}
		next, err := site.Parse("test", "test.toml", []byte("chunked-request = false\n[[mount]]\npath = \"/\"\nmodule = \"a\"\n"))
		if err != nil {
			t.Fatal(err)
		}
		install, err := f.Prepare(next, f.options.Groups)
		if err != nil {
			t.Fatal(err)
		}
		install()
	}
}
