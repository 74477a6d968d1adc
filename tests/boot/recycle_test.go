package boot_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestRecycle: processes that should go although they could go on are replaced one at a
// time, when another is ready, and nobody's request notices.
func TestRecycle(t *testing.T) {
	boot.Run(t, "processes that have served their time, or grown too large, are replaced one by one without a lost request",
		boot.Case{Name: "memory", Run: testRecycleMemory},
		boot.Case{Name: "requests", Run: testRecycleRequests},
		boot.Case{Name: "suspended", Run: testRecycleSuspended},
	)
}

// growing is the load client's application, which keeps some of each request.
func growing() string {
	return load.AppSource() + `
kept = []
frugal = application
def application(environ, start_response):
    kept.append(b"x" * 200_000)
    return frugal(environ, start_response)
`
}

func testRecycleMemory(t *testing.T, m *boot.Machine) {
	s := serve(m, "growing", "", "processes = 2\nthreads = 5\nmaximum-memory = \"60M\"", "")
	s.set("app.py", growing())
	s.recycle(t, regexp.MustCompile(`^maximum-memory: (6[0-9]|[7-9]\d|\d{3,})\.\d MiB resident, 60\.0 MiB allowed$`))
}

func testRecycleRequests(t *testing.T, m *boot.Machine) {
	s := serve(m, "counted", "", "processes = 2\nthreads = 5\nmaximum-requests = 300", "")
	s.recycle(t, regexp.MustCompile(`^maximum-requests$`))
}

// recycle serves under load until five processes have been replaced.
func (s *served) recycle(t *testing.T, cause *regexp.Regexp) {
	t.Helper()
	s.start()
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.Sleep, Count: 2, For: time.Second},
	)
	leader := s.m.Property(s.slot("a"), "MainPID")
	five := regexp.MustCompile(`, ([5-9]|\d\d) replaced \(the last: `)
	ready := regexp.MustCompile(`, [23] of 2 processes ready,`)
	for begun := time.Now(); ; {
		status := s.status()
		if !ready.MatchString(status) {
			t.Errorf("fewer processes than there should be: %s", status)
		}
		// A process that has a program to compile may have a child for a moment.
		if n := len(strings.Fields(s.m.MustRun("pgrep", "--parent", leader))); n < 2 || n > 3 {
			t.Errorf("the leader has %d processes", n)
		}
		if five.MatchString(status) {
			break
		}
		if time.Since(begun) > 2*within {
			t.Fatalf("five processes are not replaced: %s", status)
		}
	}
	report := unharmed(t, client)
	t.Logf("%d requests; longest gap %v", report.Requests(), report.LongestGap("start").Net())
	told := 0
	for _, record := range s.m.Records("--unit=" + s.service()) {
		if record["MESSAGE"] == "replacing a worker process" || strings.HasPrefix(record["MESSAGE"], "replacing a worker process ") {
			told++
			if !cause.MatchString(record["CAUSE"]) {
				t.Errorf("the cause is %q", record["CAUSE"])
			}
		}
	}
	if told < 5 {
		t.Errorf("%d replacements are logged", told)
	}
}

// testRecycleSuspended: while the code on disk cannot be imported, the processes that have
// it serve on, and the status says so.
func testRecycleSuspended(t *testing.T, m *boot.Machine) {
	s := serve(m, "suspended", "", "processes = 2\nmaximum-requests = 50", "")
	s.start()
	s.set(load.FileBroken, "")
	before := strings.Fields(s.m.MustRun("pgrep", "--parent", m.Property(s.slot("a"), "MainPID")))
	client := s.load(t, load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond})
	s.awaitStatus(t, `, processes are not replaced: \w+`)
	for _, pid := range before {
		m.MustRun("kill", "-0", pid)
	}
	s.unset(load.FileBroken)
	// The next try is half a minute away at most.
	matcher := regexp.MustCompile(`, \d+ replaced \(the last: maximum-requests\)`)
	for begun := time.Now(); !matcher.MatchString(s.status()); {
		if time.Since(begun) > 4*within {
			t.Fatalf("the status is %q", s.status())
		}
	}
	unharmed(t, client)
}
