package serve_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const vhostSite = `
server-name = "blog.example"
server-alias = "www.shop.example"
listen = ["127.0.0.1:0", "unix:DIR/admin.sock"]

[group.web]
processes = 1
threads = 2

[[mount]]
path = "/"
script = {{app "environ.py"}}
group = "web"

[[vhost]]
server-name = "shop.example"
server-alias = ["*.shop.example", "[::1]"]
limit-request-body = 5

[vhost.group.shop]
processes = 1
threads = 2
env = { SHOP = "open" }

[[vhost.mount]]
path = "/"
script = {{app "environ.py"}}
group = "shop"

[[vhost.mount]]
path = "/blog"
script = {{app "environ.py"}}
group = "web"
limit-request-body = 10

[[vhost.location]]
path = "/upload"
limit-request-body = 20

[[vhost]]
server-name = "shop.example"
server-alias = "admin.example"
listen = "unix:DIR/admin.sock"
default-host = true

[[vhost.mount]]
path = "/admin"
script = {{app "environ.py"}}
group = "shop"
`

// TestVirtualHosts: a request goes to the host that it names, at the address where it
// came, with that host's mounts, groups, settings and log.
func TestVirtualHosts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := strings.ReplaceAll(vhostSite, "DIR", dir)
	s := startWith(t, launch{noListen: true, listeners: 2}, "--config", siteOf(t, text))
	tcp, admin := s.addresses[0], filepath.Join(dir, "admin.sock")
	if tcp == admin {
		tcp = s.addresses[1]
	}
	for _, c := range []struct {
		at, host, target string
		status           int
		group, name      string
	}{
		{tcp, "blog.example", "/", 200, "web", "blog.example"},
		{tcp, "nobody.example", "/x", 200, "web", "nobody.example"},
		{tcp, "www.shop.example", "/", 200, "web", "www.shop.example"},
		{tcp, "shop.example", "/", 200, "shop", "shop.example"},
		{tcp, "SHOP.Example.:8000", "/", 200, "shop", "SHOP.Example."},
		{tcp, "a.b.shop.example", "/", 200, "shop", "a.b.shop.example"},
		{tcp, "[0::1]:8000", "/", 200, "shop", "[0::1]"},
		{tcp, "shop.example", "/blog/x", 200, "web", "shop.example"},
		{tcp, "admin.example", "/admin", 200, "web", "admin.example"},
		{admin, "shop.example", "/admin", 200, "shop", "shop.example"},
		{admin, "shop.example", "/", 404, "", ""},
		{admin, "nobody.example", "/admin", 200, "shop", "nobody.example"},
		{admin, "a.shop.example", "/blog", 200, "web", "a.shop.example"},
		{admin, "blog.example", "/", 200, "web", "blog.example"},
	} {
		t.Run(filepath.Base(c.at)+" "+c.host+c.target, func(t *testing.T) {
			r := rawTo(t, c.at)
			r.send("GET " + c.target + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")
			a := r.expect(c.status)
			if c.status != http.StatusOK {
				return
			}
			e := readEnviron(t, a.body)
			e.assertValue(t, "mod_wsgi.process_group", c.group)
			e.assertValue(t, "SERVER_NAME", c.name)
			e.assertValue(t, "HTTP_HOST", c.host)
		})
	}
	for target, want := range map[string]int{"/": 5, "/blog": 10, "/upload/x": 20} {
		for length, status := range map[int]int{want: 200, want + 1: 413} {
			req := s.request(t.Context(), http.MethodPost, target, strings.NewReader(strings.Repeat("x", length)))
			req.Host = "shop.example"
			if a := exchange(clientFor(t, tcp), req); a.status != status {
				t.Errorf("%d bytes for %s: status %d, want %d", length, target, a.status, status)
			}
		}
	}
}

const hostPagesSite = `
server-name = "blog.example"
default-host = false
error-page = { 404 = "top", 421 = "nobody" }

[[mount]]
path = "/app"
script = {{app "hello.py"}}

[[vhost]]
server-name = "shop.example"
error-page = { 404 = "shop" }

[[vhost.mount]]
path = "/app"
script = {{app "hello.py"}}

[[vhost]]
server-name = "wiki.example"
error-page = { 405 = "wiki" }

[[vhost.static]]
path = "/files"
directory = "DIR"
`

// TestErrorPagesOfHosts: a host has error pages of its own, for what none of its mounts gets
// as well, over those of the top level, which count for names that no host has.
func TestErrorPagesOfHosts(t *testing.T) {
	t.Parallel()
	s := startSite(t, strings.ReplaceAll(hostPagesSite, "DIR", t.TempDir()))
	for _, c := range []struct {
		method, host, target string
		status               int
		page                 string
	}{
		{"GET", "blog.example", "/none", http.StatusNotFound, "top"},
		{"GET", "shop.example", "/none", http.StatusNotFound, "shop"},
		{"GET", "wiki.example", "/none", http.StatusNotFound, "top"},
		{"GET", "wiki.example", "/files/none", http.StatusNotFound, "top"},
		{"POST", "wiki.example", "/files/none", http.StatusMethodNotAllowed, "wiki"},
		{"GET", "other.example", "/app", http.StatusMisdirectedRequest, "nobody"},
	} {
		req := s.request(t.Context(), c.method, c.target, http.NoBody)
		req.Host = c.host
		if a := s.do(req); a.err != nil || a.status != c.status || a.body != c.page+"\n" {
			t.Errorf("%s %s of %s: status %d, %q, %v, want %d %q", c.method, c.target, c.host, a.status, a.body, a.err, c.status, c.page)
		}
	}
}
