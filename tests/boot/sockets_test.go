package boot_test

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestSockets: the paths of a site are systemd's. Whatever is done to services, they
// stay, and somebody listens.
func TestSockets(t *testing.T) {
	boot.Run(t, "nothing that is done to services takes a socket away",
		boot.Case{Name: "every order", Run: testEveryOrder},
		boot.Case{Name: "runtime directory", Run: testRuntimeDirectory},
		boot.Case{Name: "start limit", Run: testStartLimit},
		boot.Case{Name: "trigger limit", Run: testTriggerLimit},
	)
}

// listener is a socket that listens: the inode of its path, and its own, which is
// another after it was opened again.
type listener struct{ file, kernel string }

// look shows, in one program for the sake of speed, what listens on UNIX sockets
// (/proc/net/unix, unix(7)), the inodes of the paths there are, and whether units are
// active. Its arguments are alternately a path and a unit.
const look = `
awk '$4 == "00010000" { print "listens", $8, $7 }' /proc/net/unix
while [ $# -gt 0 ]; do
	stat --format='file %n %i' "$1" 2>/dev/null
	echo "unit $1 $(systemctl is-active "$2")"
	shift 2
done`

// listeners are the site's sockets that listen, by path, and which of their units are
// active.
func (s *served) listeners() (all map[string]listener, active map[string]bool) {
	all, active = map[string]listener{}, map[string]bool{}
	args := []string{"sh", "-c", look, "look", s.path(), s.socket(), s.inletPath("a"), s.inlet("a"), s.inletPath("b"), s.inlet("b")}
	files := map[string]string{}
	sockets := map[string]string{}
	for line := range strings.Lines(s.m.MustRun(args...)) {
		word := strings.Fields(line)
		switch word[0] {
		case "listens":
			sockets[word[1]] = word[2]
		case "file":
			files[word[1]] = word[2]
		case "unit":
			active[word[1]] = word[2] == "active"
		}
	}
	for _, path := range s.paths() {
		if sockets[path] != "" {
			all[path] = listener{file: files[path], kernel: sockets[path]}
		}
	}
	return all, active
}

func (s *served) paths() []string { return []string{s.path(), s.inletPath("a"), s.inletPath("b")} }

// everyPair is the shortest round of n things in which each comes right after each
// (a de Bruijn sequence).
func everyPair(n int) []int {
	var round []int
	for first := range n {
		round = append(round, first)
		for second := first + 1; second < n; second++ {
			round = append(round, first, second)
		}
	}
	return append(round, 0)
}

// testEveryOrder does whatever can be done to a site's units and wants the sockets to stay
// as they are unless their own unit is stopped. The steps are done in parts, side by side
// and with sites of their own: much of it is waiting.
func testEveryOrder(t *testing.T, m *boot.Machine) {
	const parts = 4
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			m := m.In(t)
			s := serve(m, fmt.Sprint("order", part), "", "", "")
			s.start()
			steps := s.everyOrder()
			s.take(t, steps[part*len(steps)/parts:min((part+1)*len(steps)/parts+1, len(steps))])
			m.MustRun("systemctl", "start", s.socket(), s.inlet("a"), s.inlet("b"), s.service())
			s.awaitAnswer(t, within)
			for _, unit := range []string{s.service(), s.socket(), s.inlet("a"), s.inlet("b")} {
				if state := m.Property(unit, "ActiveState"); state != "active" {
					t.Errorf("%s is %s", unit, state)
				}
			}
		})
	}
}

// step is something that is done to a unit.
type step struct{ verb, unit string }

// everyOrder has each thing that can be done come right after each, but for those that
// are done to the service of a slot: they come in between, because they take long.
func (s *served) everyOrder() []step {
	var things []step
	for _, unit := range []string{s.service(), s.socket(), s.inlet("a")} {
		things = append(things, step{"stop", unit}, step{"start", unit}, step{"restart", unit})
	}
	slot := []step{{"restart", s.slot("a")}, {"stop", s.slot("a")}}
	var steps []step
	for i, n := range everyPair(len(things)) {
		steps = append(steps, things[n])
		if i%8 == 7 {
			steps = append(steps, slot[i/8%2], things[n])
		}
	}
	return steps
}

// do does something to a unit and waits until nothing that follows from it is left to do:
// systemctl waits for the unit itself, and systemd 247 refuses to restart a socket again
// while its service still starts.
const do = `
systemctl "$1" "$2" || exit
while systemctl list-jobs --no-legend "wsgi*$3*" | grep -q wsgi; do sleep 0.02; done`

// take does one step after the other, and looks at the sockets after each.
func (s *served) take(t *testing.T, steps []step) {
	t.Helper()
	paths := map[string]string{s.socket(): s.path(), s.inlet("a"): s.inletPath("a")}
	known, _ := s.listeners()
	if len(known) != 3 {
		t.Fatalf("%d sockets listen: %v", len(known), known)
	}
	var last step
	for i, now := range steps {
		s.m.MustRun("sh", "-c", do, "do", now.verb, now.unit, s.name)
		found, active := s.listeners()
		own := paths[now.unit]
		if own != "" && now.verb != "start" {
			delete(known, own) // may be another, or none
		}
		for _, path := range slices.Sorted(maps.Keys(known)) {
			if found[path] != known[path] {
				t.Fatalf("step %d, %s (after %s): %s was %+v and is %+v", i, now, last, path, known[path], found[path])
			}
		}
		if own != "" && now.verb != "stop" && found[own].kernel == "" {
			t.Fatalf("step %d, %s (after %s): %s does not listen", i, now, last, own)
		}
		// A leader may still have what its unit has closed.
		maps.DeleteFunc(found, func(path string, _ listener) bool { return !active[path] })
		known, last = found, now
	}
}

