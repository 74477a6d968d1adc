package leader

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// mirror answers with what it sees of its settings.
const mirror = `
import json, locale, os, sys, threading
def application(environ, start_response):
    umask = os.umask(0)
    os.umask(umask)
    with open('/proc/self/cmdline') as file:
        title = file.read().rstrip('\0')
    start_response('200 OK', [])
    return [json.dumps({
        'umask': umask, 'cwd': os.getcwd(), 'env': dict(os.environ), 'path': sys.path, 'title': title,
        'stack': threading.stack_size(), 'interval': sys.getswitchinterval(),
        'locale': locale.setlocale(locale.LC_ALL), 'encoding': sys.getfilesystemencoding(),
        'group': environ['mod_wsgi.process_group'], 'software': environ['SERVER_SOFTWARE'],
        'multi': [environ['wsgi.multithread'], environ['wsgi.multiprocess']], 'once': environ['wsgi.run_once'],
        'stdin': os.read(0, 1).decode(),
    }).encode()]
`

type reflection struct {
	Umask    int
	Cwd      string
	Env      map[string]string
	Path     []string
	Title    string
	Stack    int
	Interval float64
	Locale   string
	Encoding string
	Group    string
	Software string
	Multi    [2]bool
	Once     bool
	Stdin    string
}

func look(t *testing.T, change func(*Options)) (reflection, *rig) {
	t.Helper()
	r := lead(t, mirror, change)
	threads, _ := r.ready(1)
	var seen reflection
	if err := json.Unmarshal([]byte(threads[0].get("")), &seen); err != nil {
		t.Fatal(err)
	}
	return seen, r
}

func TestSettings(t *testing.T) {
	t.Parallel()
	home, one, two := t.TempDir(), t.TempDir(), t.TempDir()
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("FROM_FILE=file\nBOTH=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(one, "two.pth"), []byte(two+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen, r := look(t, func(o *Options) {
		g := o.Group
		g.Umask, g.Home, g.PythonPath, g.EnvFiles = 0o027, home, []string{one}, []string{file}
		g.Env = map[string]string{"FROM_KEY": "caf\u00e9 key", "BOTH": "key"}
		g.Lang, g.Locale, g.DisplayName = "C", "C.UTF-8", "site %{GROUP}"
		g.StackSize, g.SwitchInterval, g.Threads = 1<<20, 250*time.Millisecond, 2
		o.Software = "wsgid/9"
	})
	if seen.Umask != 0o027 || seen.Cwd != home {
		t.Errorf("umask %#o, working directory %s", seen.Umask, seen.Cwd)
	}
	for name, want := range map[string]string{"FROM_FILE": "file", "FROM_KEY": "caf\u00e9 key", "BOTH": "key", "LANG": "C", "LC_ALL": "C.UTF-8"} {
		if seen.Env[name] != want {
			t.Errorf("%s=%q, want %q", name, seen.Env[name], want)
		}
	}
	if want := []string{home, filepath.Dir(r.script), one, two}; len(seen.Path) < 4 || !slices.Equal(seen.Path[:4], want) {
		t.Errorf("sys.path is %q, want it to begin with %q", seen.Path, want)
	}
	if seen.Title != "site (wsgi:main)" {
		t.Errorf("title %q", seen.Title)
	}
	if seen.Stack != 1<<20 || seen.Interval != 0.25 {
		t.Errorf("stack size %d, switch interval %v", seen.Stack, seen.Interval)
	}
	if seen.Locale != "C.UTF-8" || seen.Software != "wsgid/9" || seen.Group != "main" || seen.Multi != [2]bool{true, false} {
		t.Errorf("locale %q, software %q, group %q, multi %v", seen.Locale, seen.Software, seen.Group, seen.Multi)
	}
}

