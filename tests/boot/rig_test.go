package boot_test

import (
	"context"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// served is a site with the daemon group web, which runs the load client's
// application.
type served struct {
	m    *boot.Machine
	name string
}

// serve makes a site: top is the beginning of its file, web what [group.web] has
// beside its user, rest what follows the mount. Nothing is started.
func serve(m *boot.Machine, name, top, web, rest string) *served {
	s := &served{m: m, name: name}
	s.set("app.py", load.AppSource())
	s.toml(top, web, rest)
	return s
}

// toml changes the site's file.
func (s *served) toml(top, web, rest string) {
	s.m.Site(s.name, top+"\n[group.web]\nuser = \"joe\"\n"+web+
		"\n[[mount]]\npath = \"/\"\nscript = \""+s.file("app.py")+"\"\ngroup = \"web\"\n"+rest)
}

// set writes a file beside the application: a name of tests/load (FileBroken, …).
func (s *served) set(name, content string) { s.m.WriteFile(s.file(name), content, 0o644, "") }

func (s *served) unset(name string) { s.m.MustRun("rm", s.file(name)) }

func (s *served) file(name string) string { return "/srv/" + s.name + "/" + name }

func (s *served) service() string          { return "wsgi@" + s.name + ".service" }
func (s *served) socket() string           { return "wsgi@" + s.name + ".socket" }
func (s *served) slot(slot string) string  { return "wsgi-" + s.name + ":web@" + slot + ".service" }
func (s *served) inlet(slot string) string { return "wsgi-" + s.name + ":web@" + slot + ".socket" }

// path is that of the site's HTTP socket, inletPath that of a slot's.
func (s *served) path() string { return "/run/wsgi/" + s.name + ".sock" }

func (s *served) inletPath(slot string) string {
	return "/run/wsgi/" + s.name + ":web." + slot + ".sock"
}

// start starts the site as an administrator does.
func (s *served) start() { s.m.MustRun("systemctl", "start", s.service()) }

// get asks for /hello, with curl and on the UNIX socket.
func (s *served) get() boot.Response { return s.ask("/hello") }

func (s *served) ask(target string) boot.Response {
	return s.m.Curl("--unix-socket", s.path(), "-H", "X-Load-Id: test", "http://"+s.name+target+"?id=test")
}

// answers wants a right answer, and gives the process that it came from.
func (s *served) answers(t *testing.T) (pid string) {
	t.Helper()
	got := s.get()
	if got.Status != 200 || got.Body != "hello test\n" {
		t.Errorf("status %d\n%s", got.Status, got.Body)
	}
	return got.Header.Get("X-Load-Pid")
}

// awaitAnswer asks until there is a right answer: until then there may be 503, and
// nothing else.
func (s *served) awaitAnswer(t *testing.T, within time.Duration) {
	t.Helper()
	for begun := time.Now(); ; {
		got := s.get()
		switch {
		case got.Status == 200:
			return
		case got.Status != 503:
			t.Fatalf("status %d\n%s", got.Status, got.Body)
		case time.Since(begun) > within:
			t.Fatalf("no answer but 503 for %v\n%s", within, s.status())
		}
	}
}

// dial connects to the site's HTTP socket.
func (s *served) dial(context.Context) (net.Conn, error) { return s.m.Dial("unix", s.path()) }

// load begins load on the site and waits until all of it is under way. It ends with
// the test.
func (s *served) load(t *testing.T, workers ...load.Workers) *load.Client {
	t.Helper()
	return s.loadAt(t, "", workers...)
}

func (s *served) loadAt(t *testing.T, prefix string, workers ...load.Workers) *load.Client {
	t.Helper()
	client, err := load.New(load.Options{Dial: s.dial, Workers: workers, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		client.Wait()
	})
	client.Start(ctx)
	limited, done := context.WithTimeout(ctx, within)
	defer done()
	if err := client.AwaitLoad(limited); err != nil {
		t.Fatalf("the load does not get going: %v\n%v", err, client.Report())
	}
	return client
}

// unharmed ends the load and wants every request to have succeeded.
func unharmed(t *testing.T, client *load.Client) *load.Report {
	t.Helper()
	report := client.Stop()
	if report.Failures() > 0 {
		t.Errorf("requests failed:\n%v", report)
	}
	return report
}

// status is what `systemctl status` says first about the supervisor.
func (s *served) status() string { return s.m.Property(s.service(), "StatusText") }

// awaitStatus waits until the supervisor's status matches, and gives what the
// expression's group does. systemd is told of changes at most three times a second.
func (s *served) awaitStatus(t *testing.T, expression string) string {
	t.Helper()
	matcher := regexp.MustCompile(expression)
	for begun := time.Now(); time.Since(begun) < within; {
		if found := matcher.FindStringSubmatch(s.status()); found != nil {
			return found[len(found)-1]
		}
	}
	t.Fatalf("the status %q does not match %q", s.status(), expression)
	return ""
}

// generation is that of the status.
func (s *served) generation(t *testing.T) int {
	t.Helper()
	return number(s.awaitStatus(t, `\bweb: generation (\d+)`))
}

// workers are the processes of a slot but for the leader, by number.
func (s *served) workers(slot string) []string {
	unit := s.slot(slot)
	all := strings.Fields(s.m.ReadFile("/sys/fs/cgroup" + s.m.Property(unit, "ControlGroup") + "/cgroup.procs"))
	leader := s.m.Property(unit, "MainPID")
	all = slices.DeleteFunc(all, func(pid string) bool { return pid == leader })
	slices.SortFunc(all, func(a, b string) int { return number(a) - number(b) })
	return all
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// processes are all that the site has, as `systemd-cgls` shows them.
func (s *served) processes() string {
	return s.m.MustRun("sh", "-c", `find "/sys/fs/cgroup/wsgi.slice/wsgi-$1.slice" -name cgroup.procs -exec cat {} + 2>/dev/null || true`, "sh", s.name)
}

// awaitRest waits until supervisor and leaders have ended.
func (s *served) awaitRest(t *testing.T) {
	t.Helper()
	for _, unit := range []string{s.service(), s.slot("a"), s.slot("b")} {
		s.m.AwaitProperty(unit, "ActiveState", "inactive", within)
	}
	if left := s.processes(); left != "" {
		t.Errorf("processes are left: %q", left)
	}
}

// dropIn adds to a unit what `systemctl edit` would, until the test ends.
func dropIn(m *boot.Machine, unit, text string) (path string) {
	path = "/etc/systemd/system/" + unit + ".d/override.conf"
	m.WriteFile(path, text, 0o644, "")
	m.MustRun("systemctl", "daemon-reload")
	return path
}
