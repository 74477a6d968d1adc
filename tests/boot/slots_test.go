package boot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestSlots: what goes wrong in a slot's unit, or is done to it by hand.
func TestSlots(t *testing.T) {
	boot.Run(t, "a slot that cannot start harms nobody else and says why, and one that is restarted by hand costs no request",
		boot.Case{Name: "slots", Run: testSlots},
	)
}

// testSlots has the others go on while a leader that was started by hand waits.
func testSlots(t *testing.T, m *boot.Machine) {
	startedByHand := startByHand(t, m)
	for name, run := range map[string]func(*testing.T, *boot.Machine){
		"cannot start": testCannotStart,
		"restarted":    testSlotRestarted,
		"left behind":  testLeaderLeftBehind,
	} {
		t.Run(name, func(t *testing.T) { run(t, m.In(t)) })
	}
	startedByHand()
}

// testCannotStart: the group web of a site cannot start, for one reason after the other.
// Its other group serves on, and another site.
func testCannotStart(t *testing.T, m *boot.Machine) {
	const python = `python-home = "/srv/nosuch"`
	beside := serve(m, "beside", "", "", "")
	beside.start()
	s := serve(m, "ill", "", "", groupAPI("ill"))
	s.start()
	calm := beside.load(t, load.Workers{Job: load.Get, Count: 2, Think: 20 * time.Millisecond})
	for _, c := range []struct {
		name   string
		spoil  func(m *boot.Machine)
		mend   func(m *boot.Machine)
		reason string // in the journal of the slot
	}{
		{
			name:  "unknown user",
			spoil: func(m *boot.Machine) { dropIn(m, s.slot(""), "[Service]\nUser=nosuch\n") },
			mend: func(m *boot.Machine) {
				m.MustRun("rm", "/etc/systemd/system/"+s.slot("")+".d/override.conf")
				m.MustRun("systemctl", "daemon-reload")
			},
			reason: "status=217/USER",
		},
		{
			name: "unreadable site file",
			spoil: func(m *boot.Machine) {
				m.MustRun("chmod", "640", "/etc/wsgi/ill.toml")
				m.MustRun("chgrp", "wsgi", "/etc/wsgi/ill.toml")
			},
			mend:   func(m *boot.Machine) { m.MustRun("chmod", "644", "/etc/wsgi/ill.toml") },
			reason: "(as user joe)",
		},
		{
			name:   "no interpreter",
			spoil:  func(m *boot.Machine) { s.toml("", python, groupAPI("ill")) },
			mend:   func(m *boot.Machine) { s.toml("", "", groupAPI("ill")) },
			reason: `cannot start group web of site ill: group.web.python-home: "/srv/nosuch"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := m.In(t)
			other := s.loadAt(t, "/api", load.Workers{Job: load.Get, Count: 2, Think: 20 * time.Millisecond})
			told := func() []map[string]string { return m.Records("--unit="+s.service(), "GROUP=web", "PRIORITY=3") }
			before := len(told())
			c.spoil(m)
			leader := m.Process(m.PID(s.slot("a")))
			m.MustRun("systemctl", "kill", "--signal=KILL", s.slot("a"))
			leader.AwaitEnd(within)
			m.AwaitProperty(s.slot("a"), "ActiveState", "failed", within)
			got := s.get()
			if got.Status != 503 || got.Header.Get("X-Request-Id") == "" || got.Header.Get("Retry-After") == "" {
				t.Errorf("status %d, fields %v", got.Status, got.Header)
			}
			if log := m.Journal(s.slot("a")); !strings.Contains(log, c.reason) {
				t.Errorf("the slot's journal has no %q:\n%s", c.reason, log)
			}
			where := func(record map[string]string) bool {
				text := record["MESSAGE"]
				return strings.HasPrefix(text, "cannot start ") && strings.Contains(text, "journalctl -u '"+s.slot("a")+"'")
			}
			if said := told()[before:]; !slices.ContainsFunc(said, where) {
				t.Errorf("the supervisor does not say where to look: %q", said)
			}
			unharmed(t, other)
			c.mend(m)
			s.awaitAnswer(t, within)
		})
	}
	unharmed(t, calm)
}

// startByHand starts a leader that nobody attaches to: it starts its processes, and ends
// after a while, which the function that it returns waits for.
func startByHand(t *testing.T, m *boot.Machine) (await func()) {
	t.Helper()
	s := serve(m, "hand", "", "orphan-timeout = \"1s\"", "")
	m.MustRun("systemctl", "start", s.slot("b"))
	if got := s.workers("b"); len(got) != 1 {
		t.Errorf("workers %q", got)
	}
	leader := m.Process(m.PID(s.slot("b")))
	s.start() // in slot a
	return func() {
		t.Helper()
		leader.AwaitEnd(within)
		m.AwaitProperty(s.slot("b"), "ActiveState", "inactive", within)
		if result := m.Property(s.slot("b"), "Result"); result != "success" {
			t.Errorf("the result is %s", result)
		}
		m.AwaitJournal(s.slot("b"), "no supervisor has attached; ending", within)
		s.answers(t)
	}
}

// testSlotRestarted: whoever restarts the unit that serves has the site go on in the other
// slot first.
func testSlotRestarted(t *testing.T, m *boot.Machine) {
	s := serve(m, "turned", "", "processes = 2", "")
	s.start()
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.Sleep, For: 500 * time.Millisecond},
	)
	for i, slot := range []string{"a", "b"} {
		client.Mark("restart of slot " + slot)
		m.MustRun("systemctl", "restart", s.slot(slot))
		if now := s.generation(t); now != i+2 {
			t.Errorf("after restart %d, it is generation %d", i+1, now)
		}
	}
	report := unharmed(t, client)
	t.Logf("%d requests; longest gap %v", report.Requests(), report.LongestGap("restart").Net())
}

// testLeaderLeftBehind: a reload serves what the application is now, also where a leader
// with an older one is found in the slot; and so does the supervisor that takes over after
// an upgrade.
func testLeaderLeftBehind(t *testing.T, m *boot.Machine) {
	s := serve(m, "stale", "", "", "")
	s.start()
	for i, c := range []struct {
		name, slot string
		before     func()
	}{
		{"reload", "b", func() {}},
		{"upgrade", "a", func() {
			m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
			m.MustRun("mv", "-f", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
		}},
	} {
		m.AwaitProperty(s.slot(c.slot), "ActiveState", "inactive", within)
		m.MustRun("systemctl", "start", s.slot(c.slot)) // with the application as it is
		stale := m.Process(m.PID(s.slot(c.slot)))
		c.before()
		s.set(load.FileGeneration, c.name)
		m.MustRun("systemctl", "reload", s.service())
		if got := s.get(); got.Header.Get("X-Load-Generation") != c.name {
			t.Errorf("after the %s, the application is generation %q", c.name, got.Header.Get("X-Load-Generation"))
		}
		if now := s.generation(t); now != i+2 {
			t.Errorf("after the %s, it is generation %d", c.name, now)
		}
		stale.AwaitEnd(within)
	}
}
