package leader

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// service is what the test program does for these tests: the leader of group web
// of the site blog, as `wsgid leader` runs it.
func service(directory string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := Serve(ctx, Service{
		ConfigDirectory: directory, Site: "blog", Group: "web",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "wsgid:", err)
		return 1
	}
	return 0
}

// unit is that program as systemd runs it.
type unit struct {
	t         *testing.T
	directory string // of the configuration
	system    *fakeSystemd
	socket    string
	name      string // of the socket
	user      uint32
	command   *exec.Cmd
	output    bytes.Buffer
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{t: t, directory: shortDirectory(t), name: socketName}
	u.system = newFakeSystemd(t, u.directory)
	u.write("app.py", hello)
	u.write("blog.toml", "[group.web]\npython = '"+python(t)+"'\n[[mount]]\npath = '/'\nscript = '"+u.directory+"/app.py'\ngroup = 'web'\n")
	return u
}

func (u *unit) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(filepath.Join(u.directory, name), []byte(text), 0o644); err != nil {
		u.t.Fatal(err)
	}
}

// start starts the program; a name of the socket that is "" passes none.
func (u *unit) start() {
	u.t.Helper()
	held, err := net.ListenUnix("unix", &net.UnixAddr{Name: u.directory + "/slot.sock"})
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { held.Close() })
	u.socket = held.Addr().String()
	file, err := held.File()
	if err != nil {
		u.t.Fatal(err)
	}
	defer file.Close()
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		u.t.Fatal(err)
	}
	defer program.Close()
	// LISTEN_PID is the id of the process that the shell becomes. The program's
	// own path may be closed to another user.
	u.command = exec.Command("/bin/sh", "-c", `test -z "$LISTEN_FDS" || export LISTEN_PID=$$; exec /proc/self/fd/4 service "$1"`, "sh", u.directory)
	u.command.ExtraFiles = []*os.File{file, program}
	u.command.Env = append(os.Environ(), "NOTIFY_SOCKET="+u.directory+"/notify")
	if u.name != "" {
		u.command.Env = append(u.command.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES="+u.name)
	}
	if u.user != 0 {
		u.command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.user, Gid: u.user}}
	}
	u.command.Stderr = &u.output
	if err := u.command.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = u.command.Process.Kill() })
}

// wait returns the exit status, and what was written.
func (u *unit) wait() (int, string) {
	u.t.Helper()
	stop := time.AfterFunc(patience, func() { _ = u.command.Process.Kill() })
	defer stop.Stop()
	_ = u.command.Wait() // ProcessState has the status
	return u.command.ProcessState.ExitCode(), u.output.String()
}

func TestService(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.start()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: u.socket})
	if err != nil {
		t.Fatal(err)
	}
	b := greet(&rig{t: t, log: newLogbook()}, conn)
	if b.hello.PID != u.command.Process.Pid {
		t.Errorf("hello of %d, want %d", b.hello.PID, u.command.Process.Pid)
	}
	b.tell(wire.Message{Type: wire.Attach, Generation: 4})
	b.expect(wire.GroupReady)
	u.system.wait("READY=1", 1)
	u.system.wait("STATUS=generation 4: 1 of 1 processes ready", 1)
	// Not for the leader: it is not ended by these.
	for _, s := range []syscall.Signal{unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2} {
		if err := u.command.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.command.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.expect(wire.Leaving)
	b.tell(wire.Message{Type: wire.Shutdown})
	if code, output := u.wait(); code != 0 || output != "" {
		t.Errorf("exit status %d, output:\n%s", code, output)
	}
	if _, err := os.Stat(u.socket); err != nil {
		t.Errorf("the socket's path: %v", err)
	}
}

func TestServiceEndsAtTheSecondSignal(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.write("app.py", "import atexit, time\natexit.register(time.sleep, 60)\n"+hello)
	u.start()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: u.socket})
	if err != nil {
		t.Fatal(err)
	}
	b := greet(&rig{t: t, log: newLogbook()}, conn)
	b.tell(wire.Message{Type: wire.Attach, Generation: 4})
	b.expect(wire.GroupReady)
	if err := u.command.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.expect(wire.Leaving)
	// The first signal has been handled, but the handler of the second may not
	// be there yet: whoever is impatient repeats himself.
	began := time.Now()
	for u.system.count("STOPPING=1") == 0 && time.Since(began) < patience {
		if err := u.command.Process.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	code, output := u.wait()
	if code != 0 || time.Since(began) > 4*time.Second || !strings.Contains(output, "ended by the leader, signal 9 (killed)") {
		t.Errorf("exit status %d after %s, output:\n%s", code, time.Since(began), output)
	}
}

func TestServiceThatCannotStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*unit)
		want   []string // in the output
		status string   // "" says that systemd is told nothing
	}{
		{"by hand", func(u *unit) { u.name = "" }, []string{
			`wsgid: cannot take the socket "leader": systemd passed none`, "wsgi-blog:web@.socket", "systemctl start wsgi@blog", "wsgid run",
		}, ""},
		{"another socket", func(u *unit) { u.name = "http" }, []string{`systemd passed only http`}, ""},
		{"no site file", func(u *unit) { os.Remove(u.directory + "/blog.toml") }, []string{"cannot read site file", "blog.toml: no such file"}, "STATUS=cannot read site file"},
		{"a mistake", func(u *unit) { u.write("blog.toml", "[group.web]\nthreadz = 3\n") }, []string{"blog.toml:2", "threadz"}, "STATUS="},
		{"no such group", func(u *unit) {
			u.write("blog.toml", "[[mount]]\npath = '/'\nscript = '/nowhere/app.py'\n")
		}, []string{"cannot lead group web: ", "blog.toml has no [group.web]\nhint: systemctl daemon-reload"}, "STATUS=cannot lead group web"},
		{"unreadable", func(u *unit) {
			if os.Geteuid() != 0 {
				u.t.Skip("only root can become another user: not proved what is said about a site file that the group's user cannot read")
			}
			for name, mode := range map[string]os.FileMode{"": 0o755, "blog.toml": 0o600, "notify": 0o666} {
				if err := os.Chmod(filepath.Join(u.directory, name), mode); err != nil {
					u.t.Fatal(err)
				}
			}
			u.user = 54321
		}, []string{"blog.toml: permission denied (as user 54321)\nhint: ", "chmod a+r ", "env-file"}, "STATUS=cannot read site file"},
		{"application", func(u *unit) { u.write("app.py", "1 / 0\n") }, []string{
			"Traceback (most recent call last):", "wsgid: cannot start group web of site blog: ZeroDivisionError: division by zero\n",
		}, "STATUS=cannot start group web of site blog: ZeroDivisionError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newUnit(t)
			c.change(u)
			u.start()
			code, output := u.wait()
			if code != 1 {
				t.Errorf("exit status %d", code)
			}
			for _, want := range c.want {
				if !strings.Contains(output, want) {
					t.Errorf("no %q in the output:\n%s", want, output)
				}
			}
			if c.status != "" {
				u.system.wait(c.status, 1)
			}
			if n := u.system.count("READY=1"); n != 0 {
				t.Error("READY=1 was sent")
			}
		})
	}
}
