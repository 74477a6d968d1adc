package site

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const minimal = "[[mount]]\npath = \"/\"\nscript = \"/srv/app.py\"\n"

func mustParse(t *testing.T, text string) *Site {
	t.Helper()
	s, err := Parse("blog", "/etc/wsgi/blog.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// completeSite is what testdata/complete.toml says, written out by hand.
func completeSite() *Site {
	shop := NewGroup("shop")
	shop.Host, shop.key, shop.Threads, shop.Env = "shop.example", "vhost[0].group.shop", 2, map[string]string{"SHOP": "1"}
	shop.ScriptUser = "joe"
	second := *shop
	second.Name, second.Of, second.ApplicationGroup = "shop.second", "shop", "second"
	apps := NewGroup("apps")
	apps.Host, apps.key = "shop.example", "vhost[0].group.apps"
	return &Site{
		Name: "blog", Path: "testdata/complete.toml", ServerName: "blog.example", Aliases: []string{"*.blog.example", "blog.test"},
		Listen: []Listener{{"tcp", "127.0.0.1:8000"}, {"tcp", "[::]:80"}, {"tcp", ":8080"}, {"unix", "/run/wsgi/blog.sock"}},
		Server: Server{
			AccessLog: "/var/log/wsgi/blog/access.log", AccessLogFormat: "json", ErrorLog: "/var/log/wsgi/blog/error.log", SlowRequests: 2500 * time.Millisecond,
			RequestLine: 4096, RequestFields: 50, RequestFieldSize: 4096, RequestHeadSize: 8192,
			HeaderTimeout: 10 * time.Second, BodyTimeout: 20 * time.Second, KeepAliveTimeout: 2 * time.Minute, SendTimeout: 500 * time.Millisecond,
			MaxConnections: 20, RequestBuffer: 1 << 20, RequestSpool: 2 << 30, SpoolDirectory: "/var/tmp",
			ProxyProtocol: []Listener{{"tcp", "127.0.0.1:8000"}, {"unix", "/run/wsgi/blog.sock"}},
		},
		TLS: &TLS{
			Listen: []Listener{{"tcp", "[::]:80"}}, Certificates: []string{"/etc/ssl/blog.pem", "/etc/ssl/shop.pem"},
			Keys: []string{"/etc/ssl/private/blog.pem", "/etc/ssl/private/shop.pem"}, MinimumVersion: "1.3",
		},
		Socket:      Socket{User: "root", Group: "www-data", Mode: 0o666, Backlog: 100, SendBuffer: 64 << 10, ReceiveBuffer: 512, Prefix: "/run/own/wsgi"},
		IdleTimeout: 10 * time.Minute, ServerMetrics: true,
		Python: PythonFlags{Optimize: 1, NoBytecode: true, Warnings: []string{"ignore", "error::DeprecationWarning"}, HashSeed: "random"},
		WarmUp: WarmUp{Paths: []string{"/health", "/api/ready"}, Status: 204, Timeout: 3 * time.Second},
		Systemd: []Directive{
			{"ProtectHome", "no"},
			{"RestrictAddressFamilies", "AF_UNIX AF_INET"},
			{"RestrictAddressFamilies", "AF_INET6"},
		},
		Groups: []*Group{
			{
				Rotate: RotateAll, Name: "api", User: "wsgi-api", SupplementaryGroups: []string{"audio"}, Chroot: "/srv/jail",
				DeadlockTimeout: time.Minute, OrphanTimeout: time.Minute, RestrictSignal: true, InterruptTimeout: 10 * time.Second, Processes: 1, Threads: 5, PythonHome: "/srv/venv", PythonPath: []string{"/a:b"}, Umask: -1,
				StartupTimeout: 15 * time.Second, RequestTimeout: time.Minute, QueueTimeout: 45 * time.Second, ShutdownTimeout: 5 * time.Second, GracefulTimeout: 15 * time.Second,
				ConnectTimeout: 15 * time.Second, SocketTimeout: time.Minute,
				QueueLimit: 1024, HeaderBufferSize: 32768, ResponseBufferSize: 262144, EnvFiles: []string{"/etc/default/a", "/etc/default/b"},
			},
			apps, shop, &second,
			{
				Name: "web", User: "joe", UserGroup: "www-data", SupplementaryGroups: []string{"video", "render"}, CPUPriority: -5,
				MemoryLimit: 512 << 20, VirtualMemoryLimit: 2 << 30, CPUTimeLimit: time.Hour,
				Rotate: RotateRolling, MaximumRequests: 10000, MaximumMemory: 300 << 20, RestartInterval: time.Hour, EvictionTimeout: 3 * time.Second,
				InactivityTimeout: 5 * time.Minute, OrphanTimeout: 500 * time.Millisecond,
				Systemd: []Directive{
					{"BindPaths", ""},
					{"CPUQuota", "50%"},
					{"IPAddressDeny", "any"},
					{"IPAddressDeny", "192.0.2.1"},
					{"NoNewPrivileges", "yes"},
					{"TasksMax", "100"},
				},
				Processes: 1, Threads: 15, ProcessesSet: true, Python: "/usr/bin/python3", PythonPath: []string{"/srv/lib", "/srv/more"},
				Home: "/srv/blog", Lang: "C.UTF-8", Locale: "de_DE.UTF-8", DisplayName: "%{GROUP}", Umask: 0o027,
				SwitchInterval: 2 * time.Millisecond, StackSize: 512 << 10,
				PythonEggs: "/var/cache/eggs", ImportScripts: []string{"/srv/blog/prepare.py", "/srv/blog/metrics.py"},
				RestrictStdin: true, RestrictStdout: true, ScriptGroup: "#33",
				StartupTimeout: time.Hour, QueueTimeout: 1500 * time.Microsecond, ShutdownTimeout: 15 * time.Second, GracefulTimeout: 30 * time.Second,
				ConnectTimeout: 4 * time.Second, SocketTimeout: 90 * time.Second,
				HeaderBufferSize: 64 << 10, ResponseBufferSize: 128 << 10, ResponseSocketTimeout: 2 * time.Minute, ResponseFlushDelay: 5 * time.Millisecond,
				Env: map[string]string{"A": "say \"hi\"\n", "B": `back\slash`}, EnvFiles: []string{"/etc/default/blog"},
			},
		},
		Services: []*Group{
			service("queue", func(g *Group) {
				g.Module, g.User, g.ShutdownTimeout = "blog.worker", "wsgi-queue", 10*time.Minute
				g.Systemd = []Directive{{"Restart", "on-failure"}}
			}),
			service("report", func(g *Group) { g.Script = "/srv/blog/report.py" }),
		},
		Mounts: []*Mount{
			{Path: "/", Script: "/srv/blog/app.py", Callable: "app", Group: "web", ApplicationGroup: "%{GLOBAL}", ScriptReloading: true, Policy: completePolicy(nil)},
			{Path: "/api/v1", Module: "blog.api", Callable: "make.app", Group: "api", Policy: completePolicy(func(p *Policy) {
				p.RequestBody, p.PassAuthorization, p.MapHEAD = 10<<20, false, MapNever
				p.IgnoreActivity, p.Sendfile, p.ErrorOverride, p.ErrorPages = true, false, true, Pages{"404": "", "5xx": "Please come back later.", "503": "<p>\"Soon.\"</p>"}
				p.TrustedProxies, p.TrustedHeaders = Peers{}, []string{"X-Forwarded-For", "X-Forwarded-Proto"}
				p.Compress, p.CompressMinimum, p.LocalRedirects = []string{"text/html", "application/*"}, 0, false
				p.RestrictProcess = []string{"api"}
			})},
		},
		Redirects: []*Redirect{
			{Rerouting{Path: "/old", Hosts: []string{"blog.example", "*.test"}, To: "https://www.example.org/new", Query: QueryKept}, 301},
			{Rerouting{
				PathMatch: `^/index\.php$`, QueryMatch: "(?:^|&)id=(?P<id>[0-9]+)", Methods: []string{"GET"}, To: "/articles/${id}", Query: QueryDropped,
			}, 302},
		},
		Rewrites: []*Rewrite{{Rerouting{PathMatch: "^/users/([a-z]+)", To: "/profile?name=$1", Query: QueryAppended}, true}},
		Statics: []*Static{{
			Path: "/assets", Directory: "/srv/blog/assets", Expires: time.Hour, Precompressed: true, Symlinks: SymlinksNever, HiddenFiles: true, Fallback: true,
			Policy: completePolicy(func(p *Policy) { p.Sendfile = false }),
		}},
		Handlers: []*Handler{{
			Path: "/assets/docs", Suffixes: []string{".rst", ".md"},
			Run: &Mount{Script: "/srv/blog/docs.py", Callable: "render", Group: "web", ApplicationGroup: GlobalApplications, ScriptReloading: true, Policy: completePolicy(nil), handler: true},
		}},
		Locations: []*Location{{
			Path: "/upload", policy: Policy{
				ResponseHeaders: []string{"X-Frame-Options: DENY", "X-Powered-By:"}, RedirectHTTPS: true, HSTS: time.Hour, RequestBody: 5 << 30, MapHEAD: MapAlways, TrustedProxies: Peers{All: true}, ErrorPages: Pages{"4xx": "Not so."}, Allow: Peers{
					Unix: true, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.5/32")},
				},
			},
			written: []string{"allow", "chunked-request", "deny", "error-page", "hsts", "limit-request-body", "map-head-to-get", "redirect-https", "response-headers", "trusted-proxies", "trusted-proxy-headers"},
		}, {
			Path: "/api/v1/private", policy: Policy{Access: Access{
				Script: "/srv/hosts.wsgi", AuthType: AuthDigest, AuthName: "Members only", UserScript: "/srv/users.wsgi", GroupScript: "/srv/users.wsgi",
				Require: []string{`user anna "carl friedrich"`, "group staff"}, GroupAuthoritative: true,
			}},
			written: []string{"access-script", "auth-group-script", "auth-name", "auth-type", "auth-user-script", "group-authoritative", "require"},
		}, {
			Path: "/api/v1/private/open", policy: Policy{Access: Access{Require: []string{"all granted"}}}, written: []string{"access-script", "require"},
		}},
		Policy: completePolicy(nil),
		Vhosts: []*Vhost{
			{
				ServerName: "shop.example", Aliases: []string{"[2001:db8::1]"}, Default: true, Listen: []Listener{{"tcp", ":8080"}, {"unix", "/run/wsgi/blog.sock"}},
				AccessLogFormat: "common", WarmUp: []string{"/blog/ready"}, Policy: completePolicy(func(p *Policy) { p.RequestBody = 3 << 20 }), key: "vhost[0]", Groups: []*Group{apps, shop},
				Mounts: []*Mount{
					{Path: "/", Script: "/srv/shop/app.py", Callable: "application", Group: "shop", Policy: completePolicy(func(p *Policy) { p.RequestBody = 3 << 20 })},
					{
						PathMatch: "^/user/([a-z]+)", Script: "/srv/shop/apps/$1/app.py", Callable: "application", Group: "apps", ApplicationGroup: "%{GLOBAL}",
						Policy: completePolicy(func(p *Policy) { p.RequestBody = 3 << 20 }),
					},
					{
						Path: "/apps", ScriptDirectory: "/srv/shop/apps", ScriptSuffix: ".py", Callable: "application", Group: "apps", ApplicationGroup: "%{GLOBAL}",
						Policy: completePolicy(func(p *Policy) { p.RequestBody = 3 << 20 }),
					},
					{Path: "/blog", Script: "/srv/blog/app.py", Callable: "app", Group: "web", Dispatch: Dispatch{"/srv/shop/dispatch.py", "shop", 2 * time.Second}, Policy: completePolicy(func(p *Policy) { p.RequestBody = 2 << 20 })},
				},
				Redirects: []*Redirect{
					{Rerouting{Path: "/sale", To: "/offers#new", Query: QueryKept}, 302},
					{Rerouting{Path: "/gone", Query: QueryKept}, 410},
				},
				Rewrites: []*Rewrite{{Rerouting{Path: "/v1", To: "/", Query: QueryKept}, false}},
				Statics: []*Static{{
					Path: "/files", Directory: "/srv/shop/files", Internal: true, Index: "index.html", Symlinks: SymlinksInside,
					Policy: completePolicy(func(p *Policy) { p.RequestBody = 3 << 20 }),
				}},
				Locations: []*Location{{Path: "/blog/in", policy: Policy{RequestBody: 0}, written: []string{"limit-request-body"}}},
			},
			{
				ServerName: "Shop.example", Listen: []Listener{{"tcp", "127.0.0.1:8000"}}, key: "vhost[1]",
				AccessLog: "/var/log/wsgi/blog/access.log", AccessLogFormat: "json", Policy: completePolicy(nil),
				Mounts: []*Mount{{Path: "/", Script: "/srv/shop/app.py", Callable: "application", Group: "shop.second", ApplicationGroup: "second", Policy: completePolicy(nil)}},
			},
		},
	}
}

// completePolicy is what complete.toml says at the top level, changed.
func completePolicy(change func(*Policy)) Policy {
	p := Policy{
		ChunkedRequest: true, PassAuthorization: true, Sendfile: true, MapHEAD: MapAuto, OddHeaders: HeadersRefused, CompressMinimum: 1024, LocalRedirects: true,
		TrustedProxies: Peers{Unix: true, Networks: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("192.0.2.1/32"),
			netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("fd00::/8"),
		}},
		TrustedHeaders: []string{"X-Forwarded-For", "x-real-ip"},
		ErrorPages:     Pages{"404": "/srv/errors/404.html", "5xx": "Please come back later."},
		Deny:           Peers{All: true, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
	}
	if change != nil {
		change(&p)
	}
	return p
}

// service is a service script with all other defaults.
func service(name string, change func(*Group)) *Group {
	g := NewGroup(name)
	g.Threads = 0
	change(g)
	return g
}

func TestParseComplete(t *testing.T) {
	text, err := os.ReadFile("testdata/complete.toml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("blog", "testdata/complete.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	sameSite(t, got, completeSite())
	for _, k := range Keys() {
		if k.State == Supported && !bytes.Contains(text, []byte(k.Name)) {
			t.Errorf("complete.toml lacks %s", k.Name)
		}
	}
}

// sameSite compares everything but the lines.
func sameSite(t *testing.T, got, want *Site) {
	t.Helper()
	a, b := *got, *want
	a.lines, b.lines = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("site is\n%s\n%+v\nwant\n%s\n%+v", got.Encode(), a.Server, want.Encode(), b.Server)
	}
}

func TestParseMinimal(t *testing.T) {
	got := mustParse(t, minimal)
	want := Default("blog")
	want.Path = "/etc/wsgi/blog.toml"
	want.Mounts = []*Mount{{Path: "/", Script: "/srv/app.py", Callable: "application", Group: "main", Policy: want.Policy}}
	sameSite(t, got, want)
	if err := want.Validate(); err != nil {
		t.Errorf("the default site with a mount is not valid: %v", err)
	}
	v, g := want.Server, want.Groups[0]
	if want.Policy.RequestBody != 1<<30 || v.KeepAliveTimeout != 75*time.Second || v.AccessLogFormat != "combined" || v.AccessLog != "" || v.BodyMinRate != 500 {
		t.Errorf("defaults of the front end: %+v", v)
	}
	if g.Processes != 1 || g.Threads != 5 || g.ProcessesSet || g.Umask != -1 || g.RequestTimeout != time.Minute || g.QueueLimit != 1024 ||
		g.DeadlockTimeout != time.Minute || g.OrphanTimeout != time.Minute || g.InactivityTimeout != 0 || g.MemoryLimit != 0 || g.Systemd != nil {
		t.Errorf("defaults of a group: %+v", g)
	}
}

// TestFieldsMatchKeys: every supported key has a field, of a type the decoder
// can fill, and every field a key.
func TestFieldsMatchKeys(t *testing.T) {
	for table, fs := range map[Table]fields{
		tableTop: serverFields(&Site{}), tableSite: siteTableFields(&Site{}), tableGroup: groupFields(&Group{}), tableMount: mountFields(&Mount{}),
		tableVhost: vhostFields(&Vhost{}), tableStatic: staticFields(&Static{}), tableHandler: handlerFields(&Handler{Run: &Mount{}}),
		tableRedirect: redirectFields(&Redirect{}), tableRewrite: rewriteFields(&Rewrite{}),
	} {
		keys := keysOf(table)
		for _, k := range keys {
			isTable := k.Type == TypeTable || k.Type == TypeTables || k.Type == TypeNamed
			if (k.State == Supported && !isTable) != (fs.find(k.Name) != nil) {
				t.Errorf("%s in %s is %s; has a field: %t", k.Name, table, k.State, fs.find(k.Name) != nil)
			}
			if k.Meaning == "" || k.Type == "" {
				t.Errorf("%s in %s is not described", k.Name, table)
			}
		}
		for _, f := range fs {
			if lookup(keys, f.key) == nil {
				t.Errorf("field %s in %s has no key", f.key, table)
			}
		}
	}
}

// TestKeysAreUnique: a name twice in a table would hide the second row.
func TestKeysAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		id := string(k.Table) + " " + k.Name
		if seen[id] {
			t.Errorf("%s is listed twice", id)
		}
		seen[id] = true
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Site)
		want   string
	}{
		"no mount":        {func(s *Site) { s.Mounts = nil }, "mount: the site has no [[mount]]"},
		"processes":       {func(s *Site) { s.Groups[0].Processes = 0 }, "group.main.processes: 0 is out of range: 1 to 1024"},
		"relative socket": {func(s *Site) { s.Listen = []Listener{{"unix", "x.sock"}} }, `listen: socket path "x.sock" is not absolute`},
		"too fine":        {func(s *Site) { s.Server.SendTimeout = 1 }, `send-timeout: "1ns" is not a duration: "ns" is not a unit`},
		"script":          {func(s *Site) { s.Mounts[0].Script = "/srv/a\nb" }, `mount.script: "/srv/a\nb" contains a control character`},
		"group":           {func(s *Site) { s.Mounts[0].Group = "mian" }, `mount.group: there is no group "mian"; there are: main`},
		"prefix":          {func(s *Site) { s.Socket.Prefix = "/run//x/../wsgi/" }, "socket-prefix: path \"/run//x/../wsgi/\" has needless parts"},
		"prefix in two":   {func(s *Site) { s.Socket.Prefix = "/run/a b/" }, `socket-prefix: path "/run/a b/" contains " ", which has a meaning of its own in units`},
		"relative prefix": {func(s *Site) { s.Socket.Prefix = "logs/wsgi" }, `socket-prefix: path "logs/wsgi" is not absolute`},
		"socket mode":     {func(s *Site) { s.Socket.Mode = 0o1660 }, "socket-mode: 1660 is out of range: 0000 to 0777"},
		"backlog":         {func(s *Site) { s.Socket.Backlog = 0 }, "listen-backlog: 0 is out of range: 1 to 65535"},
		"user":            {func(s *Site) { s.Groups[0].User = "root" }, "group.main.user: root is not allowed"},
		"directive": {
			func(s *Site) { s.Groups[0].Systemd = []Directive{{"TasksMax", "1"}, {"TasksMax", "1\n[Install]"}} },
			`group.main.systemd.TasksMax: "1\n[Install]" contains a control character`,
		},
		"name": {func(s *Site) { s.Name = "../x" }, `site name "../x" is not usable in unit and socket names`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := Default("blog")
			s.Mounts = []*Mount{{Path: "/", Script: "/srv/app.py", Callable: "application", Group: "main"}}
			test.change(s)
			err := s.Validate()
			if err == nil {
				t.Fatal("no error")
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); first != test.want {
				t.Errorf("error is %q, want %q", first, test.want)
			}
		})
	}
}

