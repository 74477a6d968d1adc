package boot_test

import (
	"context"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/certificate"
	"github.com/wsgid/wsgid/tests/confine"
	"github.com/wsgid/wsgid/tests/load"
)

// TestConfinement has a site do what its front end and processes can, and wants what they
// were seen to open to be what the AppArmor profiles let them open. The kernel need not have
// AppArmor for that; packaging/ has the test that the profiles are enforced where it does.
func TestConfinement(t *testing.T) {
	parser, err := exec.LookPath("/usr/sbin/apparmor_parser")
	if err != nil {
		t.Skip("no apparmor_parser (Debian: apparmor): not proved that the AppArmor profiles allow what sites do")
	}
	profiles := map[string]*confine.Profile{}
	for _, name := range []string{"supervisor", "leader"} {
		text, err := exec.Command(parser, "--preprocess", "../../packaging/apparmor/wsgid-"+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if profiles[name], err = confine.Parse(string(text)); err != nil {
			t.Fatal(err)
		}
	}
	boot.Run(t, "what a site opens is what the AppArmor profiles allow",
		boot.Case{Name: "files and sockets", Own: true, Run: func(t *testing.T, m *boot.Machine) {
			compare(t, m, profiles, traced(t, m, func() { exerciseSite(t, m) }))
		}},
	)
}

// confinedSite has what makes supervisor or processes open something that others do not.
const confinedSite = `listen = ["127.0.0.1:8000", "127.0.0.1:8443", ":8001"]
access-log = "/var/log/wsgi/blog/access.log"
error-log = "/var/log/wsgi/blog/error.log"
request-buffer-size = "4K"
trusted-proxies = ["unix"]
server-metrics = true

[tls]
listen = "127.0.0.1:8443"
certificate = "/etc/ssl/blog.pem"
key = "/etc/ssl/private/blog.key"

[group.web]
user = "joe"
processes = 2
threads = 5
home = "/srv/blog"
import-script = "/srv/blog/first.py"
env-file = "/etc/wsgi/blog.env"
response-buffer-size = "64K"

[[mount]]
path = "/"
script = "/srv/blog/app.py"
group = "web"

[[mount]]
path = "/probe"
script = "/srv/blog/probe.py"
group = "probe"
application-group = "other"

[group.probe]
script-user = "root"

[[mount]]
path = "/dir"
script-directory = "/srv/blog/scripts"
group = "dir"

[group.dir]

[[static]]
path = "/static"
directory = "/srv/blog/static"
`

// exerciseSite starts the site, asks it for all that is in its file, reloads, upgrades and
// restarts it.
func exerciseSite(t *testing.T, m *boot.Machine) {
	t.Helper()
	chain, key, err := certificate.New(1, "blog.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"app.py": load.AppSource(), "probe.py": probe, "first.py": "import ssl, sqlite3, ctypes, subprocess\n",
		"scripts/a.py": probe, "static/page.html": "<p>static</p>\n",
	} {
		m.WriteFile("/srv/blog/"+name, content, 0o644, "")
	}
	m.WriteFile("/etc/ssl/blog.pem", chain, 0o644, "")
	m.WriteFile("/etc/ssl/private/blog.key", key, 0o600, "")
	m.WriteFile("/etc/wsgi/blog.env", "SECRET=1\n", 0o600, "")
	m.Site("blog", confinedSite)
	m.MustRun("systemctl", "start", "wsgi@blog.service")
	s := &served{m: m, name: "blog"}
	requests := func() {
		s.answers(t)
		for _, url := range []string{
			"http://127.0.0.1:8000/static/page.html", "http://127.0.0.1:8001/static/none", "http://127.0.0.1:8000/probe/who?argument",
			"http://127.0.0.1:8000/dir/a.py/who?argument", "https://127.0.0.1:8443/environ", "http://127.0.0.1:8000/probe/read?/etc/hostname",
			"http://127.0.0.1:8000/probe/write?/tmp/x",
		} {
			if got := m.Curl("--insecure", url); got.Status >= 500 {
				t.Errorf("%s: %d %s", url, got.Status, got.Body)
			}
		}
		s.loadAt(t, "", load.Workers{Job: load.Upload, Bytes: 8 << 20}, load.Workers{Job: load.Download, Bytes: 8 << 20}).Stop()
	}
	requests()
	m.MustRun("logrotate", "--force", "/etc/logrotate.d/wsgid")
	m.MustRun("systemctl", "reload", s.service())
	requests()
	upgrade(m)
	m.MustRun("systemctl", "reload", s.service())
	requests()
	m.MustRun("wsgid", "status", "blog")
	m.MustRun("systemctl", "restart", s.service())
	requests()
	m.MustRun("systemctl", "stop", s.service())
	s.awaitRest(t)
}

// upgrade puts the same program there again, as another file.
func upgrade(m *boot.Machine) {
	m.MustRun("sh", "-c", "cp /usr/bin/wsgid /usr/bin/wsgid.new && mv /usr/bin/wsgid.new /usr/bin/wsgid")
}

// traced gives what the site's processes open while a function runs: strace follows
// systemd and all that it starts.
func traced(t *testing.T, m *boot.Machine, run func()) []confine.Access {
	t.Helper()
	m.MustRun("mkdir", "/root/trace")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := m.Command(ctx, boot.Command{Args: append(append([]string{"strace"}, confine.Strace()...), "-o", "/root/trace/t", "-p", "1")})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It is there once systemd, which does something then, has left a line.
	m.MustRun("sh", "-c", "until systemctl daemon-reload && [ -s /root/trace/t.1 ]; do :; done")
	run()
	m.MustRun("sh", "-c", "kill -INT $(pidof strace)")
	cmd.Wait() //nolint:errcheck // it was told to end

	files := map[int][]string{}
	for line := range strings.Lines(m.MustRun("sh", "-c", "cd /root/trace && grep -H '' t.*") + "\n") {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		pid, err := strconv.Atoi(strings.TrimPrefix(name, "t."))
		if err != nil {
			t.Fatal(err)
		}
		files[pid] = append(files[pid], text)
	}
	all, err := confine.Read(files, profileOf)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// profileOf is the profile of what systemd starts: AppArmorProfile= is for all commands of
// a unit but for those with a + (systemd.service(5)).
func profileOf(argv []string, present string) string {
	if path.Base(argv[0]) != "wsgid" || len(argv) < 2 || present != "" {
		return present
	}
	switch argv[1] {
	case "serve", "reload":
		return "supervisor"
	case "leader":
		return "leader"
	}
	return ""
}

// compare wants the profiles to allow what was seen, and names each thing once.
func compare(t *testing.T, m *boot.Machine, profiles map[string]*confine.Profile, all []confine.Access) {
	t.Helper()
	directories := directories(m, all)
	seen, lacking := map[string]int{}, map[string]string{}
	for _, a := range all {
		profile, domain := profiles[a.Domain], a.Domain
		seen[domain]++
		if a.Family != "" {
			if !profile.AllowsSocket(a.Family, a.Kind) {
				lacking[domain+": network "+a.Family+" "+a.Kind] = a.Call
			}
			continue
		}
		name := a.Path
		if directories[name] {
			name += "/"
		}
		if lacks := profile.Lacks(name, a.Perms); lacks != "" {
			lacking[domain+": "+name+" "+lacks] = a.Call
		}
	}
	for domain := range profiles {
		if seen[domain] < 100 {
			t.Errorf("only %d calls of %ss were seen", seen[domain], domain)
		}
	}
	var names []string
	for name := range lacking {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Errorf("%s is not allowed: %s", name, lacking[name])
	}
}

// directories are those of the paths that are one in the machine, whose names AppArmor
// has with a slash at the end.
func directories(m *boot.Machine, all []confine.Access) map[string]bool {
	var paths []string
	for _, a := range all {
		if a.Path != "" && !strings.HasSuffix(a.Path, "/") {
			paths = append(paths, a.Path)
		}
	}
	slices.Sort(paths)
	found := map[string]bool{}
	said := m.Must(boot.Command{
		Args:  []string{"sh", "-c", `while read -r path; do [ ! -d "$path" ] || printf '%s\n' "$path"; done`},
		Stdin: strings.Join(slices.Compact(paths), "\n") + "\n",
	})
	for _, path := range strings.Split(said, "\n") {
		found[path] = true
	}
	return found
}
