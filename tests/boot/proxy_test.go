package boot_test

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// nginxServer is what an administrator writes to put nginx in front.
const nginxServer = `upstream wsgid {
	server unix:/run/wsgi/behind.sock;
	keepalive 8;
}
server {
	listen 127.0.0.1:8088;
	client_max_body_size 0;
	location / {
		proxy_pass http://wsgid;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_set_header Host $http_host;
		proxy_set_header X-Forwarded-For $remote_addr;
		proxy_set_header X-Forwarded-Proto $scheme;
		proxy_set_header X-Request-ID $request_id;
		add_header X-Nginx-ID $request_id;
	}
}
`

const behindSite = `socket-group = "www-data"
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

func TestNginx(t *testing.T) {
	boot.Run(t, "Debian's nginx in front serves the site, also while it restarts",
		boot.Case{Name: "nginx", Run: testNginx},
	)
}

func testNginx(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/behind/load.py", load.AppSource(), 0o644, "")
	m.WriteFile("/srv/behind/probe.py", probe, 0o644, "")
	m.Site("behind", behindSite)
	m.WriteFile("/etc/nginx/sites-enabled/default", nginxServer, 0o644, "")
	m.MustRun("systemctl", "start", "wsgi@behind.socket")
	m.MustRun("systemctl", "start", "nginx")
	t.Cleanup(func() { m.Run("systemctl", "stop", "nginx") })
	if got := m.Owner("/run/wsgi/behind.sock"); got != "wsgi:www-data 660" {
		t.Errorf("the socket is %s", got)
	}

	// The first request starts the site.
	got := m.Curl("--interface", "127.0.0.9", "-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Forwarded-Proto: https", "-H", "X-Request-ID: forged",
		"http://127.0.0.1:8088/probe/environ")
	if got.Status != 200 {
		t.Fatalf("status %d\n%s", got.Status, got.Body)
	}
	var environ map[string]string
	if err := json.Unmarshal([]byte(got.Body), &environ); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"HTTP_HOST": "127.0.0.1:8088", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8088", "SCRIPT_NAME": "/probe", "PATH_INFO": "/environ",
		"HTTP_X_FORWARDED_FOR": "127.0.0.9", "HTTP_X_FORWARDED_PROTO": "http", "wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1",
		"HTTP_X_REQUEST_ID": got.Header.Get("X-Nginx-ID"),
	} {
		if environ[name] != want {
			t.Errorf("%s is %q, want %q", name, environ[name], want)
		}
	}

	client, err := load.New(load.Options{
		Dial: func(context.Context) (net.Conn, error) { return m.Dial("tcp", "127.0.0.1:8088") },
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
	for _, verb := range []string{"restart", "reload", "restart", "restart"} {
		client.Mark(verb)
		m.MustRun("systemctl", verb, "wsgi@behind")
	}
	if report := client.Stop(); report.Failures() > 0 {
		t.Errorf("requests failed:\n%s", report)
	}
	for line := range strings.Lines(m.ReadFile("/var/log/nginx/error.log")) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[crit]") {
			t.Errorf("nginx has logged %s", line)
		}
	}
	// nginx keeps what a request that waits for the site would otherwise have cost it.
	if access := m.ReadFile("/var/log/nginx/access.log"); strings.Contains(access, `" 50`) {
		t.Error("nginx has answered with an error of the server")
	}
}
