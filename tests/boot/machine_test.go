package boot_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// within bounds what a machine does at once.
const within = 20 * time.Second

// TestMachine holds the machines themselves to what doc.go says of them.
func TestMachine(t *testing.T) {
	boot.Run(t, "systemd boots here at all",
		boot.Case{Name: "versions", Run: testVersions},
		boot.Case{Name: "commands", Run: testCommands},
		boot.Case{Name: "users", Run: testUsers},
		boot.Case{Name: "user-manager", Run: testUserManager},
		boot.Case{Name: "files", Run: testFiles},
		boot.Case{Name: "journal", Run: testJournal},
		boot.Case{Name: "processes", Run: testProcesses},
		boot.Case{Name: "network", Run: testNetwork},
		boot.Case{Name: "reboot", Own: true, Run: testReboot},
		boot.Case{Name: "several", Own: true, Run: testSeveral},
	)
}

func testVersions(t *testing.T, m *boot.Machine) {
	if state := m.MustRun("systemctl", "is-system-running"); state != "running" {
		t.Errorf("the system is %s", state)
	}
	if got, want := m.MustRun("systemctl", "--version"), fmt.Sprintf("systemd %d ", m.Release.Systemd); !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := m.MustRun("python3", "--version"), "Python "+m.Release.Python+"."; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testCommands(t *testing.T, m *boot.Machine) {
	got := m.Exec(boot.Command{
		Args: []string{"sh", "-c", `cat; echo "$A" >&2; exit 7`}, Stdin: "in\n", Env: []string{"A=b c"},
	})
	if want := (boot.Result{Stdout: "in\n", Stderr: "b c\n", Status: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if status := m.Run("sh", "-c", "kill -TERM $$").Status; status != 128+15 {
		t.Errorf("ended by SIGTERM: status %d", status)
	}
}

func testUsers(t *testing.T, m *boot.Machine) {
	if m.UID("joe") == m.UID("jane") {
		t.Errorf("joe and jane are both %d", m.UID("joe"))
	}
	got := m.Must(boot.Command{Args: []string{"sh", "-c", `echo "$(id -un) $HOME $XDG_RUNTIME_DIR"`}, User: "joe"})
	if want := fmt.Sprintf("joe /home/joe /run/user/%d", m.UID("joe")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m.WriteFile("/home/joe/secret", "s", 0o600, "joe:joe")
	if result := m.RunAs("joe", "cat", "/home/joe/secret"); result.Stdout != "s" {
		t.Errorf("joe cannot read his own file: %+v", result)
	}
	if result := m.RunAs("jane", "cat", "/home/joe/secret"); result.Status == 0 {
		t.Errorf("jane reads joe's file: %q", result.Stdout)
	}
}

func testUserManager(t *testing.T, m *boot.Machine) {
	t.Run("running", func(t *testing.T) {
		m := m.In(t)
		m.UserManager("jane")
		m.Must(boot.Command{Args: []string{"systemd-run", "--user", "--unit=case", "sleep", "1000"}, User: "jane"})
		got := m.RunAs("jane", "systemctl", "--user", "is-active", "case")
		if got.Stdout != "active\n" {
			t.Errorf("got %+v", got)
		}
	})
	unit := fmt.Sprintf("user@%d.service", m.UID("jane"))
	if state := m.Property(unit, "ActiveState"); state != "inactive" {
		t.Errorf("after the test that started it, %s is %s", unit, state)
	}
}

func testFiles(t *testing.T, m *boot.Machine) {
	const path = "/srv/new/file"
	t.Run("written", func(t *testing.T) {
		m := m.In(t)
		m.WriteFile(path, "one\n", 0o640, "joe:www-data")
		if got := m.ReadFile(path); got != "one\n" {
			t.Errorf("content %q", got)
		}
		if got, want := m.Owner(path), "joe:www-data 640"; got != want {
			t.Errorf("owner %q, want %q", got, want)
		}
		before := m.Inode(path)
		m.MustRun("sh", "-c", "echo two >"+path)
		if after := m.Inode(path); after != before {
			t.Errorf("written to, the inode is %d, not %d", after, before)
		}
		m.WriteFile(path, "", 0o644, "")
		if after := m.Inode(path); after == before {
			t.Errorf("made again, the inode is still %d", after)
		}
		if got := m.ReadFile(path); got != "" {
			t.Errorf("content %q", got)
		}
	})
	if m.Exists(path) {
		t.Error("the file is there after its test")
	}
}

func testJournal(t *testing.T, m *boot.Machine) {
	m.MustRun("systemd-run", "--unit=chatter", "--property=RemainAfterExit=yes", "--property=LogExtraFields=SITE=blog",
		"sh", "-c", "echo first; sleep 0.3; printf '%s%s\\n' sec ond")
	t.Cleanup(func() { m.Run("systemctl", "stop", "chatter") })
	if got := m.AwaitJournal("chatter", "secon", within); got != "second" {
		t.Errorf("got %q", got)
	}
	if got := m.Journal("chatter"); !strings.Contains(got, "first") {
		t.Errorf("not in the unit's journal:\n%s", got)
	}
	records := m.Records("--unit=chatter", "SITE=blog", "_TRANSPORT=stdout")
	if len(records) != 2 || records[1]["MESSAGE"] != "second" || records[1]["SITE"] != "blog" {
		t.Errorf("got %q", records)
	}
}

func testProcesses(t *testing.T, m *boot.Machine) {
	m.MustRun("systemd-run", "--unit=sleeper", "--property=Type=exec", "sleep", "1000")
	t.Cleanup(func() { m.Run("systemctl", "reset-failed", "sleeper") })
	pid := m.PID("sleeper.service")
	if got := m.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); got != "sleep\n" {
		t.Errorf("process %d is %q", pid, got)
	}
	process := m.Process(pid)
	process.Signal(syscall.SIGKILL)
	process.AwaitEnd(within)
	m.AwaitProperty("sleeper.service", "Result", "signal", within)
}

// server answers on a TCP port and, beside it, on a UNIX socket.
const server = `
import http.server, os, socket, socketserver, threading
class Unix(socketserver.UnixStreamServer):
    def get_request(self):
        return self.socket.accept()[0], ("unix", 0)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(203)
        self.send_header("X-From", self.client_address[0])
        self.end_headers()
        self.wfile.write(self.path.encode())
unix = Unix("/run/case/server.sock", Answer)
os.chmod("/run/case/server.sock", 0o600)
threading.Thread(target=unix.serve_forever, daemon=True).start()
tcp = http.server.HTTPServer(("127.0.0.1", 8123), Answer)
print("listening", flush=True)
tcp.serve_forever()
`

func testNetwork(t *testing.T, m *boot.Machine) {
	if links := m.MustRun("ip", "-brief", "link"); !strings.HasPrefix(links, "lo ") || strings.Contains(links, "\n") {
		t.Errorf("more than a loopback interface:\n%s", links)
	}
	m.WriteFile("/srv/server.py", server, 0o644, "")
	m.MustRun("systemd-run", "--unit=server", "--property=RuntimeDirectory=case", "python3", "/srv/server.py")
	t.Cleanup(func() { m.Run("systemctl", "stop", "server") })
	m.AwaitJournal("server", "listening", within)

	// The absolute link would lead out of the machine if the host resolved it.
	m.MustRun("ln", "-sfn", "/run/case", "/srv/link")
	for _, c := range []struct{ network, address, from string }{
		{"tcp", "127.0.0.1:8123", "127.0.0.1"},
		{"unix", "/srv/link/server.sock", "unix"},
	} {
		response, err := m.Client(c.network, c.address).Get("http://any/path")
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 203 || string(body) != "/path" || response.Header.Get("X-From") != c.from {
			t.Errorf("%s: %v, %v, %q", c.address, err, response, body)
		}
	}
	for _, args := range [][]string{
		{"http://127.0.0.1:8123/path"},
		{"--unix-socket", "/run/case/server.sock", "http://any/path"},
	} {
		if got := m.Curl(args...); got.Status != http.StatusNonAuthoritativeInfo || got.Body != "/path" {
			t.Errorf("curl %s: %+v", args, got)
		}
	}
	if got, err := m.TryCurl("jane", "--unix-socket", "/run/case/server.sock", "http://any/"); err == nil {
		t.Errorf("jane connects to a socket of mode 0600: %+v", got)
	}
	for _, c := range []struct{ network, address string }{{"tcp", "127.0.0.1:8124"}, {"unix", "/run/case/none.sock"}} {
		if conn, err := m.Dial(c.network, c.address); err == nil {
			t.Errorf("connected to %s, where nothing listens", c.address)
			conn.Close()
		}
	}
}

func testReboot(t *testing.T, m *boot.Machine) {
	m.WriteFile("/etc/kept", "k", 0o644, "")
	m.WriteFile("/run/lost", "l", 0o644, "")
	const bootID = "/proc/sys/kernel/random/boot_id"
	seen := map[string]bool{m.ReadFile(bootID): true}
	for _, again := range []func(){m.Reboot, func() { m.PowerOff(); m.Start() }} {
		again()
		if id := m.ReadFile(bootID); seen[id] {
			t.Errorf("the same boot: %s", id)
		} else {
			seen[id] = true
		}
		if state := m.MustRun("systemctl", "is-system-running"); state != "running" {
			t.Errorf("the system is %s", state)
		}
		if !m.Exists("/etc/kept") || m.Exists("/run/lost") {
			t.Error("the file system is not that of before with an empty /run")
		}
	}
	boots := m.MustRun("journalctl", "--list-boots")
	for id := range seen {
		if !strings.Contains(boots, strings.ReplaceAll(strings.TrimSpace(id), "-", "")) {
			t.Errorf("boot %s is not in the journal:\n%s", id, boots)
		}
	}
}

// Two machines, and a third that is shared perhaps: neither sees the other, nor does
// the tree under both.
func testSeveral(t *testing.T, m *boot.Machine) {
	other := boot.Boot(t, m.Release, "several machines run side by side")
	m.WriteFile("/etc/mine", "", 0o644, "")
	if other.Exists("/etc/mine") {
		t.Error("a file of one machine is in the other")
	}
	if tree := boot.Tree(t, m.Release); exists(tree+"/etc/mine") || !exists(tree+"/etc/passwd") {
		t.Errorf("the tree %s has changed", tree)
	}
	m.MustRun("systemd-run", "--unit=case", "sleep", "1000")
	if got := other.Property("case.service", "LoadState"); got != "not-found" {
		t.Errorf("a unit of one machine is %s in the other", got)
	}
	other.PowerOff()
	if state := m.MustRun("systemctl", "is-system-running"); state != "running" {
		t.Errorf("one machine has gone down, the other is %s", state)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
