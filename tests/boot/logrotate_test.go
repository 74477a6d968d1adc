package boot_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestLogrotate has Debian's logrotate, with the file that is installed, rotate the
// log files of sites that are busy, and puts those files where they cannot be
// written.
func TestLogrotate(t *testing.T) {
	boot.Run(t, "log files are rotated, and fill the disk, while no request and no line is lost",
		boot.Case{Name: "under-load", Run: testRotations},
		boot.Case{Name: "slow-disk", Run: testReopenOfASlowDisk},
		boot.Case{Name: "by-its-timer", Run: testRotationByTimer},
		boot.Case{Name: "hand-over", Run: testRotationDuringHandOver},
		boot.Case{Name: "signal", Run: testReopenBySignal},
		boot.Case{Name: "nothing-runs", Run: testRotationWithoutSites},
		boot.Case{Name: "readers", Run: testLogReaders},
	)
}

// logged is a site with log files of its own.
type logged struct{ *served }

// ticking counts aloud, in each process, for the error log.
const ticking = `

import threading
def tick():
    for number in itertools.count():
        print("tick", PROCESS, number, flush=True)
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
`

// serveLogged makes a site with an access log and an error log where systemd makes
// the directory for them, and starts it.
func serveLogged(m *boot.Machine, name string) *logged {
	s := &logged{&served{m: m, name: name}}
	s.set("app.py", load.AppSource()+ticking)
	s.record()
	s.toml(fmt.Sprintf("access-log = %q\nerror-log = %q", s.accessLog(), s.errorLog()), "processes = 2\nthreads = 15\n", "")
	s.start()
	return s
}

func (s *logged) directory() string { return "/var/log/wsgi/" + s.name }
func (s *logged) accessLog() string { return s.directory() + "/access.log" }
func (s *logged) errorLog() string  { return s.directory() + "/error.log" }

// rotate runs logrotate as root, with the installed file, whether it is time or not,
// once there is something to rotate.
func (s *logged) rotate(paths ...string) {
	for _, path := range paths {
		s.m.MustRun("sh", "-c", `until [ -s "$1" ]; do sleep 0.01; done`, "sh", path)
	}
	s.m.MustRun("logrotate", "--force", "--state", s.directory()+".state", "/etc/logrotate.d/wsgid")
}

// size is that of a file in bytes.
func (s *logged) size(path string) string { return s.m.MustRun("stat", "--format=%s", path) }

// requestIDs are those of the load client that an access log names, each with its
// line, which has to be whole.
func requestIDs(t *testing.T, text string) (seen []load.Seen) {
	t.Helper()
	line := regexp.MustCompile(`^- - - \[[^]]+\] "[A-Z]+ /\S*[?&]id=([^ &]+)\S* HTTP/1\.1" \d+ \S+ "-" "[^"]*" id=[0-9a-f]+ queue=\S+ worker=\S+ total=\S+ process=\d+$`)
	for text := range strings.Lines(text) {
		found := line.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
		if found == nil {
			t.Errorf("not a line of an access log: %q", text)
			continue
		}
		seen = append(seen, load.Seen{ID: found[1]})
	}
	return seen
}

// assertTicks wants every number of every process once, and in order.
func assertTicks(t *testing.T, text string) {
	t.Helper()
	next := map[string]int{}
	for _, found := range regexp.MustCompile(`(?m)^\S+ INFO  tick (\w+) (\d+) site=`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		if n != next[found[1]] {
			t.Errorf("process %s: tick %d comes where %d belongs", found[1], n, next[found[1]])
		}
		next[found[1]] = n + 1
	}
	if len(next) != 2 {
		t.Errorf("%d processes have ticked, not 2", len(next))
	}
}

// rotated are what the files of one name have had in them.
type rotated struct {
	s     *logged
	path  string
	text  strings.Builder
	sizes []string // of the rotated files, when logrotate had returned
}

// keep takes what logrotate has put aside. The file before it is compressed by now:
// it has to be as long as it was.
func (r *rotated) keep(t *testing.T) {
	t.Helper()
	if n := len(r.sizes); n > 0 {
		r.assertSize(t, n, "zcat "+r.path+".2.gz")
	}
	r.sizes = append(r.sizes, r.s.size(r.path+".1"))
	r.text.WriteString(r.s.m.ReadFile(r.path + ".1"))
}

func (r *rotated) assertSize(t *testing.T, n int, command string) {
	t.Helper()
	if now := r.s.m.MustRun("sh", "-c", command+" | wc -c"); now != r.sizes[n-1] {
		t.Errorf("%s: rotated file %d had %s bytes when logrotate had returned, and has %s", r.path, n, r.sizes[n-1], now)
	}
}