func TestSettingsDefault(t *testing.T) {
	t.Parallel()
	seen, r := look(t, nil)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if seen.Cwd != cwd || seen.Title != "wsgid: worker rig:main" || seen.Stack != 0 || seen.Interval != 0.005 {
		t.Errorf("working directory %q, title %q, stack size %d, switch interval %v", seen.Cwd, seen.Title, seen.Stack, seen.Interval)
	}
	if seen.Path[0] != filepath.Dir(r.script) || slices.Contains(seen.Path, "") {
		t.Errorf("sys.path: %q", seen.Path)
	}
	if seen.Encoding != "utf-8" || seen.Software != "wsgid" || seen.Multi != [2]bool{} || seen.Stdin != "" {
		t.Errorf("encoding %q, software %q, multi %v, stdin %q", seen.Encoding, seen.Software, seen.Multi, seen.Stdin)
	}
}

func TestMultiprocess(t *testing.T) {
	t.Parallel()
	seen, _ := look(t, func(o *Options) { o.Group.ProcessesSet = true })
	if seen.Multi != [2]bool{false, true} {
		t.Errorf("wsgi.multithread and wsgi.multiprocess are %v with processes written as 1", seen.Multi)
	}
}

func TestRunOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		threads, requests int
		want              bool
	}{{1, 1, true}, {2, 1, false}, {1, 2, false}, {1, 0, false}} {
		seen, _ := look(t, func(o *Options) { o.Group.Threads, o.Group.MaximumRequests = c.threads, c.requests })
		if seen.Once != c.want {
			t.Errorf("wsgi.run_once is %t with threads = %d and maximum-requests = %d", seen.Once, c.threads, c.requests)
		}
	}
}

func TestUnknownLocale(t *testing.T) {
	t.Parallel()
	r := lead(t, hello, func(o *Options) { o.Group.Locale = "xx_NOWHERE" })
	if m := r.expect(wire.ProcessFailed); !strings.Contains(m.Text, "cannot use locale 'xx_NOWHERE'") {
		t.Errorf("reason: %q", m.Text)
	}
}

