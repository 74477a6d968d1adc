package boot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// passwords is a script of access control that knows one password, in a file that its
// daemon group's user alone may read.
func passwords(password string) string {
	return fmt.Sprintf("import os\ndef check_password(environ, user, password):\n    return password == %q and 'uid%%d' %% os.getuid()\n", password)
}

// TestAccessScripts: who may come is decided as the daemon group's user, and every way
// to start processes takes the scripts that the site file names by then.
func TestAccessScripts(t *testing.T) {
	boot.Run(t, "scripts of access control run in the daemon group, and a reload or a restart takes others",
		boot.Case{Name: "access", Run: func(t *testing.T, m *boot.Machine) {
			const path = "/etc/wsgi/guarded.toml"
			site := func(script, more string) string {
				return "listen = \"127.0.0.1:8083\"\n[group.web]\nuser = \"joe\"\nprocesses = 2\n" + more +
					"[[mount]]\npath = \"/\"\nscript = \"/srv/guarded/app.py\"\n" +
					"auth-type = \"basic\"\nauth-name = \"r\"\nauth-user-script = \"/srv/guarded/" + script + "\"\n"
			}
			m.WriteFile("/srv/guarded/app.py", "def application(environ, start_response):\n"+
				"    start_response('200 OK', [])\n    return [environ['REMOTE_USER'].encode()]\n", 0o644, "joe:joe")
			for _, name := range []string{"one", "two", "three"} {
				m.WriteFile("/srv/guarded/"+name+".wsgi", passwords(name), 0o600, "joe:joe")
			}
			m.WriteFile("/srv/guarded/broken.wsgi", "import a_module_that_nobody_installed\n", 0o600, "joe:joe")
			only := func(password string) {
				t.Helper()
				for _, other := range []string{"one", "two", "three"} {
					got := m.Curl("--user", "u:"+other, "http://127.0.0.1:8083/")
					if other != password {
						if got.Status != 401 || got.Header.Get("X-Request-Id") == "" {
							t.Errorf("with the password %s: status %d\n%s", other, got.Status, got.Body)
						}
					} else if want := fmt.Sprintf("uid%d", m.UID("joe")); got.Status != 200 || got.Body != want {
						t.Errorf("with the password %s: status %d\n%s\nwant %s", other, got.Status, got.Body, want)
					}
				}
			}
			m.Site("guarded", site("one.wsgi", ""))
			m.MustRun("systemctl", "start", "wsgi@guarded")
			only("one")

			m.WriteFile(path, site("broken.wsgi", ""), 0o644, "")
			got := m.Run("systemctl", "reload", "wsgi@guarded")
			if got.Status == 0 {
				t.Error("a reload with a broken script succeeds")
			}
			m.AwaitJournal("wsgi@guarded.service", "a_module_that_nobody_installed", within)
			only("one")

			m.WriteFile(path, site("two.wsgi", "rotate = \"rolling\"\n"), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@guarded")
			only("two")
			m.WriteFile(path, site("three.wsgi", "rotate = \"rolling\"\n"), 0o644, "")
			m.MustRun("systemctl", "reload", "wsgi@guarded")
			only("three")

			m.MustRun("systemctl", "restart", "wsgi@guarded")
			only("three")
			if journal := m.Journal("wsgi@guarded.service"); strings.Contains(journal, "starting the processes anew") {
				t.Error("a restart with the same scripts starts the processes anew")
			}
			m.WriteFile(path, site("one.wsgi", ""), 0o644, "")
			m.MustRun("systemctl", "restart", "wsgi@guarded")
			only("one")
		}},
	)
}
