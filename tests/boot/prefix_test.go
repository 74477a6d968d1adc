package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestSocketPrefix: the sockets of daemon groups are where the site file says.
func TestSocketPrefix(t *testing.T) {
	boot.Run(t, "the sockets of daemon groups are where socket-prefix says, and a change of it is refused with what to run",
		boot.Case{Name: "elsewhere", Run: testSocketPrefix},
	)
}

func testSocketPrefix(t *testing.T, m *boot.Machine) {
	const first, second = `socket-prefix = "/run/own/sockets/wsgi"`, `socket-prefix = "/srv/other/"`
	t.Cleanup(func() { m.MustRun("rm", "-rf", "/run/own", "/srv/other") })
	s := serve(m, "moved", first, "", "")
	s.start()
	at := func(path string) {
		t.Helper()
		for _, slot := range []string{".a.sock", ".b.sock"} {
			if owner := m.Owner(path + slot); owner != "wsgi:wsgi 600" {
				t.Errorf("%s%s is %s", path, slot, owner)
			}
		}
	}
	at("/run/own/sockets/wsgi.moved:web")
	if m.Exists(s.inletPath("a")) {
		t.Errorf("there is a socket %s as well", s.inletPath("a"))
	}
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.Sleep, For: 500 * time.Millisecond},
	)
	before := m.Inode("/run/own/sockets/wsgi.moved:web.a.sock")
	for range 3 {
		m.MustRun("systemctl", "reload", s.service())
	}
	m.MustRun("systemctl", "restart", s.service())
	if after := m.Inode("/run/own/sockets/wsgi.moved:web.a.sock"); after != before {
		t.Error("the socket of slot a was made again")
	}
	s.toml(second, "", "")
	r := m.Run("systemctl", "reload", s.service())
	log := m.Journal(s.service())
	if r.Status == 0 || !strings.Contains(log, "socket-prefix has changed") {
		t.Errorf("the reload with another prefix: status %d\n%s", r.Status, log)
	}
	unharmed(t, client)
	for _, command := range []string{"daemon-reload", "stop wsgi@moved", "restart wsgi-moved:*@*.socket", "start wsgi@moved"} {
		m.MustRun(append([]string{"systemctl"}, strings.Fields(command)...)...)
	}
	at("/srv/other/moved:web")
	s.answers(t)
	m.MustRun("systemctl", "reload", s.service())
	s.answers(t)
}

// TestSocketRotation: the names of the sockets at which generations are reached.
func TestSocketRotation(t *testing.T) {
	boot.Run(t, "with socket-rotation a generation has a name of its own, without it the group's leads to it; no request fails with either",
		boot.Case{Name: "names", Run: testSocketRotation},
	)
}

func testSocketRotation(t *testing.T, m *boot.Machine) {
	const each, one = "socket-rotation = true", "socket-rotation = false"
	s := serve(m, "rotated", each, "", "")
	s.start()
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Think: 5 * time.Millisecond},
	)
	has := func(want string) {
		t.Helper()
		const list = `cd /run/wsgi/rotated; for f in *.sock; do test -S "$f" && echo "$f $(readlink "$f")"; done`
		if got := m.MustRun("sh", "-c", list); got != want {
			t.Errorf("the names are %q, not %q", got, want)
		}
	}
	reload := func() { m.MustRun("systemctl", "reload", s.service()) }
	has("web.1.sock " + s.inletPath("a"))
	// What is under way is the last to use a generation.
	slow := s.load(t, load.Workers{Job: load.Sleep, Count: 4, For: 2 * time.Second})
	reloaded := make(chan struct{})
	go func() { defer close(reloaded); m.Run("systemctl", "reload", s.service()) }()
	s.awaitStatus(t, `generation 2, .*draining generation 1`)
	has("web.1.sock " + s.inletPath("a") + "\nweb.2.sock " + s.inletPath("b"))
	unharmed(t, slow)
	<-reloaded
	has("web.2.sock " + s.inletPath("b"))
	s.toml(one, "", "")
	for _, slot := range []string{"a", "b", "a"} {
		reload()
		has("web.sock " + s.inletPath(slot))
	}
	m.MustRun("systemctl", "restart", s.service())
	has("web.sock " + s.inletPath("a"))
	m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
	m.MustRun("mv", "-f", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
	reload()
	has("web.sock " + s.inletPath("b"))
	s.toml(each, "", "")
	reload()
	has("web.7.sock " + s.inletPath("a"))
	unharmed(t, client)
}
