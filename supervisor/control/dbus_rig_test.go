package control

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long a test waits for anything at most.
const patience = 20 * time.Second

// busConfig is a bus with what a system bus allows before services' policies
// come in. The arguments are the socket and the policy's file.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <auth>EXTERNAL</auth>
  <listen>unix:path=%s</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>%s</include>
</busconfig>
`

// busRig is a bus of the test's own.
type busRig struct {
	t       *testing.T
	dir     string
	address string

	mu     sync.Mutex
	daemon *exec.Cmd
	ended  chan struct{} // of the daemon that is running
	said   bytes.Buffer  // what it has logged
}

// newBus starts dbus-daemon with the shipped policy, in which the users are ones
// that are there: the test's own in the place of wsgi, and a group of somebody
// else's, if the test can be somebody else.
func newBus(t *testing.T) *busRig {
	t.Helper()
	r := &busRig{t: t, dir: busDirectory(t)}
	r.address = "unix:path=" + r.dir + "/bus"
	shipped, err := os.ReadFile("../../packaging/dbus/" + BusInterface + ".conf")
	if err != nil {
		t.Fatal(err)
	}
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group := self.Gid
	if self.Uid == "0" {
		group = strconv.Itoa(member.gid)
	}
	name, err := user.LookupGroupId(group)
	if err != nil {
		t.Fatal(err)
	}
	policy := strings.NewReplacer(`user="wsgi"`, fmt.Sprintf("user=%q", self.Username), `group="wsgi"`, fmt.Sprintf("group=%q", name.Name)).Replace(string(shipped))
	r.write("policy.conf", policy)
	r.write("bus.conf", fmt.Sprintf(busConfig, r.dir+"/bus", r.dir+"/policy.conf"))
	r.start()
	t.Cleanup(r.kill)
	return r
}

// busDirectory is one that every user can enter; t.TempDir is not.
func busDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wsgid-bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r *busRig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// start returns when the bus takes connections.
func (r *busRig) start() {
	r.t.Helper()
	path, err := exec.LookPath("dbus-daemon")
	if err != nil {
		r.t.Skip("there is no dbus-daemon (Debian's package dbus): not proved how a site is on the bus, and whom the shipped policy lets in")
	}
	daemon := exec.Command(path, "--config-file="+r.dir+"/bus.conf", "--nofork", "--nopidfile", "--print-address=1")
	out, err := daemon.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	daemon.Stderr = lockedWriter{r}
	if err := daemon.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { defer close(ended); _ = daemon.Wait() }()
	r.mu.Lock()
	r.daemon, r.ended = daemon, ended
	r.mu.Unlock()
	if err != nil {
		<-ended
		r.t.Fatalf("dbus-daemon says %q and ends: %v\n%s", line, err, r.log())
	}
}

// kill ends the bus at once, as an administrator's restart of dbus does.
func (r *busRig) kill() {
	_ = r.daemon.Process.Kill()
	<-r.ended
}

type lockedWriter struct{ rig *busRig }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.rig.mu.Lock()
	defer w.rig.mu.Unlock()
	return w.rig.said.Write(p)
}

func (r *busRig) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

// waitLog waits until the bus has logged something.
func (r *busRig) waitLog(what string, there func(log string) bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !there(r.log()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Errorf("waited in vain until %s:\n%s", what, r.log())
			return
		}
	}
}

// site puts a site on the bus, and waits until its name is there.
func (r *busRig) site(change func(*BusOptions)) *Bus {
	r.t.Helper()
	o := BusOptions{Site: "my-blog", Version: "1.2.3", Connect: BusAt(r.address), Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	b := Export(context.Background(), o)
	r.t.Cleanup(b.Close)
	r.waitName(BusName(o.Site))
	return b
}

// waitName waits until somebody has the name.
func (r *busRig) waitName(name string) {
	r.t.Helper()
	conn := r.client()
	defer conn.Close()
	wait(r.t, func() bool {
		var has bool
		err := conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&has)
		if err != nil {
			r.t.Fatal(err)
		}
		return has
	})
}

// wait looks again and again until there is what is waited for.
func wait(t *testing.T, there func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// next is what comes from a channel.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing comes")
		panic("unreachable")
	}
}

// client connects as the test's own user.
func (r *busRig) client(options ...dbus.ConnOption) *dbus.Conn {
	r.t.Helper()
	options = append(options, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	conn, err := dbus.Connect(r.address, options...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// object is the site's object as a client sees it.
func object(conn *dbus.Conn) dbus.BusObject { return conn.Object(BusName("my-blog"), BusPath) }

// logLines counts the lines of a log.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// count says how many lines have the level and the text in them.
func (l *logLines) count(level slog.Level, text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, "level="+level.String()) && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *logLines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}
