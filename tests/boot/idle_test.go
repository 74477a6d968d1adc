package boot_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestIdle: what is not used costs no process, and is there when it is wanted.
func TestIdle(t *testing.T) {
	boot.Run(t, "a site or a group that nobody uses ends, and the next request brings it back",
		boot.Case{Name: "idle", Run: testIdle},
	)
}

// testIdle has the others go on while a race is run.
func testIdle(t *testing.T, m *boot.Machine) {
	race := startIdleRace(t, m)
	t.Run("site", func(t *testing.T) { testIdleSite(t, m.In(t)) })
	t.Run("group", func(t *testing.T) { testInactiveGroup(t, m.In(t)) })
	race()
}

func testIdleSite(t *testing.T, m *boot.Machine) {
	s := serve(m, "rare", `idle-timeout = "1s"`, "processes = 2", "")
	m.MustRun("systemctl", "start", s.socket())
	known, _ := s.listeners()
	for range 2 {
		begun := time.Now()
		s.answers(t)
		s.awaitRest(t) // supervisor and leaders
		if took := time.Since(begun); took < time.Second {
			t.Errorf("idle-timeout was over after %v", took)
		}
		if result := m.Property(s.service(), "Result"); result != "success" {
			t.Errorf("the result is %s", result)
		}
	}
	if now, _ := s.listeners(); len(now) != 3 || fmt.Sprint(now) != fmt.Sprint(known) {
		t.Errorf("the sockets were %v and are %v", known, now)
	}
	// A connection that is open is use, whatever goes on in it.
	connection, err := m.Dial("unix", s.path())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	m.AwaitProperty(s.service(), "ActiveState", "active", within)
	time.Sleep(1500 * time.Millisecond) // longer than idle-timeout
	if state := m.Property(s.service(), "ActiveState"); state != "active" {
		t.Errorf("with a connection open, the site is %s", state)
	}
}

// testInactiveGroup has one of two groups sleep.
func testInactiveGroup(t *testing.T, m *boot.Machine) {
	s := serve(m, "half", "", "processes = 2\ninactivity-timeout = \"1s\"", groupAPI("half"))
	s.start()
	other := s.loadAt(t, "/api", load.Workers{Job: load.Get, Count: 2, Think: 20 * time.Millisecond})
	for _, slot := range []string{"a", "b"} { // it wakes up in the other one
		s.answers(t)
		m.AwaitProperty(s.slot(slot), "ActiveState", "active", within)
		m.AwaitProperty(s.slot(slot), "ActiveState", "inactive", within)
		s.awaitStatus(t, "api: generation 1, 1 of 1 processes ready.*; web: asleep until the next request")
	}
	unharmed(t, other)
}

// startIdleRace has requests come just when the site, or the group, is about to end, ends
// or has ended: with four sites at the same time, for the sake of speed. The function that
// it returns waits for the end.
func startIdleRace(t *testing.T, m *boot.Machine) (await func()) {
	t.Helper()
	var running sync.WaitGroup
	var sites []*served
	for i, c := range []struct{ top, web string }{
		{`idle-timeout = "1s"`, ""},
		{`idle-timeout = "1s"`, ""},
		{"", `inactivity-timeout = "1s"`},
		{`idle-timeout = "1s"`, `inactivity-timeout = "1s"`},
	} {
		s := serve(m, fmt.Sprint("race", i), c.top, c.web, "")
		m.MustRun("systemctl", "start", s.socket())
		running.Go(func() { s.trickle(t, time.Second, time.Duration(i)*time.Millisecond) })
		sites = append(sites, s)
	}
	t.Cleanup(running.Wait) // also if the test ends early
	return func() {
		t.Helper()
		running.Wait()
		for _, s := range sites {
			ended := strings.Count(m.Journal(s.service()), "-timeout: the ")
			t.Logf("%s: the site or its group has ended %d times", s.name, ended)
			if ended == 0 {
				t.Errorf("%s: the timeout was never over", s.name)
			}
		}
	}
}

// trickle makes requests that come from a little before to a little after the time that
// the timeout is over. A connection lives as long as its request: the timeouts count from
// its end.
func (s *served) trickle(t *testing.T, timeout, shift time.Duration) {
	client := s.m.Client("unix", s.path())
	for cycle := range 8 {
		id := fmt.Sprintf("%s-%d", s.name, cycle)
		if got := ask(t, client, "/hello", id); got != "hello "+id+"\n" {
			t.Errorf("%s: got %q", id, got)
		}
		time.Sleep(timeout + shift + time.Duration(cycle-2)*5*time.Millisecond)
	}
}
