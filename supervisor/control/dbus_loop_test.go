package control

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func selfUID() int { return os.Getuid() }

func says(text string) map[string]Verb {
	return map[string]Verb{"status": func(context.Context, Request) (string, error) { return text, nil }}
}

// asks is what the site that has the name says about its status, or the error.
func asks(r *busRig) string {
	conn := r.client()
	defer conn.Close()
	var status string
	if err := object(conn).Call(BusInterface+".Status", 0).Store(&status); err != nil {
		return err.Error()
	}
	return status
}

func TestDBusRestart(t *testing.T) {
	t.Parallel()
	r, log := newBus(t), &logLines{}
	b := r.site(func(o *BusOptions) { o.Verbs, o.Logger = says("here"), log.logger() })
	wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == 1 })
	for n := range 2 {
		r.kill()
		wait(t, func() bool { return log.count(slog.LevelWarn, "the D-Bus connection has ended") == n+1 })
		b.Update(func(p *Properties) { p.Generation = n + 1 })
		b.GenerationReady("web", n+1) // nobody is there to hear it
		time.Sleep(3 * firstWait)     // more than one attempt fails
		r.start()
		r.waitName(BusName("my-blog"))
		conn := r.client()
		var generation uint32
		if err := object(conn).StoreProperty(BusInterface+".Generation", &generation); err != nil || generation != uint32(n+1) {
			t.Errorf("the generation is %d, %v", generation, err)
		}
		if got := asks(r); got != "here" {
			t.Errorf("the site says %q", got)
		}
		wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == n+2 })
	}
	if n := strings.Count(log.all(), "\n"); n != 5 {
		t.Errorf("not one line for each coming and going:\n%s", log.all())
	}
}

// Without a bus there is one line in the log and nothing else; a bus that comes
// later finds the site.
func TestDBusNoBus(t *testing.T) {
	t.Parallel()
	log := &logLines{}
	b := Export(t.Context(), BusOptions{
		Site: "my-blog", Logger: log.logger(), Verbs: says("here"),
		Connect: BusAt("unix:path=" + filepath.Join(t.TempDir(), "none")),
	})
	for n := range 10 * maxPending {
		b.GenerationStarted("web", n)
		b.Update(func(p *Properties) { p.Generation = n })
	}
	time.Sleep(4 * firstWait)
	b.Close()
	if strings.Count(log.all(), "\n") != 1 || log.count(slog.LevelInfo, "there is no D-Bus here") != 1 {
		t.Errorf("the log says\n%s", log.all())
	}
	if len(b.pending) != 0 {
		t.Errorf("%d signals wait for a bus", len(b.pending))
	}
}

func TestDBusComesLater(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	r.kill()
	log := &logLines{}
	b := Export(t.Context(), BusOptions{Site: "my-blog", Logger: log.logger(), Verbs: says("here"), Connect: BusAt(r.address)})
	defer b.Close()
	wait(t, func() bool { return log.count(slog.LevelInfo, "there is no D-Bus here") == 1 })
	r.start()
	r.waitName(BusName("my-blog"))
	if got := asks(r); got != "here" {
		t.Errorf("the site says %q", got)
	}
}

// A bus that accepts and says nothing holds up neither the site nor its end.
func TestDBusMute(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	log := &logLines{}
	b := Export(t.Context(), BusOptions{Site: "my-blog", Logger: log.logger(), Connect: BusAt("unix:path=" + socket)})
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.GenerationStarted("web", 1)
	begin := time.Now()
	b.Close()
	if d := time.Since(begin); d > busTime/2 {
		t.Errorf("Close takes %v", d)
	}
	if log.all() != "" {
		t.Errorf("the log says\n%s", log.all())
	}
}

