package front

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// hostsSite has hosts whose names need telling apart.
const hostsSite = `server-name = "top.example"
server-alias = "www.deep.example.org"
listen = ["127.0.0.1:8001", "unix:/run/x.sock"]
[[mount]]
path = "/"
module = "a"
[[vhost]]
server-name = "One.Example.Org"
server-alias = ["*.example.org", "[2001:DB8::1]", "192.0.2.1"]
mount = [{ path = "/", module = "a" }]
[[vhost]]
server-name = "deep.example.org"
server-alias = "*.deep.example.org"
mount = [{ path = "/", module = "a" }]
[[vhost]]
server-name = "deep.example.org"
server-alias = "ported.example"
listen = "127.0.0.1:8001"
mount = [{ path = "/", module = "a" }]
`

func parseSite(t testing.TB, text string) *site.Site {
	t.Helper()
	s, err := site.Parse("test", "test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// number is the index of the host among those of the site, -1 for none.
func (h *hosts) number(one *host) int {
	for i, have := range h.all {
		if have == one {
			return i
		}
	}
	return -1
}

// TestHosts: an exact name counts before a domain, a long domain before a short one,
// and what nobody has goes to the default host. Case, port, the last dot and the
// spelling of an address do not matter (RFC 9110, 4.2.3; RFC 3986, 3.2.2).
func TestHosts(t *testing.T) {
	t.Parallel()
	const top, one, deep, ported = 0, 1, 2, 3
	all := newHosts(parseSite(t, hostsSite), map[string]*group.Group{"main": {}}, nil)
	long := strings.Repeat("a.", 125) + "example.org"
	for _, c := range []struct {
		authority  string
		everywhere int
		at8001     int
	}{
		{"top.example", top, top},
		{"one.example.org", one, one},
		{"ONE.EXAMPLE.ORG.", one, one},
		{"one.example.org:8001", one, one},
		{"one.example.org.:", one, one},
		{"two.example.org", one, one},
		{"a.b.example.org", one, one},
		{"example.org", top, top},
		{"notexample.org", top, top},
		{"deep.example.org", deep, ported},
		{"a.deep.example.org:80", deep, deep},
		{"b.a.deep.example.org", deep, deep},
		{"www.deep.example.org", top, top},
		{"ported.example", top, ported},
		{"[2001:db8::1]", one, one},
		{"[2001:db8:0:0::0001]:443", one, one},
		{"[2001:db8::2]", top, top},
		{"192.0.2.1:80", one, one},
		{"", top, top},
		{".", top, top},
		{"*.example.org", one, one},
		{long, top, top},
	} {
		if got := all.number(all.everywhere.find([]byte(c.authority))); got != c.everywhere {
			t.Errorf("%q: host %d, want %d", c.authority, got, c.everywhere)
		}
		if len(all.at) != 1 || all.at[0].address.String() != "127.0.0.1:8001" {
			t.Fatalf("tables of listeners: %v", all.at)
		}
		if got := all.number(all.at[0].find([]byte(c.authority))); got != c.at8001 {
			t.Errorf("%q at 127.0.0.1:8001: host %d, want %d", c.authority, got, c.at8001)
		}
	}
}

// TestHostsOfListener: a listener finds the table of its address.
func TestHostsOfListener(t *testing.T) {
	t.Parallel()
	source, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	text := fmt.Sprintf(`listen = ["127.0.0.1:1", "unix:%[1]s"]
[[vhost]]
server-name = "tcp.example"
listen = "127.0.0.1:1"
default-host = true
mount = [{ path = "/", module = "a" }]
[[vhost]]
server-name = "unix.example"
listen = "unix:%[1]s"
default-host = true
mount = [{ path = "/", module = "a" }]
`, source.Addr())
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, text) })
	address := serveAt(t, f, "unix")
	r, _ := ask(t, address, "GET / HTTP/1.1\r\nHost: tcp.example\r\n\r\n")
	if r.StatusCode != 421 {
		t.Errorf("at an address that no host names: %s, want 421", r.Status)
	}
	for network, want := range map[string]int{"unix": 1, "tcp": 0} {
		l := listenerAt(t, network, source, f)
		if got := l.find([]byte("other.example")); f.conf.Load().hosts.number(got) != want {
			t.Errorf("%s: %+v", network, got)
		}
	}
}

// listenerAt is the table of the listener with the network of the site.
func listenerAt(t *testing.T, network string, source net.Listener, f *Front) *hostTable {
	t.Helper()
	all := f.conf.Load().hosts
	for i := range all.at {
		address := all.at[i].address
		if address.Network == network && (network == "tcp" || address.Names("unix", source.Addr().String())) {
			return &all.at[i].hostTable
		}
	}
	t.Fatalf("no table for %s", network)
	return nil
}

// TestMisdirected: without a default host a name that nobody has is answered 421
// (RFC 9110, 15.5.20), however it is written, and a request without a name, too.
func TestMisdirected(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) {
		*s = *parseSite(t, "[[vhost]]\nserver-name = \"a.example\"\nmount = [{ path = \"/a\", module = \"a\" }]\n")
	})
	address := serveAt(t, f, "tcp")
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n":                            421,
		"GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n":            421,
		"GET / HTTP/1.0\r\n\r\n":                                               421,
		"GET / HTTP/1.1\r\nHost: A.example:1\r\n\r\n":                          404,
		"GET http://a.example./ HTTP/1.1\r\nHost: a.example.\r\n\r\n":          404,
		"OPTIONS * HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n":   200,
		"GET /../ HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n":    400,
		"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 2\r\n\r\nab":    421,
		"HEAD / HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n":      421,
		"GET /a%2F.. HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n": 404,
	} {
		if r, _ := ask(t, address, request); r.StatusCode != want || want == 421 && r.Status != "421 Misdirected Request" {
			t.Errorf("%q: %s, want %d", request, r.Status, want)
		}
	}
}

