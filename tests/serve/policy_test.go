package serve_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const policySite = `
underscore-headers = "refuse"

[group.main]
threads = 2

[[mount]]
path = "/"
script = {{app "environ.py"}}

[[location]]
path = "/hidden"
pass-authorization = false
underscore-headers = "drop"

[[location]]
path = "/hidden/old"
chunked-request = false
map-head-to-get = "on"
`

// TestPolicyByPath: keys of [[location]], over those of the top level, as an
// application sees their effect.
func TestPolicyByPath(t *testing.T) {
	t.Parallel()
	s := startSite(t, policySite)
	const credentials = "Authorization: Basic eDp5"
	s.ask(t, get("/", credentials)).assertValue(t, "HTTP_AUTHORIZATION", "Basic eDp5")
	hidden := s.ask(t, get("/hidden/x", credentials, "X_A: 1"))
	hidden.assertValue(t, "HTTP_AUTHORIZATION", nil)
	hidden.assertValue(t, "HTTP_X_A", nil)
	s.ask(t, get("/hidden/old", credentials)).assertValue(t, "HTTP_AUTHORIZATION", nil)

	const body = "3\r\nabc\r\n0\r\n\r\n"
	for _, test := range []struct {
		request string
		status  int
	}{
		{get("/", "X_A: 1"), http.StatusBadRequest},
		{head("POST", "/hidden", "Transfer-Encoding: chunked") + body, http.StatusOK},
		{head("POST", "/hidden/old/x", "Transfer-Encoding: chunked") + body, http.StatusLengthRequired},
	} {
		c := s.raw()
		c.send(test.request)
		a := c.response(http.MethodPost)
		if a.status != test.status {
			t.Errorf("%.30q: status %d, want %d: %s", test.request, a.status, test.status, a.body)
		}
		if a.status >= 400 && !strings.Contains(a.body, a.header.Get("X-Request-ID")) {
			t.Errorf("the page does not name the request id: %s", a.body)
		}
	}
}

const methodApplication = `
def application(environ, start_response):
    start_response("200 OK", [("X-Method", environ["REQUEST_METHOD"])])
    return [b"seven"]
`

// TestHeadAsGet: the application sees what map-head-to-get says, the client no body
// either way.
func TestHeadAsGet(t *testing.T) {
	t.Parallel()
	script := writeFile(t, t.TempDir(), "method.py", methodApplication)
	s := startSite(t, "[[mount]]\npath = \"/\"\nscript = \""+script+"\"\n[[location]]\npath = \"/get\"\nmap-head-to-get = \"on\"\n")
	for target, want := range map[string]string{"/": "HEAD", "/get": "GET", "/get/x": "GET", "/getter": "HEAD"} {
		c := s.raw()
		c.send(head("HEAD", target) + get("/"))
		a := c.response(http.MethodHead)
		if method := a.header.Get("X-Method"); method != want || a.header.Get("Content-Length") != "5" {
			t.Errorf("HEAD %s: the application saw %s, want %s; header %v", target, method, want, a.header)
		}
		if a := c.expect(http.StatusOK); a.body != "seven" {
			t.Errorf("HEAD %s: the next answer is %q", target, a.body)
		}
	}
}

const proxiedSite = `
trusted-proxies = ["127.0.0.1", "10.0.0.0/8"]
trusted-proxy-headers = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Script-Name"]
access-log = "-"
access-log-format = "json"

[[mount]]
path = "/"
script = {{app "environ.py"}}

[[location]]
path = "/strangers"
trusted-proxies = []
`

// TestTrustedProxies: an application behind a proxy sees the client and what that asked
// for, and so does the access log; where the proxy is not trusted, neither.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	s := startSite(t, proxiedSite)
	told := []string{
		"X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.1", "X-Real-IP: 6.6.6.6", "X-Forwarded-Proto: https",
		"X-Forwarded-Host: www.example", "X-Script-Name: /shop", "X-Request-ID: from-the-proxy",
	}
	for path, want := range map[string]map[string]any{
		"/cart": {
			"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "203.0.113.9, 10.0.0.1", "HTTP_X_REAL_IP": nil, "wsgi.url_scheme": "https", "HTTPS": nil,
			"HTTP_HOST": "www.example", "SCRIPT_NAME": "/shop", "PATH_INFO": "/cart", "mod_wsgi.request_id": "from-the-proxy",
		},
		"/strangers": {
			"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": nil, "HTTP_X_REAL_IP": nil, "wsgi.url_scheme": "http",
			"HTTP_HOST": "test", "SCRIPT_NAME": "", "HTTP_X_SCRIPT_NAME": nil,
		},
	} {
		e := s.ask(t, get(path, told...))
		for key, value := range want {
			e.assertValue(t, key, value)
		}
	}
	for _, part := range []string{`"remote_addr":"203.0.113.9"`, `"host":"www.example"`, `"remote_addr":"127.0.0.1"`} {
		inLog := func(lines []string) bool { return strings.Contains(strings.Join(lines, "\n"), part) }
		if !s.out.await(logWithin, inLog) {
			t.Errorf("the access log does not say %s:\n%s", part, s.out)
		}
	}
}