func TestProcessesSet(t *testing.T) {
	written := mustParse(t, "[group.main]\nprocesses = 1\n"+minimal)
	if !written.Groups[0].ProcessesSet {
		t.Error("processes = 1 was written, and ProcessesSet is false")
	}
	if again := mustParse(t, string(written.Encode())); !again.Groups[0].ProcessesSet {
		t.Error("Encode lost that processes was written")
	}
}

func TestLoadMerges(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"blog.toml":            "max-connections = 1\nlisten = [\":1\", \":2\"]\n[group.main]\nthreads = 2\nenv = { A = \"1\", B = \"1\" }\n" + minimal,
		"blog.d/10-first.toml": "max-connections = 2\nlisten = \":3\"\n[group.main.env]\nB = \"2\"\nC = \"2\"\n",
		"blog.d/20-last.toml":  "max-connections = 3\n[group.main]\nprocesses = 4\n[[mount]]\npath = \"/b\"\nscript = \"/srv/app.py\"\n",
		"blog.d/.hidden.toml":  "not toml",
		"blog.d/README":        "not toml",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(filepath.Join(dir, "blog.toml"))
	if err != nil {
		t.Fatal(err)
	}
	g := s.Group("main")
	if s.Name != "blog" || s.Server.MaxConnections != 3 || g.Threads != 2 || g.Processes != 4 {
		t.Errorf("scalars: %s", s.Encode())
	}
	if !slices.Equal(s.Listen, []Listener{{"tcp", ":3"}}) {
		t.Errorf("listen is %v, want the last array only", s.Listen)
	}
	if want := map[string]string{"A": "1", "B": "2", "C": "2"}; !reflect.DeepEqual(g.Env, want) {
		t.Errorf("env is %v, want %v", g.Env, want)
	}
	if len(s.Mounts) != 2 || s.Mounts[1].Path != "/b" {
		t.Errorf("mounts: %s", s.Encode())
	}
}

