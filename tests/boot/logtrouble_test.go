package boot_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestLogrotateTrouble takes the room for log files away, and the right to make them.
func TestLogrotateTrouble(t *testing.T) {
	boot.Run(t, "a site is served while its log files cannot be written",
		boot.Case{Name: "full-disk", Run: testFullDisk},
		boot.Case{Name: "unwritable", Run: testUnwritableLogs},
		boot.Case{Name: "unwritable-at-start", Run: testUnwritableAtStart},
	)
}

// testFullDisk: of the lines of a disk that is full for too long those are lost that
// cannot be kept, and exactly those are counted.
func testFullDisk(t *testing.T, m *boot.Machine) {
	s := &logged{&served{m: m, name: "full"}}
	m.MustRun("mkdir", "-p", s.directory())
	m.MustRun("mount", "-t", "tmpfs", "-o", "size=1m,mode=0750", "tmpfs", s.directory())
	t.Cleanup(func() { m.MustRun("umount", s.directory()) })
	m.MustRun("chown", "wsgi:wsgi", s.directory())
	s.set("app.py", load.AppSource())
	s.toml(fmt.Sprintf("access-log = %q", s.accessLog()), "", "")
	s.start()
	begun := time.Now()
	client := s.load(t, load.Workers{Job: load.Get, Count: 2, Think: 5 * time.Millisecond}, load.Workers{Job: load.Sleep, For: time.Second})
	requests := s.fill(t, 500)
	requests += unharmed(t, client).Requests()
	s.answers(t)
	requests++
	status := m.MustRun("wsgid", "status", s.name)
	lost := 0
	if found := regexp.MustCompile(`; (\d+) lost log lines$`).FindStringSubmatch(status); found == nil {
		t.Fatalf("status: %s", status)
	} else {
		lost = number(found[1])
	}
	errors := m.Records("--unit", s.service(), "FILE="+s.accessLog(), "PRIORITY=3")
	if most := 1 + int(time.Since(begun)/time.Minute); len(errors) == 0 || len(errors) > most {
		t.Errorf("%d errors in %v:\n%v", len(errors), time.Since(begun), errors)
	}
	t.Logf("%d of %d lines are lost: %s", lost, requests, errors[0]["MESSAGE"])
	m.MustRun("mount", "-o", "remount,size=100m", s.directory())
	m.AwaitJournal(s.service(), "the log file is written again", within)
	s.answers(t)
	requests++
	s.awaitLine(t, s.accessLog(), "id=test ")
	line := regexp.MustCompile(`^- - - \[[^]]+\] "GET /\S+ HTTP/1\.1" 200 .* process=\d+\n$`)
	lines := 0
	for text := range strings.Lines(m.ReadFile(s.accessLog())) {
		lines++
		if !line.MatchString(text) {
			t.Errorf("not a line of an access log: %.200q", text)
		}
	}
	if lines+lost != requests {
		t.Errorf("%d lines are written and %d lost of %d", lines, lost, requests)
	}
}

// fill makes requests whose lines have 60 kB, and wants every answer.
func (s *logged) fill(t *testing.T, n int) int {
	t.Helper()
	client := s.m.Client("unix", s.path())
	for i := range n {
		r := request(t, "/hello?"+strings.Repeat("x", 4000), strconv.Itoa(i))
		r.Header.Set("User-Agent", strings.Repeat("\x80", 7000)) // four bytes each in the log
		r.Header.Set("Referer", strings.Repeat("\x81", 7000))
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatalf("request %d: status %d", i, response.StatusCode)
		}
	}
	return n
}

// testUnwritableLogs: a file that cannot be opened again is written under its old
// name, and does not keep the other one.
func testUnwritableLogs(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "denied")
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test ")
	client := s.load(t, load.Workers{Job: load.Get, Count: 2, Think: 5 * time.Millisecond})

	client.Mark("no right to make files")
	m.MustRun("chown", "root:root", s.directory())
	failed := m.Run("wsgid", "reopen", "--wait", s.name)
	for _, part := range []string{"cannot reopen denied", "access-log: ", "error-log: ", "permission denied"} {
		if failed.Status != 1 || !strings.Contains(failed.Stderr, part) {
			t.Errorf("no %q: status %d: %s", part, failed.Status, failed.Stderr)
		}
	}
	if all := m.Run("wsgid", "reopen", "--all"); all.Status != 1 || all.Stderr != failed.Stderr {
		t.Errorf("--all: status %d: %s", all.Status, all.Stderr)
	}
	m.MustRun("chown", "wsgi:wsgi", s.directory())

	client.Mark("a directory in the place of a file")
	m.MustRun("mv", s.accessLog(), s.accessLog()+".old")
	m.MustRun("mv", s.errorLog(), s.errorLog()+".old")
	m.MustRun("install", "-d", "-o", "wsgi", s.accessLog())
	failed = m.Run("wsgid", "reopen", s.name)
	if failed.Status != 1 || !strings.Contains(failed.Stderr, "access-log: ") || strings.Contains(failed.Stderr, "error-log: ") {
		t.Errorf("status %d: %s", failed.Status, failed.Stderr)
	}
	s.awaitLine(t, s.errorLog(), "tick")
	if got := s.ask("/hello?x=late&"); got.Status != 200 && got.Status != 409 {
		t.Errorf("status %d", got.Status)
	}
	s.awaitLine(t, s.accessLog()+".old", "x=late")

	client.Mark("as it was")
	m.MustRun("rmdir", s.accessLog())
	m.MustRun("wsgid", "reopen", "--all")
	report := unharmed(t, client)
	s.answers(t)
	s.awaitLine(t, s.accessLog(), "id=test ")
	text := m.ReadFile(s.accessLog()+".old") + m.ReadFile(s.accessLog())
	if missing := report.Unrecorded(requestIDs(t, strings.ReplaceAll(text, "/hello?x=late&?id=", "/hello?id="))); len(missing) > 0 {
		t.Errorf("%d of %d requests have no line: %v", len(missing), report.Requests(), missing)
	}
	if status := s.status(); strings.Contains(status, "lost") {
		t.Errorf("status: %s", status)
	}
}

// testUnwritableAtStart: a site starts without its log file, and writes what it has
// kept when it can.
func testUnwritableAtStart(t *testing.T, m *boot.Machine) {
	s := &logged{&served{m: m, name: "late"}}
	const directory = "/srv/logs/late"
	m.MustRun("mkdir", "-p", directory)
	s.set("app.py", load.AppSource())
	s.toml(fmt.Sprintf("access-log = %q", directory+"/access.log"), "", "")
	s.start()
	s.answers(t)
	m.AwaitJournal(s.service(), "cannot write the log file; requests are served on", within)
	m.MustRun("chown", "wsgi", directory)
	s.awaitLine(t, directory+"/access.log", "id=test ")
	if got := m.Owner(directory + "/access.log"); got != "wsgi:wsgi 640" {
		t.Errorf("the file: %s", got)
	}
	if errors := m.Records("--unit", s.service(), "PRIORITY=3"); len(errors) != 1 {
		t.Errorf("%d errors: %v", len(errors), errors)
	}
}
