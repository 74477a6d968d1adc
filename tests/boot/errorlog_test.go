package boot_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestErrorLog follows what applications say into the file of error-log, and into
// the journal while there is no supervisor.
func TestErrorLog(t *testing.T) {
	boot.Run(t, "what applications say is in their error log, or in the journal, and nowhere twice",
		boot.Case{Name: "content", Run: testErrorLogContent},
		boot.Case{Name: "restart", Run: testErrorLogAtRestart},
		boot.Case{Name: "crash", Run: testErrorLogAtCrash},
		boot.Case{Name: "key", Run: testErrorLogKey},
	)
}

// slots is the journal of both slots, without what systemd says.
func (s *logged) slots() string {
	var b strings.Builder
	for _, record := range s.m.Records("--unit="+s.slot("a"), "--unit="+s.slot("b"), "SYSLOG_IDENTIFIER=wsgid") {
		b.WriteString(record["MESSAGE"] + "\n")
	}
	return b.String()
}

func testErrorLogContent(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "talking")
	s.awaitLine(t, s.errorLog(), " INFO  tick ")
	pid, answer := s.slow(t, "victim", "20")
	m.MustRun("kill", "-KILL", strconv.Itoa(pid))
	if got := <-answer; got.StatusCode != 502 {
		t.Errorf("status %d", got.StatusCode)
	}
	const where = ` site=talking group=web generation=1 `
	s.awaitLine(t, s.errorLog(), "request ended abnormally")
	s.awaitLine(t, s.errorLog(), "worker process died")
	text := m.ReadFile(s.errorLog())
	for _, pattern := range []string{
		`(?m)^\S+ INFO  tick \w+ 0` + where + `process=1 pid=\d+ stream=stdout$`,
		`(?m)^\S+ ERROR worker process died` + where + `process=\d pid=` + strconv.Itoa(pid) + ` cause="signal 9 \(killed\)"`,
		`(?m)^\S+ ERROR request ended abnormally site=talking group=web request_id=`,
	} {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("no line %s in\n%s", pattern, text)
		}
	}
	s.set(load.FileBroken, "no such luck")
	if result := m.Run("systemctl", "reload", s.service()); result.Status == 0 {
		t.Error("the reload of a broken application has succeeded")
	}
	const reason = "RuntimeError: told to be broken: no such luck"
	s.awaitLine(t, s.errorLog(), "    "+reason)
	journal := s.slots()
	if !strings.Contains(journal, reason) {
		t.Errorf("the unit's journal does not say why it failed:\n%s", journal)
	}
	for _, never := range []string{"tick", "worker process died"} {
		if strings.Contains(journal, never) {
			t.Errorf("%s is in the journal, too:\n%s", never, journal)
		}
	}
}

// ticks are the numbers that a text has of each process, in their order there.
func ticks(t *testing.T, text string) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	for _, found := range regexp.MustCompile(`tick (\w+) (\d+) site=`).FindAllStringSubmatch(text, -1) {
		all[found[1]] = append(all[found[1]], number(found[2]))
	}
	return all
}

// awaitTicks waits until every process that has ticked has done so again in the file.
func (s *logged) awaitTicks(t *testing.T) {
	t.Helper()
	before := ticks(t, s.m.ReadFile(s.errorLog()))
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		after, missing := ticks(t, s.m.ReadFile(s.errorLog())), 0
		for process := range before {
			if len(after[process]) == len(before[process]) {
				missing++
			}
		}
		switch {
		case missing == 0:
			return
		case time.Since(begun) > within:
			t.Fatalf("%d processes do not write to the error log any more", missing)
		}
	}
}

// testErrorLogAtRestart: the processes outlive the supervisor, and what they say
// meanwhile is in the journal. Nothing is lost, nothing is in both.
func testErrorLogAtRestart(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "restarted")
	s.awaitLine(t, s.errorLog(), "tick")
	for range 5 {
		m.MustRun("systemctl", "restart", s.service())
		s.awaitTicks(t)
	}
	m.MustRun("systemctl", "stop", s.socket(), s.service())
	file, journal := ticks(t, m.ReadFile(s.errorLog())), ticks(t, s.slots())
	if len(file) != 2 {
		t.Fatalf("%d processes have ticked, not 2", len(file))
	}
	for process, numbers := range file {
		spare := journal[process]
		t.Logf("process %s: %d ticks in the file, %d in the journal", process, len(numbers), len(spare))
		if !slices.IsSorted(numbers) {
			t.Error("those in the file are not in their order")
		}
		all := slices.Sorted(slices.Values(append(numbers, spare...)))
		for want, got := range all {
			if got != want {
				t.Errorf("tick %d comes where %d belongs", got, want)
				break
			}
		}
	}
}

// testErrorLogAtCrash: a supervisor that is killed takes with it what it had not
// written. The journal has what comes until the next one is there.
func testErrorLogAtCrash(t *testing.T, m *boot.Machine) {
	s := serveLogged(m, "crashed")
	s.awaitLine(t, s.errorLog(), "tick")
	m.MustRun("systemctl", "kill", "--kill-who=main", "--signal=KILL", s.service())
	m.AwaitProperty(s.service(), "NRestarts", "1", within)
	m.AwaitProperty(s.service(), "ActiveState", "active", within)
	s.awaitTicks(t)
	file, journal := ticks(t, m.ReadFile(s.errorLog())), ticks(t, s.slots())
	for process, numbers := range file {
		all := slices.Sorted(slices.Values(append(slices.Clone(numbers), journal[process]...)))
		if len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Error("some are in both")
		}
		if lost := all[len(all)-1] + 1 - len(all); lost > 50 || len(journal[process]) == 0 {
			t.Errorf("process %s: %d ticks in the file, %d in the journal, %d nowhere", process, len(numbers), len(journal[process]), lost)
		}
	}
}

// testErrorLogKey: a reload puts error-log into effect, moves it and takes it back.
func testErrorLogKey(t *testing.T, m *boot.Machine) {
	s := &logged{&served{m: m, name: "changed"}}
	s.set("app.py", load.AppSource()+ticking)
	set := func(errorLog string) {
		t.Helper()
		s.toml("access-log = \""+s.accessLog()+"\"\n"+errorLog, "", "")
	}
	set("")
	s.start()
	m.AwaitJournal(s.slot("a"), "tick", within)
	reload := func(errorLog string) {
		t.Helper()
		set(errorLog)
		m.MustRun("systemctl", "reload", s.service())
	}
	reload("error-log = \"" + s.errorLog() + "\"")
	s.awaitLine(t, s.errorLog(), "tick")
	reload("error-log = \"" + s.errorLog() + ".other.log\"")
	s.awaitLine(t, s.errorLog()+".other.log", "tick")
	reload("")
	size := s.size(s.errorLog() + ".other.log")
	before := strings.Count(s.slots(), "tick")
	for begun := time.Now(); strings.Count(s.slots(), "tick") <= before; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > within {
			t.Fatal("nothing comes to the journal")
		}
	}
	if now := s.size(s.errorLog() + ".other.log"); now != size {
		t.Errorf("the file had %s bytes without its key, and has %s", size, now)
	}
}
