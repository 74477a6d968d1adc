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