// finish adds the file that is written now, and looks at the last rotated one.
func (r *rotated) finish(t *testing.T) string {
	t.Helper()
	r.assertSize(t, len(r.sizes), "cat "+r.path+".1")
	return r.text.String() + r.s.m.ReadFile(r.path)
}

// identity is what a rotation must not change: every process of the site.
func (s *logged) identity() string {
	return strings.Join(strings.Fields(s.processes()), " ")
}

func testRotations(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "rotated")
	access, errors := &rotated{s: s, path: s.accessLog()}, &rotated{s: s, path: s.errorLog()}
	before := s.identity()
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Count: 1, Think: 10 * time.Millisecond},
		load.Workers{Job: load.Post, Count: 2, Think: 10 * time.Millisecond},
		load.Workers{Job: load.Sleep, Count: 2, For: time.Second},
		load.Workers{Job: load.Stream, Count: 1, Bytes: 1 << 20, For: 2 * time.Second},
	)
	const rotations = 20
	for n := range rotations {
		client.Mark(fmt.Sprintf("rotation %d", n))
		inode := m.Inode(s.accessLog())
		s.rotate(s.accessLog(), s.errorLog())
		if m.Inode(s.accessLog()) == inode {
			t.Error("logrotate has returned, and the access log is the old file")
		}
		client.Mark(fmt.Sprintf("between %d", n))
		access.keep(t)
		errors.keep(t)
	}
	report := unharmed(t, client)
	if after := s.identity(); after != before {
		t.Errorf("the processes were %s and are %s", before, after)
	}
	time.Sleep(time.Second) // lines wait for others for a tenth of it
	seen := requestIDs(t, access.finish(t))
	if twice := report.Repeated(seen); len(twice) > 0 {
		t.Errorf("%d lines are there twice: %v", len(twice), twice)
	}
	if missing := report.Unrecorded(seen); len(missing) > 0 {
		t.Errorf("%d of %d requests have no line: %v", len(missing), report.Requests(), missing)
	}
	if len(seen) != report.Requests() {
		t.Errorf("%d lines for %d requests", len(seen), report.Requests())
	}
	assertTicks(t, errors.finish(t))
	// A machine that is busy with something else keeps a request waiting now and then, but
	// not at most of the rotations. That none waits for a rotation's disk is for
	// testReopenOfASlowDisk.
	gap, usual := median(report, "rotation"), median(report, "between")
	t.Logf("%d requests, %d rotations; longest gap at one %v, median %v; median at other times %v",
		report.Requests(), rotations, report.LongestGap("rotation").Net(), gap, usual)
	if gap > usual+50*time.Millisecond {
		t.Errorf("rotations have kept requests waiting:\n%v", report)
	}
}

// median is that of the longest gaps at the marks whose labels begin so.
func median(report *load.Report, label string) time.Duration {
	var all []time.Duration
	for _, m := range report.Marks {
		if strings.HasPrefix(m.Label, label) {
			all = append(all, max(m.Silence.Net(), m.Latency.Net()))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// testReopenOfASlowDisk has a log file that takes as long to open as the test wants: a
// FIFO without a reader (fifo(7)). Requests go on as if nothing were, and no line is lost.
func testReopenOfASlowDisk(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "waiting")
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Count: 1, Think: 10 * time.Millisecond},
	)
	before, fifo := s.accessLog()+".1", s.accessLog()
	m.MustRun("sh", "-c", `until [ -s "$1" ]; do sleep 0.01; done; mv "$1" "$2"; mkfifo --mode=640 "$1"; chown wsgi:wsgi "$1"`, "sh", fifo, before)
	reopened := make(chan boot.Result, 1)
	go func() { reopened <- m.Run("wsgid", "reopen", s.name) }()
	for since := client.Report().Requests(); client.Report().Requests() < since+500; time.Sleep(10 * time.Millisecond) {
	}
	select {
	case r := <-reopened:
		t.Errorf("a file that cannot be opened is: status %d, %s", r.Status, r.Stderr)
	default:
	}
	reader := m.Command(t.Context(), boot.Command{Args: []string{"cat", fifo}})
	var after strings.Builder
	reader.Stdout = &after
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	if r := <-reopened; r.Status != 0 {
		t.Errorf("status %d, %s", r.Status, r.Stderr)
	}
	report := unharmed(t, client)
	m.MustRun("systemctl", "stop", s.service()) // which ends the reader's file as well
	if err := reader.Wait(); err != nil {
		t.Error(err)
	}
	seen := requestIDs(t, m.ReadFile(before)+after.String())
	if missing := report.Unrecorded(seen); len(missing) > 0 || len(seen) != report.Requests() {
		t.Errorf("%d lines for %d requests; without one: %v", len(seen), report.Requests(), missing)
	}
}

