package boot_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

const loadSite = `listen = "127.0.0.1:8081"
[group.web]
user = "joe"
processes = 2
threads = 15
home = "/srv/load"
env = { LOAD_RECORD = "/srv/load/record" }
[[mount]]
path = "/"
script = "/srv/load/app.py"
`

// serveLoad serves the application of the load client, and returns the options of one
// that drives it.
func serveLoad(t *testing.T, m *boot.Machine) load.Options {
	t.Helper()
	m.WriteFile("/srv/load/app.py", load.AppSource(), 0o644, "joe:joe")
	m.WriteFile("/srv/load/record", "", 0o666, "joe:joe")
	m.Site("load", loadSite)
	m.MustRun("systemctl", "start", "wsgi@load")
	return load.Options{
		Dial: func(context.Context) (net.Conn, error) { return m.Dial("unix", "/run/wsgi/load.sock") },
		Workers: []load.Workers{
			{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
			{Job: load.GetClose, Count: 1, Think: 10 * time.Millisecond},
			{Job: load.Post, Count: 2, Think: 10 * time.Millisecond},
			{Job: load.Sleep, Count: 1, For: time.Second},
			{Job: load.Upload, Count: 1, Bytes: 1 << 20, For: time.Second},
			{Job: load.Stream, Count: 1, Bytes: 1 << 20, For: time.Second},
		},
	}
}

// underLoad runs steps while a client drives the site, and fails the test unless every
// request went well.
func underLoad(t *testing.T, m *boot.Machine, o load.Options, name string, n int, step func(int)) {
	t.Helper()
	client, err := load.New(o)
	if err != nil {
		t.Fatal(err)
	}
	client.Start(t.Context())
	if err := client.AwaitLoad(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		client.Mark(fmt.Sprint(name, " ", i))
		step(i)
	}
	report := client.Stop()
	if report.Failures() > 0 {
		t.Errorf("requests failed:\n%s", report)
	}
	t.Logf("longest gap at %s: %v", name, report.LongestGap(name).Net())
	seen, err := load.ReadSeen(strings.NewReader(m.ReadFile("/srv/load/record")))
	if err != nil {
		t.Fatal(err)
	}
	if twice := report.Repeated(seen); len(twice) > 0 {
		t.Errorf("served twice: %v", twice)
	}
}

func TestReload(t *testing.T) {
	boot.Run(t, "reload and upgrade under load lose nothing",
		boot.Case{Name: "load", Run: func(t *testing.T, m *boot.Machine) {
			o := serveLoad(t, m)
			underLoad(t, m, o, "reload", 5, func(int) { m.MustRun("systemctl", "reload", "wsgi@load") })
			underLoad(t, m, o, "upgrade", 3, func(int) {
				m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
				m.MustRun("mv", "-f", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
				m.MustRun("systemctl", "reload", "wsgi@load")
			})
			underLoad(t, m, o, "restart", 5, func(int) { m.MustRun("systemctl", "restart", "wsgi@load") })
		}},
		boot.Case{Name: "upgrade", Run: func(t *testing.T, m *boot.Machine) {
			m.WriteFile("/srv/hello/app.py", hello, 0o644, "joe:joe")
			m.Site("hello", helloSite)
			m.MustRun("systemctl", "start", "wsgi@hello")
			old := m.Process(m.PID("wsgi@hello.service"))
			m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
			m.MustRun("mv", "-f", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
			m.MustRun("systemctl", "reload", "wsgi@hello")
			old.AwaitEnd(10 * time.Second)
			if got := m.Curl("http://127.0.0.1:8080/"); got.Status != 200 || !strings.HasPrefix(string(got.Body), "hello from ") {
				t.Errorf("status %d, body %s", got.Status, got.Body)
			}
			m.AwaitProperty("wsgi-hello:web@a.service", "ActiveState", "inactive", 10*time.Second)
			if got := m.MustRun("systemctl", "status", "wsgi@hello", "--no-pager"); !strings.Contains(got, "web: generation 2, 2 of 2 processes ready") {
				t.Errorf("status:\n%s", got)
			}
			m.MustRun("systemctl", "restart", "wsgi@hello")
			m.MustRun("systemctl", "stop", "wsgi@hello")
			m.AwaitProperty("wsgi-hello:web@b.service", "ActiveState", "inactive", 10*time.Second)
			// systemd watches the new main process, and was told nothing by others.
			for _, bad := range []string{"not our child", "reception only permitted", "Killing process"} {
				if journal := m.Journal("wsgi@hello"); strings.Contains(journal, bad) {
					t.Errorf("the journal has %q:\n%s", bad, journal)
				}
			}
		}},
	)
}

// TestReloadVhosts adds and removes virtual hosts with groups of their own while a
// client drives another one.
func TestReloadVhosts(t *testing.T) {
	const shop = `
[[vhost]]
server-name = "shop.example"
server-alias = "*.shop.example"
[vhost.group.shop]
user = "jane"
[[vhost.mount]]
path = "/"
script = "/srv/hello/app.py"
group = "shop"
[[vhost.mount]]
path = "/own"
script = "/srv/hello/app.py"
group = "shop"
application-group = "own"
`
	boot.Run(t, "a reload adds and removes virtual hosts, and loses no request of the others",
		boot.Case{Name: "vhosts", Run: func(t *testing.T, m *boot.Machine) {
			m.WriteFile("/srv/hello/app.py", hello, 0o644, "joe:joe")
			o := serveLoad(t, m)
			of := func(host string) boot.Response {
				t.Helper()
				return m.Curl("--unix-socket", "/run/wsgi/load.sock", "http://"+host+"/")
			}
			underLoad(t, m, o, "vhost", 4, func(i int) {
				toml, user := loadSite, ""
				if i%2 == 0 {
					toml, user = loadSite+shop, fmt.Sprintf("as %d\n", m.UID("jane"))
				}
				m.WriteFile("/etc/wsgi/load.toml", toml, 0o644, "")
				m.MustRun("systemctl", "reload", "wsgi@load")
				if user != "" { // an application group has processes of its own, as the same user
					own := of("shop.example/own").Body
					if own == of("shop.example").Body || !strings.HasSuffix(own, user) {
						t.Errorf("application group: %s", own)
					}
				}
				for _, host := range []string{"shop.example", "www.shop.example"} {
					if got := of(host); strings.HasPrefix(string(got.Body), "hello from ") != (user != "") || !strings.HasSuffix(string(got.Body), user) {
						t.Errorf("after reload %d %s answers %d, %s", i, host, got.Status, got.Body)
					}
				}
			})
			m.AwaitProperty("wsgi-load:shop@a.socket", "ActiveState", "inactive", 10*time.Second)
			m.AwaitProperty("wsgi-load:shop.own@a.socket", "ActiveState", "inactive", 10*time.Second)
			m.WriteFile("/etc/wsgi/load.toml", "default-host = false\nserver-name = \"load.example\"\n"+loadSite, 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@load")
			if got := of("shop.example"); got.Status != 421 {
				t.Errorf("a name that no host has: %d, %s", got.Status, got.Body)
			}
		}},
	)
}

// TestReloadConfiguration changes what units are made of: a reload alone applies it.
func TestReloadConfiguration(t *testing.T) {
	site := func(user, more string) string {
		return "listen = \"127.0.0.1:8082\"\n[group.web]\nuser = \"" + user + "\"\n" + more +
			"[[mount]]\npath = \"/\"\nscript = \"/srv/hello/app.py\"\ngroup = \"web\"\n"
	}
	const second = "[group.api]\nuser = \"jane\"\n[[mount]]\npath = \"/api\"\nscript = \"/srv/hello/app.py\"\ngroup = \"api\"\n"
	boot.Run(t, "systemctl reload applies what a site file says, units included",
		boot.Case{Name: "units", Run: func(t *testing.T, m *boot.Machine) {
			const path = "/etc/wsgi/conf.toml"
			m.WriteFile("/srv/hello/app.py", hello, 0o644, "joe:joe")
			m.Site("conf", site("joe", ""))
			m.MustRun("systemctl", "start", "wsgi@conf")
			as := func(url, user string) {
				t.Helper()
				got := m.Curl("http://127.0.0.1:8082" + url)
				if want := fmt.Sprintf("as %d\n", m.UID(user)); got.Status != 200 || !strings.HasSuffix(string(got.Body), want) {
					t.Errorf("%s: status %d, %s; want %s", url, got.Status, got.Body, want)
				}
			}
			as("/", "joe")
			supervisor := m.PID("wsgi@conf.service")

			m.WriteFile(path, site("jane", ""), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@conf")
			as("/", "jane")

			m.WriteFile(path, site("jane", second), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@conf")
			as("/", "jane")
			as("/api/x", "jane")
			if got := m.Property("wsgi-conf:api@b.socket", "ActiveState"); got != "active" {
				t.Errorf("the socket of the new group's other slot is %s", got)
			}

			m.WriteFile(path, site("joe", ""), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@conf")
			as("/api/x", "joe") // the other mount has it now
			m.AwaitProperty("wsgi-conf:api@a.socket", "ActiveState", "inactive", 10*time.Second)
			m.AwaitProperty("wsgi-conf:api@b.socket", "ActiveState", "inactive", 10*time.Second)
			m.AwaitProperty("wsgi-conf:api@a.service", "ActiveState", "inactive", 10*time.Second)

			m.WriteFile(path, site("jane", "threads = 0\n"), 0o644, "")
			failed := m.Run("systemctl", "reload", "wsgi@conf")
			if failed.Status == 0 {
				t.Error("a broken file is reloaded")
			}
			as("/", "joe")
			m.AwaitJournal("wsgi@conf.service", "conf.toml:4: group.web.threads", 10*time.Second)

			m.WriteFile(path, strings.Replace(site("joe", ""), "8082", "8083", 1), 0o644, "")
			if m.Run("systemctl", "reload", "wsgi@conf").Status == 0 {
				t.Error("another address is said to be applied")
			}
			m.AwaitJournal("wsgi@conf.service", "systemctl restart wsgi@conf.socket", 10*time.Second)
			as("/", "joe")
			if now := m.PID("wsgi@conf.service"); now != supervisor {
				t.Errorf("the supervisor was %d and is %d", supervisor, now)
			}
		}},
	)
}

// fussy answers /health as a file beside it says.
const fussy = `import os
def application(environ, start_response):
    with open(os.path.join(os.path.dirname(__file__), 'health')) as file:
        status = file.read().strip()
    if environ['PATH_INFO'] != '/health':
        status = '200 OK'
    start_response(status, [])
    return [('pid %d' % os.getpid()).encode()]
`

// TestWarmUp: a new generation that imports but does not answer is none.
func TestWarmUp(t *testing.T) {
	boot.Run(t, "a generation takes requests only after its warm-up",
		boot.Case{Name: "reload", Run: func(t *testing.T, m *boot.Machine) {
			m.WriteFile("/srv/fussy/app.py", fussy, 0o644, "joe:joe")
			m.WriteFile("/srv/fussy/health", "200 OK", 0o644, "joe:joe")
			m.Site("fussy", "warm-up = \"/health\"\n[group.web]\nuser = \"joe\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/fussy/app.py\"\n")
			m.MustRun("systemctl", "start", "wsgi@fussy")
			get := func() string {
				t.Helper()
				got := m.Curl("--unix-socket", "/run/wsgi/fussy.sock", "http://fussy/")
				if got.Status != 200 {
					t.Errorf("status %d, %s", got.Status, got.Body)
				}
				return string(got.Body)
			}
			before := get()
			m.WriteFile("/srv/fussy/health", "500 Out Of Order", 0o644, "joe:joe")
			if m.Run("systemctl", "reload", "wsgi@fussy").Status == 0 {
				t.Error("the reload is said to have gone well")
			}
			if got := get(); got != before {
				t.Errorf("served by %s, not by %s", got, before)
			}
			const why = "warm-up: GET /health answered 500 Out Of Order, expected was 200"
			m.AwaitJournal("wsgi-fussy:web@b.service", why, 10*time.Second)
			if got := m.Property("wsgi@fussy.service", "StatusText"); !strings.Contains(got, why) {
				t.Errorf("status %q", got)
			}
			m.WriteFile("/srv/fussy/health", "200 OK", 0o644, "joe:joe")
			m.MustRun("systemctl", "reload", "wsgi@fussy")
			if get() == before {
				t.Error("the old generation still serves")
			}
		}},
	)
}

// TestRollback: releases behind a symbolic link, and back.
func TestRollback(t *testing.T) {
	const release = `def application(environ, start_response):
    start_response('200 OK', [])
    return [b'release NUMBER']
`
	boot.Run(t, "a release is resolved once per generation, and rollback goes back",
		boot.Case{Name: "releases", Run: func(t *testing.T, m *boot.Machine) {
			for _, n := range []string{"41", "42"} {
				m.WriteFile("/srv/shop/releases/"+n+"/app.py", strings.Replace(release, "NUMBER", n, 1), 0o644, "joe:joe")
			}
			point := func(n string) { m.MustRun("ln", "-sfn", "releases/"+n, "/srv/shop/current") }
			point("41")
			m.Site("shop", "[group.web]\nuser = \"joe\"\nhome = \"/srv/shop/current\"\n[[mount]]\npath = \"/\"\nscript = \"/srv/shop/current/app.py\"\n")
			m.MustRun("systemctl", "start", "wsgi@shop")
			serves := func(n string) {
				t.Helper()
				if got := m.Curl("--unix-socket", "/run/wsgi/shop.sock", "http://shop/"); string(got.Body) != "release "+n {
					t.Errorf("served is %q, not release %s", got.Body, n)
				}
				if got := m.MustRun("wsgid", "status", "shop"); !strings.Contains(got, "release "+n) {
					t.Errorf("status %q", got)
				}
			}
			serves("41")
			if r := m.Run("wsgid", "rollback", "shop"); r.Status != 1 || !strings.Contains(r.Stderr, "no earlier release") {
				t.Errorf("rollback of nothing: status %d, %s", r.Status, r.Stderr)
			}
			point("42")
			serves("41") // until it is reloaded
			worker := m.MustRun("pgrep", "-f", "worker shop:web")
			m.MustRun("kill", "-KILL", worker)
			m.AwaitJournal("wsgi-shop:web@a.service", "worker process died", 10*time.Second)
			serves("41") // a process that takes another's place runs the same release
			m.MustRun("systemctl", "reload", "wsgi@shop")
			serves("42")
			m.MustRun("wsgid", "rollback", "shop")
			serves("41")
			m.MustRun("systemctl", "restart", "wsgi@shop")
			serves("41")
			m.MustRun("systemctl", "reload", "wsgi@shop")
			serves("42")
		}},
	)
}
