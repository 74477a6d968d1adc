package boot_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// proxy is a server in front of a site, with the configuration that contrib has for it.
type proxy struct {
	name    string
	file    string // below contrib
	place   string // where Debian reads it
	unit    string
	group   string   // that the server runs as
	prepare []string // command to run before; nil: none
	uwsgi   bool     // instead of HTTP
	header  bool     // of the PROXY protocol, before HTTP
	counted bool     // it refuses chunked bodies
	log     string   // error log; "" for the journal
}

var proxies = []proxy{
	{name: "nginx, connections kept", file: "nginx/proxy.conf", place: "/etc/nginx/sites-enabled/default", unit: "nginx", group: "www-data", log: "/var/log/nginx/error.log"},
	{name: "nginx, a connection each", file: "nginx/proxy-simple.conf", place: "/etc/nginx/sites-enabled/default", unit: "nginx", group: "www-data", log: "/var/log/nginx/error.log"},
	{name: "nginx, uwsgi", file: "nginx/uwsgi.conf", place: "/etc/nginx/sites-enabled/default", unit: "nginx", group: "www-data", uwsgi: true, log: "/var/log/nginx/error.log"},
	{
		name: "Apache, HTTP", file: "apache/proxy-http.conf", place: "/etc/apache2/sites-enabled/000-default.conf", unit: "apache2", group: "www-data",
		prepare: []string{"a2enmod", "--quiet", "proxy", "proxy_http", "headers"}, log: "/var/log/apache2/error.log",
	},
	{
		name: "Apache, uwsgi", file: "apache/proxy-uwsgi.conf", place: "/etc/apache2/sites-enabled/000-default.conf", unit: "apache2", group: "www-data",
		prepare: []string{"a2enmod", "--quiet", "proxy", "proxy_uwsgi"}, uwsgi: true, counted: true, log: "/var/log/apache2/error.log",
	},
	{name: "HAProxy", file: "haproxy/haproxy.cfg", place: "/etc/haproxy/haproxy.cfg", unit: "haproxy", group: "haproxy"},
	{name: "HAProxy, PROXY protocol", file: "haproxy/haproxy-tcp.cfg", place: "/etc/haproxy/haproxy.cfg", unit: "haproxy", group: "haproxy", header: true},
}

const behindSite = `socket-group = "GROUP"
trusted-proxies = ["unix"]
[group.web]
user = "joe"
processes = 2
threads = 8
home = "/srv/behind"
[[mount]]
path = "/"
script = "/srv/behind/load.py"
group = "web"
[[mount]]
path = "/probe"
script = "/srv/behind/probe.py"
group = "probe"
[group.probe]
`

func TestProxies(t *testing.T) {
	var cases []boot.Case
	for _, p := range proxies {
		cases = append(cases, boot.Case{Name: p.name, Run: p.test})
	}
	boot.Run(t, "Debian's nginx, Apache httpd and HAProxy in front serve the site, also while it restarts", cases...)
}

func (p proxy) test(t *testing.T, m *boot.Machine) {
	config, err := os.ReadFile("../../contrib/" + p.file)
	if err != nil {
		t.Fatal(err)
	}
	m.WriteFile("/srv/behind/load.py", load.AppSource(), 0o644, "")
	m.WriteFile("/srv/behind/probe.py", probe, 0o644, "")
	site := strings.Replace(behindSite, "GROUP", p.group, 1)
	if p.header {
		site = "proxy-protocol = \"unix:/run/wsgi/blog.sock\"\n" + strings.Replace(site, "trusted-proxies", "# trusted-proxies", 1)
	} else {
		site = "trusted-proxy-headers = [\"X-Forwarded-For\", \"X-Forwarded-Proto\"]\n" + site
	}
	m.Site("blog", site)
	m.WriteFile(p.place, string(config), 0o644, "")
	if p.prepare != nil {
		m.MustRun(p.prepare...)
	}
	m.MustRun("systemctl", "start", "wsgi@blog.socket")
	t.Cleanup(func() { m.Run("systemctl", "stop", p.unit) })
	m.MustRun("systemctl", "start", p.unit)
	if got, want := m.Owner("/run/wsgi/blog.sock"), "wsgi:"+p.group+" 660"; got != want {
		t.Errorf("the socket is %s, want %s", got, want)
	}
	p.testEnviron(t, m)
	p.testRestarts(t, m)
}

