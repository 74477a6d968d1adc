package front

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// gatewaySession has a request that came in the uwsgi protocol, as lines of NAME=value.
func gatewaySession(t testing.TB, f *Front, vars string) *session {
	t.Helper()
	var block []byte
	for line := range strings.Lines(vars) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		for _, s := range []string{name, value} {
			block = append(binary.LittleEndian.AppendUint16(block, uint16(len(s))), s...)
		}
	}
	packet := append(binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(block))), 0)
	c := &http1.Conn{Listener: &http1.Listener{Unix: true}}
	limits := http1.DefaultLimits()
	if err := c.Request.ParseUwsgi(append(packet, block...), &limits); err != nil {
		t.Fatal(err)
	}
	return f.session(c)
}

func TestGatewayEnviron(t *testing.T) {
	f := newFront(t, func(s *site.Site) { s.ServerName = "own.example" })
	tests := []struct{ name, vars, want string }{
		{
			"nginx", `QUERY_STRING=q=1
REQUEST_METHOD=POST
CONTENT_TYPE=text/plain
CONTENT_LENGTH=3
REQUEST_URI=/blog/%78?q=1
PATH_INFO=/blog/x
DOCUMENT_ROOT=/usr/share/nginx/html
SERVER_PROTOCOL=HTTP/2.0
REQUEST_SCHEME=https
HTTPS=on
REMOTE_ADDR=192.0.2.7
REMOTE_PORT=40450
SERVER_PORT=8443
SERVER_NAME=blog.example
HTTP_HOST=www.blog.example:8443
HTTP_X_DASH=y
HTTP_PROXY=http://evil.example
SCRIPT_FILENAME=/etc/passwd
UWSGI_FILE=/tmp/evil.py
REMOTE_USER=joe
`, `CONTENT_TYPE=text/plain
DOCUMENT_ROOT=/usr/share/nginx/html
HTTPS=on
HTTP_HOST=www.blog.example:8443
HTTP_X_DASH=y
PATH_INFO=/x
QUERY_STRING=q=1
REMOTE_ADDR=192.0.2.7
REMOTE_PORT=40450
REMOTE_USER=joe
REQUEST_METHOD=POST
REQUEST_SCHEME=https
REQUEST_URI=/blog/%78?q=1
SCRIPT_NAME=/blog
SERVER_NAME=blog.example
SERVER_PORT=8443
SERVER_PROTOCOL=HTTP/2.0
wsgi.url_scheme=https
`,
		},
		{
			"little is said", "REQUEST_METHOD=GET\nREQUEST_URI=/a%2fb/../%41\nSERVER_NAME=\nHTTP_HOST=h.example:81\n", `HTTP_HOST=h.example:81
PATH_INFO=/a/A
QUERY_STRING=
REMOTE_ADDR=
REQUEST_METHOD=GET
REQUEST_SCHEME=http
REQUEST_URI=/a%2fb/../%41
SCRIPT_NAME=
SERVER_NAME=h.example
SERVER_PORT=81
SERVER_PROTOCOL=HTTP/1.0
wsgi.url_scheme=http
`,
		},
		{
			"a path is decoded once, and cleaned", "REQUEST_METHOD=GET\nREQUEST_URI=/\nPATH_INFO=/blog/../%41//b\nREMOTE_ADDR=unix:\n", `PATH_INFO=/%41/b
QUERY_STRING=
REMOTE_ADDR=
REQUEST_METHOD=GET
REQUEST_SCHEME=http
REQUEST_URI=/
SCRIPT_NAME=
SERVER_NAME=own.example
SERVER_PORT=80
SERVER_PROTOCOL=HTTP/1.0
wsgi.url_scheme=http
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := environOf(t, gatewaySession(t, f, test.vars))
			maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, "mod_wsgi.request_") })
			want := map[string]string{}
			for line := range strings.Lines(test.want) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				want[name] = value
			}
			if !maps.Equal(got, want) {
				t.Errorf("got\n%v\nwant\n%v", got, want)
			}
		})
	}
	s := gatewaySession(t, f, "REQUEST_METHOD=GET\nREQUEST_URI=/\nPATH_INFO=/a/../../b\n")
	s.begin()
	if status, _, _ := s.objection(); status != 400 {
		t.Errorf("a path above the root: %d", status)
	}
}

// TestMayUwsgi: whoever sends a request in the uwsgi protocol says who the client is.
func TestMayUwsgi(t *testing.T) {
	f := newFront(t, func(s *site.Site) {
		s.Policy.TrustedProxies.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	conn := func(listener *http1.Listener, remote string) *http1.Conn {
		c := &http1.Conn{Listener: listener}
		if remote != "" {
			c.Remote = netip.MustParseAddrPort(remote)
		}
		return c
	}
	tcp, local := &http1.Listener{Port: "80"}, &http1.Listener{Unix: true}
	for name, test := range map[string]struct {
		conn *http1.Conn
		want bool
	}{
		"a UNIX socket": {conn(local, ""), true}, "a trusted proxy": {conn(tcp, "10.1.2.3:99"), true}, "anybody": {conn(tcp, "192.0.2.1:99"), false},
	} {
		if got := f.mayUwsgi(test.conn); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	off := newFront(t, func(s *site.Site) { s.Server.Uwsgi = false })
	if off.mayUwsgi(conn(local, "")) {
		t.Error("uwsgi-protocol = false allows it")
	}
}

// TestProxyHeaderWhere: a header is expected on the sockets that the site file names, and
// over TCP taken from trusted proxies only.
func TestProxyHeaderWhere(t *testing.T) {
	listen := func(network, address string) *http1.Listener {
		source, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		l, err := http1.NewListener(source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	socket := filepath.Join(t.TempDir(), "s")
	local, proxied, plain := listen("unix", socket), listen("tcp", "127.0.0.1:0"), listen("tcp", "127.0.0.1:0")
	f := newFront(t, func(s *site.Site) {
		s.Policy.TrustedProxies.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
		s.Server.ProxyProtocol = []site.Listener{{Network: "unix", Address: socket}, {Network: "tcp", Address: proxied.Addr().String()}}
	})
	for name, test := range map[string]struct {
		listener *http1.Listener
		remote   string
		want     http1.ProxyHeader
	}{
		"a UNIX socket":   {local, "", http1.ProxyHeaderExpected},
		"a trusted proxy": {proxied, "127.0.0.2:99", http1.ProxyHeaderExpected},
		"anybody":         {proxied, "127.0.0.3:99", http1.ProxyHeaderForbidden},
		"another socket":  {plain, "127.0.0.2:99", http1.NoProxyHeader},
	} {
		c := &http1.Conn{Listener: test.listener}
		if test.remote != "" {
			c.Remote = netip.MustParseAddrPort(test.remote)
		}
		if got := f.proxyHeader(c); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