// TestServerName: the name that the client asked for, else that of its host.
func TestServerName(t *testing.T) {
	t.Parallel()
	f := newFront(t, func(s *site.Site) {
		*s = *parseSite(t, "[[vhost]]\nserver-name = \"a.example\"\nserver-alias=\"*.a.example\"\ndefault-host = true\nmount = [{ path = \"/\", module = \"a\" }]\n")
	})
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: b.a.example:80\r\n\r\n": "b.a.example",
		"GET / HTTP/1.0\r\n\r\n":                         "a.example",
	} {
		if got := environOf(t, sessionFor(t, f, request))["SERVER_NAME"]; got != want {
			t.Errorf("%q: SERVER_NAME is %q, want %q", request, got, want)
		}
	}
}

// TestAccessLogOfHost: each host's requests are in its own log, those of no host in
// the site's, also when a reload has changed the logs meanwhile.
func TestAccessLogOfHost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := func(b string) string {
		return fmt.Sprintf(`access-log = "DIR/site.log"
access-log-format = "json"
[[vhost]]
server-name = "a.example"
mount = [{ path = "/a", module = "a" }]
[[vhost]]
server-name = "b.example"
access-log = "DIR/%s.log"
mount = [{ path = "/a", module = "a" }]
[[vhost]]
server-name = "none.example"
access-log = ""
mount = [{ path = "/a", module = "a" }]
`, b)
	}
	parsed := func(b string) *site.Site { return parseSite(t, strings.ReplaceAll(text(b), "DIR", dir)) }
	f := newFront(t, func(s *site.Site) { *s = *parsed("b") })
	address := serveAt(t, f, "tcp")
	get := func(host string) {
		t.Helper()
		ask(t, address, "GET /x HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	}
	for _, host := range []string{"a.example", "B.example:80", "none.example", "c.example"} {
		get(host)
	}
	groups := map[string]*group.Group{"main": f.conf.Load().hosts.all[0].places.byPath["/a"].group}
	install, err := f.Prepare(parsed("b2"), groups)
	if err != nil {
		t.Fatal(err)
	}
	install()
	get("b.example")
	for name, want := range map[string]string{"site": "a.example c.example", "b": "B.example:80", "b2": "b.example"} {
		eventually(t, want+" in "+name+".log", func() bool { return hostsIn(t, filepath.Join(dir, name+".log")) == want })
	}
	if err := f.Reopen(); err != nil {
		t.Error(err)
	}
	if _, err := f.Prepare(parseSite(t, strings.ReplaceAll(text("x/y"), "DIR", dir)), groups); err == nil {
		t.Error("a log that cannot be opened is no error")
	}
	get("b.example")
}

// hostsIn are the hosts of the lines of a log.
func hostsIn(t *testing.T, file string) string {
	t.Helper()
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for line := range strings.Lines(string(lines)) {
		_, host, _ := strings.Cut(line, `"host":"`)
		host, _, _ = strings.Cut(host, `"`)
		hosts = append(hosts, host)
	}
	return strings.Join(hosts, " ")
}

// manyHosts is a site of so many virtual hosts, each with so many mounts.
func manyHosts(t testing.TB, vhosts, mounts int) *hosts {
	t.Helper()
	var b strings.Builder
	for i := range vhosts {
		fmt.Fprintf(&b, "[[vhost]]\nserver-name = \"www.host%d.example.org\"\nserver-alias = \"*.host%d.example.org\"\n", i, i)
		for j := range mounts {
			fmt.Fprintf(&b, "[[vhost.mount]]\npath = \"/apps/number%d/of\"\nmodule = \"a\"\n", j)
		}
	}
	return newHosts(parseSite(t, b.String()), map[string]*group.Group{"main": {}}, nil)
}

// TestRoutingDoesNotAllocate: neither the host nor the place of a request costs memory.
func TestRoutingDoesNotAllocate(t *testing.T) {
	all := manyHosts(t, 3, 3)
	for authority, path := range map[string]string{
		"www.host1.example.org": "/apps/number2/of/some/thing", "Any.Host2.example.org:8000": "/apps/number0/of", "none": "/",
	} {
		name, target := []byte(authority), []byte(path)
		if n := testing.AllocsPerRun(100, func() {
			if h := all.everywhere.find(name); h != nil {
				_ = h.places.find(target)
			}
		}); n > 0 {
			t.Errorf("%s%s: %.0f allocations", authority, path, n)
		}
	}
}

// BenchmarkRouting shows that the number of hosts and of mounts does not count.
func BenchmarkRouting(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for name, c := range map[string]struct {
			all             *hosts
			authority, path string
		}{
			"hosts":  {manyHosts(b, n, 1), fmt.Sprintf("any.host%d.example.org", n/2), "/apps/number0/of/x"},
			"mounts": {manyHosts(b, 1, n), "www.host0.example.org", fmt.Sprintf("/apps/number%d/of/x", n/2)},
		} {
			b.Run(fmt.Sprintf("%s=%d", name, n), func(b *testing.B) {
				authority, path := []byte(c.authority), []byte(c.path)
				b.ReportAllocs()
				for b.Loop() {
					if c.all.everywhere.find(authority).places.find(path) == nil {
						b.Fatal("not found")
					}
				}
			})
		}
	}
}
