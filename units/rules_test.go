package units

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// unitFile is a unit or drop-in, shipped or generated.
type unitFile struct {
	name string // "wsgi@.socket", for drop-ins, too
	path string
	user bool // for a user's own systemd
	*unitfile.File
}

func (u unitFile) isDropIn() bool { return strings.HasSuffix(u.path, ".conf") }

func (u unitFile) is(kind string) bool { return strings.HasSuffix(u.name, "."+kind) }

// everyUnit gives all that is shipped, and what the golden files are made of.
func everyUnit(t *testing.T) []unitFile {
	t.Helper()
	var list []unitFile
	add := func(path string, text []byte, user bool) {
		file, err := unitfile.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name := path
		if before, _, ok := strings.Cut(path, ".d/"); ok {
			name = before
		}
		list = append(list, unitFile{name: filepath.Base(name), path: path, user: user, File: file})
	}
	for _, pattern := range []string{"shipped/wsgi*", "shipped/user/wsgi*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			add(path, text, strings.Contains(path, "user/"))
		}
	}
	for _, kind := range []string{"generate", "broken"} {
		eachGolden(t, kind, func(t *testing.T, g *golden) {
			files, err := g.broken()
			if kind == "generate" {
				files, err = Generate(g.site(t), g.options)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Link == "" {
					add(f.Path, f.Content, g.options.User)
				}
			}
		})
	}
	return list
}

// TestNoSocketInADirectoryOfAService: such a directory is taken away, with the
// socket in it, when the service stops, and given to the service's user, with all
// that is in it, when it starts.
func TestNoSocketInADirectoryOfAService(t *testing.T) {
	var owned, sockets []string
	for _, u := range everyUnit(t) {
		for _, dir := range u.Values("Service", "RuntimeDirectory") {
			owned = append(owned, "%t/"+dir)
		}
		for _, address := range u.Values("Socket", "ListenStream") {
			if strings.Contains(address, "/") {
				sockets = append(sockets, address)
			}
		}
		for _, key := range []string{"RuntimeDirectory", "StateDirectory", "CacheDirectory"} {
			if list := u.Values("Socket", key); len(list) > 0 {
				t.Errorf("%s has %s=%s", u.path, key, list)
			}
		}
	}
	if !slices.Contains(owned, "%t/wsgi/%i") || !slices.Contains(sockets, "%t/wsgi/%i.sock") {
		t.Fatalf("directories %q and sockets %q are not all", owned, sockets)
	}
	for _, dir := range owned {
		for _, socket := range sockets {
			if strings.HasPrefix(strings.NewReplacer("%t", "/run", "%i", "x").Replace(socket), strings.NewReplacer("%t", "/run", "%i", "x").Replace(dir)+"/") {
				t.Errorf("socket %s is in %s, which a service owns", socket, dir)
			}
		}
	}
}

// TestSocketsOutliveServices: a socket is not bound to a service, and neither has a
// start limit, behind which the socket would fail.
func TestSocketsOutliveServices(t *testing.T) {
	bonds := []string{"PartOf", "BindsTo", "Requires", "Requisite", "PropagatesStopTo", "StopPropagatedFrom", "StopWhenUnneeded", "Conflicts"}
	for _, u := range everyUnit(t) {
		for _, key := range bonds {
			list := u.Values("Unit", key)
			if u.is("socket") && len(list) > 0 || slices.ContainsFunc(list, func(s string) bool { return key != "Requires" && strings.Contains(s, ".socket") }) {
				t.Errorf("%s has %s=%s", u.path, key, list)
			}
		}
		if u.isDropIn() || u.is("slice") {
			continue
		}
		if list := u.Values("Unit", "StartLimitIntervalSec"); !reflect.DeepEqual(list, []string{"0"}) {
			t.Errorf("%s has StartLimitIntervalSec=%s", u.path, list)
		}
		if list := u.Values("Unit", "AssertPathExists"); u.is("service") && len(list) > 0 {
			t.Errorf("%s has AssertPathExists=%s", u.path, list)
		}
	}
}

// TestEveryUnit has what none may lack.
func TestEveryUnit(t *testing.T) {
	for _, u := range everyUnit(t) {
		shipped := strings.HasPrefix(u.path, "shipped/")
		if len(u.Values("Unit", "Documentation")) == 0 && !u.isDropIn() {
			t.Errorf("%s has no Documentation=", u.path)
		}
		if source := u.Values("Unit", "SourcePath"); !shipped && (len(source) != 1 || !strings.HasPrefix(source[0], "/etc/wsgi/")) {
			t.Errorf("%s has SourcePath=%s", u.path, source)
		}
		if !shipped && !strings.HasPrefix(strings.Join(u.Head, ""), "Made by wsgid-generator from /etc/wsgi/") {
			t.Errorf("%s begins with %q", u.path, u.Head)
		}
		if !shipped && len(u.Values("Install", "WantedBy")) > 0 {
			t.Errorf("%s has an [Install] section", u.path)
		}
	}
}