const guardedSite = `
[[mount]]
path = "/"
script = {{app "hello.py"}}

[[location]]
path = "/admin"
allow = "unix"

[[location]]
path = "/admin/local"
allow = ["unix", "127.0.0.0/8"]
deny = "127.0.0.9"
`

// TestAllowedClients: who is served depends on the path and the address, and whoever is
// not gets a page with the request's id.
func TestAllowedClients(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	s := startWith(t, launch{listeners: 2}, "--config", siteOf(t, guardedSite), "--listen", "127.0.0.1:0", "--listen", "unix:"+socket)
	for _, test := range []struct {
		from, path string
		status     int
	}{
		{s.address(), "/", http.StatusOK},
		{s.address(), "/admin", http.StatusForbidden},
		{s.address(), "//%61dmin/x", http.StatusForbidden},
		{s.address(), "/admin/local", http.StatusOK},
		{socket, "/admin", http.StatusOK},
		{socket, "/admin/local", http.StatusOK},
	} {
		c := rawTo(t, test.from)
		c.send(get(test.path))
		a := c.response(http.MethodGet)
		if a.status != test.status {
			t.Errorf("%s from %s: %d, want %d", test.path, test.from, a.status, test.status)
		}
		if id := a.header.Get("X-Request-ID"); a.status == http.StatusForbidden && (id == "" || !strings.Contains(a.body, id)) {
			t.Errorf("%s: the page does not name the request: %s", test.path, a.body)
		}
		if status := statusOverHTTP2(t, test.from, test.path); status != test.status {
			t.Errorf("%s from %s over HTTP/2: %d, want %d", test.path, test.from, status, test.status)
		}
	}
}

// statusOverHTTP2 asks without TLS.
func statusOverHTTP2(t *testing.T, address, path string) int {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialTo(ctx, address)
	}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: answerWithin}).Get("http://test" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode
}

// TestSlowRequest: a request that takes longer than slow-requests is logged while it
// runs, with what is needed to find it.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	s := startSite(t, "slow-requests = \"200ms\"\n[group.main]\nthreads = 2\n[[mount]]\npath = \"/\"\nscript = {{app \"slow.py\"}}\n")
	s.getOK("/pid")
	g := newGate(t)
	waiting := s.background("/gate?" + g.query())
	v := g.arrive()
	r := s.awaitRecord("the slow request", func(r record) bool { return r.text("msg") == "slow request" })
	if r.text("path") != "/gate" || r.text("group") != "main" || r.text("pid") != strconv.Itoa(v.pid) || r.text("state") != "running" || r.text("age") == "" {
		t.Errorf("the line is %v", r)
	}
	v.release()
	a := receive(t, waiting)
	if a.status != http.StatusOK || r.text("request_id") == "" {
		t.Errorf("status %d, the line is %v", a.status, r)
	}
	if n := s.logCount(`"slow request"`); n != 1 {
		t.Errorf("%d lines", n)
	}
}

const probedSite = `
[group.main]
processes = 1
threads = 1
inactivity-timeout = "1s"

[[mount]]
path = "/"
script = {{app "slow.py"}}

[[location]]
path = "/pid"
ignore-activity = true
`

// TestIgnoreActivity: a monitor's probes are answered, and keep no process from ending.
func TestIgnoreActivity(t *testing.T) {
	t.Parallel()
	s := startSite(t, probedSite)
	pids := map[string]bool{}
	for deadline := time.Now().Add(logWithin); len(pids) < 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the process lives on: %v", pids)
		}
		pids[s.getOK("/pid")] = true
	}
}