func TestSetLocale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		env          string
		lang, locale string
		want         string
	}{
		{"nothing", "", "", "", "LANG=C.UTF-8"},
		{"C", "LANG=C", "", "", "LANG=C.UTF-8"},
		{"C overrides", "LC_ALL=C LANG=de_DE.UTF-8", "", "", "LANG=C.UTF-8"},
		{"POSIX", "LC_CTYPE=POSIX", "", "", "LANG=C.UTF-8"},
		{"its own", "LANG=de_DE.UTF-8", "", "", "LANG=de_DE.UTF-8"},
		{"its own by category", "LC_CTYPE=de_DE.UTF-8 LANG=C", "", "", "LANG=C LC_CTYPE=de_DE.UTF-8"},
		{"empty means nothing", "LC_ALL= LANG=en_US.UTF-8", "", "", "LANG=en_US.UTF-8 LC_ALL="},
		{"lang", "", "fr_FR.UTF-8", "", "LANG=fr_FR.UTF-8"},
		{"lang C is wanted", "", "C", "", "LANG=C"},
		{"locale", "LANG=de_DE.UTF-8", "", "en_GB.UTF-8", "LANG=de_DE.UTF-8 LC_ALL=en_GB.UTF-8"},
		{"both", "", "C", "C.UTF-8", "LANG=C LC_ALL=C.UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for entry := range strings.FieldsSeq(c.env) {
				name, value, _ := strings.Cut(entry, "=")
				env[name] = value
			}
			unlessC(env)
			setLocale(env, &site.Group{Lang: c.lang, Locale: c.locale})
			var got []string
			for _, name := range slices.Sorted(maps.Keys(env)) {
				got = append(got, name+"="+env[name])
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

// TestEnvironmentIsPrivate cannot be parallel: it sets variables of this process.
func TestEnvironmentIsPrivate(t *testing.T) {
	for _, name := range []string{
		"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "WSGID_ANYTHING", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID",
		"FDSTORE", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
	} {
		t.Setenv(name, "secret")
	}
	for _, name := range []string{"RIG_ORDINARY", "INVOCATION_ID", "CREDENTIALS_DIRECTORY", "HOME", "USER", "LOGNAME"} {
		t.Setenv(name, "kept")
	}
	for _, unit := range []bool{false, true} {
		env, err := environment(site.PythonFlags{}, &site.Group{}, unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"RIG_ORDINARY", "INVOCATION_ID", "CREDENTIALS_DIRECTORY", "HOME", "USER", "LOGNAME"} {
			if !slices.Contains(env, name+"=kept") {
				t.Errorf("unit=%t: %s is missing", unit, name)
			}
		}
		if strings.Contains(fmt.Sprint(env), "secret") {
			t.Errorf("unit=%t: a variable of the leader's own is passed on", unit)
		}
	}
}

// TestEnvironmentOfAUnit cannot be parallel either. systemd has read the
// env-files of a unit; what else the site file says counts.
func TestEnvironmentOfAUnit(t *testing.T) {
	for _, c := range []struct {
		name string
		unit string // of the unit
		g    site.Group
		want string // what comes of RIG_* and the locale
	}{
		{"env", "RIG_A=unit RIG_B=unit", site.Group{Env: map[string]string{"RIG_A": "site", "RIG_C": "site"}}, "LANG=C.UTF-8 RIG_A=site RIG_B=unit RIG_C=site"},
		{"env-files are systemd's", "RIG_A=unit", site.Group{EnvFiles: []string{"/nowhere/env"}}, "LANG=C.UTF-8 RIG_A=unit"},
		{"systemd's own locale", "LANG=C", site.Group{}, "LANG=C.UTF-8"},
		{"the locale of the machine", "LANG=de_DE.UTF-8", site.Group{}, "LANG=de_DE.UTF-8"},
		{"lang", "LANG=C", site.Group{Lang: "C"}, "LANG=C"},
		{"locale", "LANG=de_DE.UTF-8", site.Group{Locale: "C.UTF-8"}, "LANG=de_DE.UTF-8 LC_ALL=C.UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range localeNames {
				t.Setenv(name, "")
				os.Unsetenv(name)
			}
			for entry := range strings.FieldsSeq(c.unit) {
				name, value, _ := strings.Cut(entry, "=")
				t.Setenv(name, value)
			}
			env, err := environment(site.PythonFlags{}, &c.g, true)
			if err != nil {
				t.Fatal(err)
			}
			env = slices.DeleteFunc(env, func(entry string) bool {
				name, _, _ := strings.Cut(entry, "=")
				return !strings.HasPrefix(name, "RIG_") && !slices.Contains(localeNames[:], name)
			})
			if got := strings.Join(env, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestLocaleOfTheSite: a locale that the site file asks for stands, even C.
func TestLocaleOfTheSite(t *testing.T) {
	t.Parallel()
	env, err := environment(site.PythonFlags{}, &site.Group{Env: map[string]string{"LC_ALL": "C"}}, false)
	if err != nil || !slices.Contains(env, "LC_ALL=C") {
		t.Errorf("LC_ALL=C is not in %q, %v", env, err)
	}
}

// TestEnvironmentOrder: env wins over env-file, whoever has read that. It cannot be
// parallel: it sets variables of this process.
func TestEnvironmentOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("RIG_BOTH=file\nRIG_FILE=file\nLANG=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &site.Group{
		EnvFiles: []string{file}, Lang: "fr_FR.UTF-8",
		Env: map[string]string{"RIG_BOTH": "key", "RIG_KEY": "key", "RIG_UNIT": "key"},
	}
	t.Setenv("RIG_UNIT", "outside")
	t.Setenv("RIG_OUTSIDE", "outside")
	for _, unit := range []bool{false, true} {
		t.Run(fmt.Sprintf("unit %v", unit), func(t *testing.T) {
			if unit { // what systemd makes of EnvironmentFile=
				t.Setenv("RIG_BOTH", "file")
				t.Setenv("RIG_FILE", "file")
				t.Setenv("LANG", "file")
				g.EnvFiles = []string{"/not/to/be/read"}
			}
			env, err := environment(site.PythonFlags{}, g, unit)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				"RIG_BOTH=key", "RIG_FILE=file", "RIG_KEY=key", "RIG_UNIT=key", "RIG_OUTSIDE=outside", "LANG=fr_FR.UTF-8",
			} {
				if !slices.Contains(env, want) {
					t.Errorf("%s is not in %q", want, env)
				}
			}
		})
	}
}