// testRotationByTimer: the service that Debian's timer starts is confined, and can
// rotate for all that.
func testRotationByTimer(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "timely")
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
	m.WriteFile("/var/lib/logrotate/status", "logrotate state -- version 2\n\""+s.accessLog()+"\" 2020-1-1-0:0:0\n", 0o644, "")
	before, inode := s.identity(), m.Inode(s.accessLog())
	m.MustRun("systemctl", "start", "logrotate.service")
	if got := m.Inode(s.accessLog() + ".1"); got != inode {
		t.Errorf("the rotated file is %d, the log was %d", got, inode)
	}
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
	if after := s.identity(); after != before {
		t.Errorf("the processes were %s and are %s", before, after)
	}
}

// awaitLine waits until a file has a line with the text.
func (s *logged) awaitLine(t *testing.T, path, text string) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		found := s.m.Run("cat", path)
		if strings.Contains(found.Stdout, text) {
			return
		}
		if time.Since(begun) > within {
			t.Fatalf("%s has no line with %q:\n%s%s", path, text, found.Stdout, found.Stderr)
		}
	}
}

// testRotationDuringHandOver: a supervisor that finishes its requests beside its
// successor writes their lines to the new file.
func testRotationDuringHandOver(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "handed")
	s.answers(t)
	old := m.Process(m.PID(s.service()))
	_, slow := s.slow(t, "slow", "8")
	m.MustRun("wsgid", "upgrade", s.name)
	if now := m.PID(s.service()); now == old.PID {
		t.Fatal("no other supervisor leads")
	}
	s.rotate(s.accessLog())
	size := s.size(s.accessLog() + ".1")
	if got := <-slow; got.StatusCode != 200 {
		t.Errorf("status %d", got.StatusCode)
	}
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
	s.awaitLine(t, s.accessLog(), "id=slow")
	if now := s.size(s.accessLog() + ".1"); now != size {
		t.Errorf("the rotated file had %s bytes, and has %s", size, now)
	}
	old.AwaitEnd(within)
}

// testReopenBySignal: SIGUSR1 does what the command does, as with other servers.
func testReopenBySignal(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "signalled")
	before := s.identity()
	for _, path := range []string{s.accessLog(), s.errorLog()} {
		m.MustRun("mv", path, path+".old")
	}
	m.MustRun("systemctl", "kill", "--kill-who=main", "--signal=USR1", s.service())
	for begun := time.Now(); !m.Exists(s.accessLog()) || !m.Exists(s.errorLog()); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > within {
			t.Fatal("the log files are not opened again")
		}
	}
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
	s.awaitLine(t, s.errorLog(), "tick")
	// A signal for the whole unit, as other programs' files of logrotate have it.
	m.MustRun("systemctl", "kill", "--signal=USR1", s.service(), s.slot("a"))
	s.answers(t)
	if after := s.identity(); after != before {
		t.Errorf("the processes were %s and are %s", before, after)
	}
}

// testRotationWithoutSites: what a site that does not run has left is rotated, and
// the script has nothing to say.
func testRotationWithoutSites(t *testing.T, m *boot.Machine) {
	if result := m.Run("wsgid", "reopen", "--all"); result.Status != 0 || result.Stdout+result.Stderr != "" {
		t.Errorf("status %d: %s%s", result.Status, result.Stdout, result.Stderr)
	}
	s := serveLogged(m, "ended")
	s.answers(t)
	m.MustRun("systemctl", "stop", s.socket(), s.service())
	s.rotate(s.accessLog())
	if !m.Exists(s.accessLog()+".1") || m.Exists(s.accessLog()) {
		t.Error("the access log is not rotated")
	}
	s.start()
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
}

// testLogReaders: log files are the front end's, also after a rotation, and its
// group reads them. Nobody else does; the applications' users least of all.
func testLogReaders(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "read")
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test")
	s.awaitLine(t, s.errorLog(), "tick")
	s.rotate(s.accessLog(), s.errorLog())
	s.answers(t)
	s.rotate(s.accessLog(), s.errorLog())
	for _, path := range []string{s.accessLog(), s.accessLog() + ".1", s.errorLog(), s.errorLog() + ".1", s.errorLog() + ".2.gz"} {
		if got := m.Owner(path); got != "wsgi:wsgi 640" {
			t.Errorf("%s: %s", path, got)
		}
		for _, c := range []struct {
			who  []string
			want int
		}{
			{[]string{"--reuid=joe", "--regid=joe", "--clear-groups"}, 1},
			{[]string{"--reuid=joe", "--regid=joe", "--groups=wsgi"}, 0},
		} {
			command := append(append([]string{"setpriv"}, c.who...), "cat", path)
			if result := m.Run(command...); result.Status != c.want {
				t.Errorf("%s as %v: status %d, %s", path, c.who, result.Status, result.Stderr)
			}
		}
	}
	if got := m.Owner(s.directory()); got != "wsgi:wsgi 750" {
		t.Errorf("%s: %s", s.directory(), got)
	}
}