// testRuntimeDirectory: what a service has as RuntimeDirectory= is changed to its user
// with all that is in it when it starts, and removed with all that is in it when it stops.
// A socket in it would be out of reach, and gone. So none is.
func testRuntimeDirectory(t *testing.T, m *boot.Machine) {
	s := serve(m, "private", "socket-group = \"www-data\"\nsocket-mode = \"0660\"", "", "")
	m.MustRun("systemctl", "start", s.socket())
	owners := func() string {
		all := []string{"/run/wsgi " + m.Owner("/run/wsgi")}
		for _, path := range s.paths() {
			all = append(all, path+" "+m.Owner(path))
		}
		return strings.Join(all, "\n")
	}
	const want = `/run/wsgi root:root 755
/run/wsgi/private.sock wsgi:www-data 660
/run/wsgi/private:web.a.sock wsgi:wsgi 600
/run/wsgi/private:web.b.sock wsgi:wsgi 600`
	assert := func(when string, private bool) {
		t.Helper()
		if got := owners(); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", when, got, want)
		}
		if all, _ := s.listeners(); len(all) != 3 {
			t.Errorf("%s: these sockets listen: %v", when, all)
		}
		if is := m.Exists("/run/wsgi/private"); is != private {
			t.Errorf("%s: /run/wsgi/private exists: %v", when, is)
		}
	}
	assert("before the service", false)
	for range 2 {
		s.start()
		assert("started", true)
		if got, want := m.Owner("/run/wsgi/private"), "wsgi:wsgi 750"; got != want {
			t.Errorf("/run/wsgi/private: %s, want %s", got, want)
		}
		m.MustRun("systemctl", "restart", s.service())
		assert("restarted", true)
		m.MustRun("systemctl", "stop", s.service())
		assert("stopped", false)
	}
	if _, err := m.TryCurl("www-data", "--unix-socket", s.path(), "http://x/"); err != nil {
		t.Errorf("www-data: %v", err)
	}
	if _, err := m.TryCurl("joe", "--unix-socket", s.path(), "http://x/"); err == nil {
		t.Error("joe can connect to a socket of wsgi:www-data 0660")
	}
}

// testStartLimit: systemd's default is that the sixth start within ten seconds fails, and
// takes the socket with it.
func testStartLimit(t *testing.T, m *boot.Machine) {
	s := serve(m, "often", "", "", "")
	s.start()
	all := []string{s.service(), s.socket(), s.inlet("a"), s.inlet("b"), s.slot("a")}
	begun := time.Now()
	for range 7 {
		m.MustRun("systemctl", "stop", s.service(), s.inlet("a")) // and with it, the slot
		m.MustRun(append([]string{"systemctl", "restart"}, all[:4]...)...)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the restarts took %v: too slow to prove anything", took)
	}
	for _, unit := range all {
		if state := m.Property(unit, "ActiveState"); state != "active" {
			t.Errorf("%s is %s (%s)", unit, state, m.Property(unit, "Result"))
		}
	}
	s.awaitAnswer(t, within)
}

// testTriggerLimit: systemd's default is that a socket fails which has started its
// service twenty times within two seconds.
func testTriggerLimit(t *testing.T, m *boot.Machine) {
	s := serve(m, "failing", "", "", "")
	dropIn(m, s.slot(""), "[Service]\nUser=nosuch\n")
	m.MustRun("systemctl", "start", s.socket())
	before, _ := s.listeners()
	begun := time.Now()
	for i := range 30 {
		// While systemd clears the socket, it closes whatever comes, and starts nothing.
		time.Sleep(20 * time.Millisecond)
		connection, err := m.Dial("unix", s.inletPath("a"))
		if err != nil {
			t.Fatalf("start %d: %v", i+1, err)
		}
		connection.SetReadDeadline(time.Now().Add(within))
		if _, err := connection.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("start %d: %v", i+1, err)
		}
		connection.Close()
	}
	starts := strings.Count(m.Journal(s.slot("a")), "Failed with result 'exit-code'")
	if took := time.Since(begun); starts < 25 || took > 2*time.Second {
		t.Errorf("%d starts failed in %v: this proves nothing", starts, took)
	}
	if after, _ := s.listeners(); len(before) != 3 || !maps.Equal(after, before) {
		t.Errorf("the sockets were %v and are %v", before, after)
	}
	// And the site, which is another socket, says that it cannot serve.
	if got := s.get(); got.Status != 503 {
		t.Errorf("status %d", got.Status)
	}
	for _, unit := range []string{s.socket(), s.inlet("a"), s.inlet("b")} {
		if state := m.Property(unit, "ActiveState"); state != "active" {
			t.Errorf("%s is %s", unit, state)
		}
	}
}
