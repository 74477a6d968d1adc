package boot_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

const journalSite = `[group.web]
user = "joe"
[[mount]]
path = "/"
script = "/srv/journal/app.py"
`

func TestJournal(t *testing.T) {
	boot.Run(t, "the journal has what the processes and the site have to say, each with its fields",
		boot.Case{Name: "output", Run: testJournalOutput},
		boot.Case{Name: "abnormal end", Run: testAbnormalEnd},
		boot.Case{Name: "large record", Run: testLargeRecord},
	)
}

// awaitRecord waits for a record that journalctl selects by the arguments and that has
// the text in its message, and gives it.
func awaitRecord(t *testing.T, m *boot.Machine, text string, args ...string) map[string]string {
	t.Helper()
	return awaitAfter(t, m, 0, text, args...)
}

// later is awaitRecord for records that are not there yet. (With --after-cursor
// journalctl leaves out the first one when the cursor is at one that it does not select.)
func later(t *testing.T, m *boot.Machine, args ...string) func(text string) map[string]string {
	before := len(m.Records(args...))
	return func(text string) map[string]string {
		t.Helper()
		return awaitAfter(t, m, before, text, args...)
	}
}

func awaitAfter(t *testing.T, m *boot.Machine, before int, text string, args ...string) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		records := m.Records(args...)[before:]
		for _, r := range records {
			if strings.Contains(r["MESSAGE"], text) {
				return r
			}
		}
		if time.Now().After(deadline) {
			for _, r := range records {
				t.Log(r["MESSAGE"])
			}
			t.Fatalf("journalctl %s has nothing with %q", strings.Join(args, " "), text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// testJournalOutput: what an application writes is in its group's unit, a line a record
// and a traceback one as well.
func testJournalOutput(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/journal/app.py", probe, 0o644, "")
	m.Site("journal", journalSite)
	m.MustRun("systemctl", "start", "wsgi@journal")
	is := who(t, m, "journal", "")
	const unit = "wsgi-journal:web@a.service"
	fields := map[string]string{
		"_SYSTEMD_UNIT": unit, "SYSLOG_IDENTIFIER": "wsgid", "SITE": "journal", "GROUP": "web", "GENERATION": "1", "PROCESS": "1",
		"WORKER_PID": strconv.Itoa(is.PID),
	}
	for _, c := range []struct {
		verb, text, priority, stream string
		contains                     []string
	}{
		{"print", "plain output", "6", "stdout", nil},
		{"print", "ünïcode ☃", "6", "stdout", nil},
		{"complain", "a complaint", "4", "stderr", nil},
		{"traceback", "printed by the application", "4", "stderr", []string{"Traceback (most recent call last)", "in application", "ValueError: "}},
		{"traceback-to-errors", "printed to wsgi.errors", "3", "", []string{"Traceback (most recent call last)", "in application", "ValueError: "}},
	} {
		askProbe(t, m, "journal", "/"+c.verb, c.text)
		r := awaitRecord(t, m, c.text, "--unit="+unit)
		if r["PRIORITY"] != c.priority || r["STREAM"] != c.stream {
			t.Errorf("%s: priority %s and stream %q, want %s and %q", c.text, r["PRIORITY"], r["STREAM"], c.priority, c.stream)
		}
		for name, want := range fields {
			if r[name] != want {
				t.Errorf("%s: %s is %q, want %q", c.text, name, r[name], want)
			}
		}
		for _, want := range c.contains {
			if !strings.Contains(r["MESSAGE"], want) {
				t.Errorf("%q is not in one record with the end of the traceback:\n%s", want, r["MESSAGE"])
			}
		}
	}

	// What an application raises is in one record with the id that the client got.
	got := m.Curl("--unix-socket", "/run/wsgi/journal.sock", "http://journal/fail?a%20mistake")
	id := got.Header.Get("X-Request-ID")
	if got.Status != 500 || id == "" || !strings.Contains(got.Body, id) {
		t.Errorf("status %d, request id %q\n%s", got.Status, id, got.Body)
	}
	r := awaitRecord(t, m, "a mistake", "--unit="+unit, "REQUEST_ID="+id)
	if r["PRIORITY"] != "3" || !strings.HasPrefix(r["MESSAGE"], "Traceback (most recent call last)") || !strings.HasSuffix(r["MESSAGE"], "ValueError: a mistake") {
		t.Errorf("priority %s of\n%s", r["PRIORITY"], r["MESSAGE"])
	}
	for name, want := range fields {
		if r[name] != want {
			t.Errorf("the exception's %s is %q, want %q", name, r[name], want)
		}
	}
	t.Logf("journalctl -u %s:\n%s", unit, m.Journal(unit))
}

// testAbnormalEnd: the id that a client got finds what became of its request.
func testAbnormalEnd(t *testing.T, m *boot.Machine) {
	m.WriteFile("/srv/journal/app.py", probe, 0o644, "")
	m.Site("journal", journalSite)
	m.MustRun("systemctl", "start", "wsgi@journal")
	is := who(t, m, "journal", "")
	got := m.Curl("--unix-socket", "/run/wsgi/journal.sock", "http://journal/die?9")
	id := got.Header.Get("X-Request-ID")
	if got.Status != 502 || id == "" || !strings.Contains(got.Body, id) {
		t.Errorf("status %d, request id %q\n%s", got.Status, id, got.Body)
	}
	r := awaitRecord(t, m, "", "REQUEST_ID="+id)
	for name, want := range map[string]string{
		"_SYSTEMD_UNIT": "wsgi@journal.service", "SYSLOG_IDENTIFIER": "wsgid", "SITE": "journal", "GROUP": "web", "GENERATION": "1", "PROCESS": "1",
		"WORKER_PID": strconv.Itoa(is.PID), "METHOD": "GET", "PATH": "/die", "PRIORITY": "3",
	} {
		if r[name] != want {
			t.Errorf("%s is %q, want %q", name, r[name], want)
		}
	}
	for _, want := range []string{"signal 9", id} {
		if !strings.Contains(r["MESSAGE"], want) {
			t.Errorf("%q is not in the message: %s", want, r["MESSAGE"])
		}
	}
	if got := m.Records("--unit=wsgi@journal", "SITE=journal", "--priority=err"); len(got) == 0 {
		t.Error("no error is found by its site")
	}
	t.Log(r["MESSAGE"])
}

// testLargeRecord: why 16 groups cannot be reloaded is more than a datagram takes.
func testLargeRecord(t *testing.T, m *boot.Machine) {
	const groups = 16
	m.WriteFile("/srv/journal/app.py", probe, 0o644, "")
	var text strings.Builder
	for n := range groups {
		fmt.Fprintf(&text, "[group.g%d]\nthreads = 1\n[[mount]]\npath = \"/g%[1]d\"\nscript = \"/srv/journal/app.py\"\ngroup = \"g%[1]d\"\n", n)
	}
	m.Site("large", text.String())
	m.MustRun("systemctl", "start", "wsgi@large")
	m.WriteFile("/srv/journal/app.py", "raise ValueError('begin ' + 'x' * 100000 + ' end')\n", 0o644, "")
	begun := time.Now()
	if got := m.Run("systemctl", "reload", "wsgi@large"); got.Status == 0 {
		t.Error("the reload succeeds")
	}
	t.Logf("the reload took %v", time.Since(begun))
	r := awaitRecord(t, m, "reload failed", "--unit=wsgi@large", "SITE=large", "--priority=err")
	if n := len(r["MESSAGE"]); n < 450_000 || strings.Count(r["MESSAGE"], " end") != groups {
		t.Errorf("the record has %d bytes and %d reasons, want %d", n, strings.Count(r["MESSAGE"], " end"), groups)
	}
	if r["PRIORITY"] != "3" || r["_SYSTEMD_UNIT"] != "wsgi@large.service" {
		t.Errorf("it is of %s with priority %s", r["_SYSTEMD_UNIT"], r["PRIORITY"])
	}
	if got := m.Property("wsgi@large.service", "ActiveState"); got != "active" {
		t.Errorf("the site is %s", got)
	}
	if got := m.Property("wsgi@large.service", "StatusText"); !strings.HasPrefix(got, "reload failed, the old generation serves on") {
		t.Errorf("the status is %.200q", got)
	}
	who(t, m, "large", "/g7")
}