// A bus that stops for a while does not make the site wait. What it could not be
// told is lost, which clients see by the name's going and coming.
func TestDBusStalled(t *testing.T) {
	t.Parallel()
	r, log := newBus(t), &logLines{}
	b := r.site(func(o *BusOptions) { o.Verbs, o.Logger = says("here"), log.logger() })
	wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == 1 })
	if err := r.daemon.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begin, reason := time.Now(), strings.Repeat("x", 10000)
	for range 20 * maxPending {
		b.ReloadFailed("web", reason)
	}
	d := time.Since(begin)
	if err := r.daemon.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if d > busTime {
		t.Errorf("the signals take %v", d)
	}
	wait(t, func() bool {
		return log.count(slog.LevelWarn, "the D-Bus connection has ended") == 1 && log.count(slog.LevelInfo, "on D-Bus") == 2
	})
	if got := asks(r); got != "here" {
		t.Errorf("the site says %q", got)
	}
}

// During an upgrade there are two supervisors of a site.
func TestDBusTakeOver(t *testing.T) {
	t.Parallel()
	r, log := newBus(t), &logLines{}
	const lost = "another supervisor of the site has its D-Bus name"
	r.site(func(o *BusOptions) { o.Verbs, o.Logger = says("old"), log.logger() })
	wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == 1 })
	later := r.site(func(o *BusOptions) { o.Verbs = says("new") })
	wait(t, func() bool { return asks(r) == "new" })
	wait(t, func() bool { return log.count(slog.LevelInfo, lost) == 1 })
	later.Close()
	wait(t, func() bool { return asks(r) == "old" })
	wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == 2 })
}

// Without the policy the bus refuses the name: one line says what to do, and
// everything is as it should be once the policy is there.
func TestDBusNoPolicy(t *testing.T) {
	t.Parallel()
	r, log := newBus(t), &logLines{}
	policy, err := os.ReadFile(filepath.Join(r.dir, "policy.conf"))
	if err != nil {
		t.Fatal(err)
	}
	r.kill()
	r.write("policy.conf", "<busconfig></busconfig>")
	r.start()
	b := Export(t.Context(), BusOptions{Site: "my-blog", Logger: log.logger(), Verbs: says("here"), Connect: BusAt(r.address)})
	defer b.Close()
	wait(t, func() bool { return log.count(slog.LevelWarn, "the bus refuses it") == 1 })
	time.Sleep(3 * firstWait)
	r.write("policy.conf", string(policy))
	if err := r.daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.waitName(BusName("my-blog"))
	wait(t, func() bool { return log.count(slog.LevelInfo, "on D-Bus") == 1 })
	if n := strings.Count(log.all(), "\n"); n != 2 {
		t.Errorf("the log says\n%s", log.all())
	}
}

func TestBusAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "a bus,with=signs"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	abstract, err := net.Listen("unix", "@"+dir+"/x")
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	for address, want := range map[string]string{
		"unix:path=" + dir + "/a%20bus%2cwith%3dsigns,guid=12":                           "",
		"unix:abstract=" + dir + "/x":                                                    "",
		"tcp:host=localhost,port=1;unix:path=" + dir + "/no;unix:abstract=" + dir + "/x": "",
		"unix:path=" + dir + "/none":                                                     "no such file",
		"unix:path=%zz":                                                                  "cannot read the bus address",
		"autolaunch:":                                                                    "it names no UNIX socket",
		"":                                                                               "it names no UNIX socket",
	} {
		conn, err := BusAt(address)(t.Context())
		if err == nil {
			conn.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestBusesOfTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := "unix:path=" + dir + "/bus"
	for _, test := range []struct {
		connect Connect
		set     map[string]string
		works   bool
	}{
		{SystemBus, map[string]string{"DBUS_SYSTEM_BUS_ADDRESS": address}, true},
		{UserBus, map[string]string{"DBUS_SESSION_BUS_ADDRESS": address}, true},
		{UserBus, map[string]string{"XDG_RUNTIME_DIR": dir}, true},
		{UserBus, map[string]string{"XDG_RUNTIME_DIR": dir, "DBUS_SESSION_BUS_ADDRESS": "unix:path=" + dir + "/no"}, false},
	} {
		for _, name := range []string{"DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"} {
			t.Setenv(name, test.set[name])
		}
		conn, err := test.connect(t.Context())
		if err == nil {
			conn.Close()
		}
		if (err == nil) != test.works {
			t.Errorf("%v: %v", test.set, err)
		}
	}
}