// TestNobodyIsRoot: every service of the system names a user, and none gets rights
// back on the way.
func TestNobodyIsRoot(t *testing.T) {
	for _, u := range everyUnit(t) {
		if !u.is("service") {
			continue
		}
		users := u.Values("Service", "User")
		switch {
		case u.user && len(users) > 0:
			t.Errorf("%s has User=%s, which a user's own systemd cannot set", u.path, users)
		case !u.user && !u.isDropIn() && (len(users) != 1 || users[0] == "root" || users[0] == "0" || users[0] == ""):
			t.Errorf("%s has User=%s", u.path, users)
		}
		for _, s := range u.Sections {
			for _, l := range s.Lines {
				command := strings.TrimLeft(l.Value, "-@:")
				if l.Key == "ExecReload" && strings.HasPrefix(command, "+@bindir@/wsgid refresh ") {
					continue // the one short-lived command that has systemd read units again
				}
				if strings.HasPrefix(l.Key, "Exec") && command != "" && strings.ContainsAny(command[:1], "+!|") {
					t.Errorf("%s has %s=%s", u.path, l.Key, l.Value)
				}
			}
		}
		if list := u.Values("Service", "MemoryDenyWriteExecute"); strings.Contains(u.name, ":") && len(list) > 0 {
			t.Errorf("%s has MemoryDenyWriteExecute=%s, under which compilers in Python do not work", u.path, list)
		}
	}
}

// TestTimeouts adds up what the site file says.
func TestTimeouts(t *testing.T) {
	const text = `
[group.quick]
startup-timeout = "1s"
graceful-timeout = 0
shutdown-timeout = "1s"
[group.slow]
startup-timeout = "100s"
graceful-timeout = "10s"
shutdown-timeout = "200s"
deadlock-timeout = "1500ms"
[[mount]]
path = "/a"
module = "a"
group = "quick"
[[mount]]
path = "/b"
module = "b"
group = "slow"
`
	for _, c := range []struct {
		name, old, text, unit string
		want                  map[string]string
	}{
		{"leader", "", "", "wsgi-x:quick@.service", map[string]string{"TimeoutStartSec": "31s", "TimeoutStopSec": "31s", "WatchdogSec": "90s"}},
		{"other leader", "", "", "wsgi-x:slow@.service", map[string]string{"TimeoutStartSec": "130s", "TimeoutStopSec": "240s", "WatchdogSec": "31500ms"}},
		{"supervisor", "", "", "wsgi@x.service.d/10-wsgi.conf", map[string]string{"TimeoutStartSec": "130s", "TimeoutStopSec": "240s"}},
		{"no startup-timeout", `"100s"`, `0`, "wsgi@x.service.d/10-wsgi.conf", map[string]string{"TimeoutStartSec": "infinity", "TimeoutStopSec": "240s"}},
		{"no shutdown-timeout", `"200s"`, `0`, "wsgi@x.service.d/10-wsgi.conf", map[string]string{"TimeoutStartSec": "130s", "TimeoutStopSec": "infinity"}},
		{"no drain", `"10s"`, `0`, "wsgi-x:slow@.service", map[string]string{"TimeoutStopSec": "230s"}},
		{"no deadlock-timeout", `"1500ms"`, `0`, "wsgi-x:slow@.service", map[string]string{"WatchdogSec": "60s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := generated(t, strings.Replace(text, c.old, c.text, 1), Options{Wsgid: "/usr/bin/wsgid"})[c.unit]
			for key, want := range c.want {
				if got := u.Values("Service", key); !reflect.DeepEqual(got, []string{want}) {
					t.Errorf("%s is %s, want %s", key, got, want)
				}
			}
		})
	}
}

// generated gives the units of a site named x by their paths.
func generated(t *testing.T, text string, o Options) map[string]*unitfile.File {
	t.Helper()
	s, err := site.Parse("x", "/etc/wsgi/x.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Generate(s, o)
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]*unitfile.File{}
	for _, f := range files {
		if f.Link != "" {
			continue
		}
		if units[f.Path], err = unitfile.Parse(f.Content); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
	}
	return units
}

// TestSocketPathLength: what fits below /run need not fit below the directory of a
// user.
func TestSocketPathLength(t *testing.T) {
	s := site.Default(strings.Repeat("a", 60))
	for _, c := range []struct {
		runtime string
		fits    bool
	}{
		{"/run", true},
		{"/run/" + strings.Repeat("b", 24), true},  // 107 bytes
		{"/run/" + strings.Repeat("b", 25), false}, // 108
	} {
		longest := len(slotSocketPath(s, c.runtime, "main", "a"))
		if err := Check(s, Options{Runtime: c.runtime}); (err == nil) != c.fits {
			t.Errorf("a path of %d bytes: %v", longest, err)
		}
	}
}