// testEnviron looks at what an application learns through the server in front. Its
// request starts the site.
func (p proxy) testEnviron(t *testing.T, m *boot.Machine) {
	args := []string{"--interface", "127.0.0.9", "-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Forwarded-Proto: https", "--data", "hello"}
	if !p.counted {
		args = append(args, "-H", "Transfer-Encoding: chunked")
	}
	got := m.Curl(append(args, "http://127.0.0.1:8080/probe/a%20b/environ?q=%41")...)
	if got.Status != 200 {
		t.Fatalf("status %d\n%s", got.Status, got.Body)
	}
	var environ map[string]string
	if err := json.Unmarshal([]byte(got.Body), &environ); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"HTTP_HOST": "127.0.0.1:8080", "SERVER_PORT": "8080", "SCRIPT_NAME": "/probe", "PATH_INFO": "/a b/environ",
		"QUERY_STRING": "q=%41", "REQUEST_METHOD": "POST", "wsgi.url_scheme": "http",
	}
	switch {
	case p.header:
		want["REMOTE_ADDR"] = "127.0.0.9"
		want["HTTP_X_FORWARDED_PROTO"] = "https" // the client's own, which nobody believes
	case p.uwsgi:
		want["REMOTE_ADDR"] = "127.0.0.9"
		if p.unit == "nginx" && strings.Contains(m.ReadFile("/etc/nginx/uwsgi_params"), "HTTP_HOST") {
			want["HTTP_HOST"] = "127.0.0.1" // newer files give $host, the port in SERVER_PORT alone
		}
		want["REQUEST_URI"] = "/probe/a%20b/environ?q=%41"
	default:
		want["HTTP_X_FORWARDED_PROTO"] = "http"
		want["REMOTE_ADDR"] = "127.0.0.9"
	}
	for name, want := range want {
		if environ[name] != want {
			t.Errorf("%s is %q, want %q", name, environ[name], want)
		}
	}
	if id := got.Header.Get("X-Request-ID"); id != "" {
		t.Errorf("a response that is no error has a request id, %s", id)
	}
}

func (p proxy) testRestarts(t *testing.T, m *boot.Machine) {
	client, err := load.New(load.Options{
		Dial: func(context.Context) (net.Conn, error) { return m.Dial("tcp", "127.0.0.1:8080") },
		Workers: []load.Workers{
			{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
			{Job: load.Post, Count: 2, Think: 10 * time.Millisecond},
			{Job: load.GetClose, Count: 1, Think: 10 * time.Millisecond},
			{Job: load.Sleep, Count: 2, For: 300 * time.Millisecond},
			{Job: load.Upload, Count: 1, Bytes: 256 << 10, For: 300 * time.Millisecond},
			{Job: load.Stream, Count: 1, Bytes: 256 << 10, For: 300 * time.Millisecond},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Start(t.Context())
	if err := client.AwaitLoad(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"restart", "reload", "restart"} {
		client.Mark(verb)
		m.MustRun("systemctl", verb, "wsgi@blog")
	}
	if report := client.Stop(); report.Failures() > 0 {
		t.Errorf("requests failed:\n%s", report)
	}
	if p.log == "" {
		return
	}
	for line := range strings.Lines(m.ReadFile(p.log)) {
		if strings.Contains(line, "[error]") || strings.Contains(line, ":error]") || strings.Contains(line, "[crit]") {
			t.Errorf("%s has logged %s", p.unit, line)
		}
	}
	m.MustRun("truncate", "--size=0", p.log)
}