func TestLoadFails(t *testing.T) {
	if _, err := Load("testdata/none.toml"); !os.IsNotExist(unwrap(err)) {
		t.Errorf("error for a file that does not exist is %v", err)
	}
	if _, err := Load("testdata/complete.txt"); err == nil || !strings.Contains(err.Error(), ".toml") {
		t.Errorf("error for another ending is %v", err)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

// FuzzParse: what Parse accepts, it reads back equal from Encode, and Validate
// accepts it; what it refuses, it refuses with a file and a line for each error,
// each on lines of its own.
func FuzzParse(f *testing.F) {
	complete, err := os.ReadFile("testdata/complete.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(complete)
	f.Add([]byte(minimal))
	f.Add([]byte("[group.\"a.b\"]\nthreads=7\n[group.\"a.b\".env]\n_X=\"\\u0001\\n\"\n" + minimal))
	f.Add([]byte("listen=[]\nmount=[{path='/',module='a.b:c'}]\n[group]\nx={switch-interval=0.000001}\n"))
	f.Add([]byte("socket-mode='0600'\n[site.systemd]\nTasksMax=[1,'2']\nPrivateTmp=true\n[group.main.systemd]\nLogExtraFields='A=\\\\'\n" + minimal))
	f.Add([]byte("[[vhost]]\nserver-name='a.b'\nserver-alias='*.a.b'\naccess-log=''\n[vhost.group.x]\n[[vhost.mount]]\npath='/'\nmodule='m'\n"))
	f.Add([]byte("\"a\\nb\" = 1\nvhost=[{}]\n"))
	f.Add([]byte("[[redirect]]\npath-match='^/(?P<a>.)'\nquery-match='(?P<b>.)'\nto='https://h:1/$1${a}?${b}#c'\nstatus=308\n[[rewrite]]\npath='/'\nto='/%41'\nlast=true\n" + minimal))
	f.Add([]byte("allow=['10.0.0.0/8','::1','all']\nerror-page={404='/e.html',5xx=\"a\\n\\\"b\"}\n[[location]]\npath='/x'\nallow=[]\nerror-page={404=''}\n" + minimal))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("blog", "/etc/wsgi/blog.toml", text)
		if err != nil {
			checkErrors(t, err)
			return
		}
		again, err := Parse(s.Name, s.Path, s.Encode())
		if err != nil {
			t.Fatalf("Parse refuses what Encode wrote: %v\n%s", err, s.Encode())
		}
		sameSite(t, again, s)
		if err := s.Validate(); err != nil {
			t.Fatalf("Validate refuses what Parse accepted: %v", err)
		}
	})
}

func checkErrors(t *testing.T, err error) {
	t.Helper()
	errs, ok := err.(Errors)
	if !ok || len(errs) == 0 {
		t.Fatalf("error is %T %v, want Errors", err, err)
	}
	for _, e := range errs {
		if e.File == "" || e.Line < 1 || e.Msg == "" || strings.ContainsFunc(e.Key+e.Msg+e.Hint, isControl) {
			t.Errorf("bad error: %#v", e)
		}
	}
}
