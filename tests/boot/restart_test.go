package boot_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestRestart: a supervisor ends and another begins, or everything ends.
func TestRestart(t *testing.T) {
	boot.Run(t, "a restart of the supervisor costs no request and leaves the processes warm, and a stop ends everything",
		boot.Case{Name: "warm", Run: testWarmRestart},
		boot.Case{Name: "under load", Run: testRestartsUnderLoad},
		boot.Case{Name: "stop", Run: testStop},
		boot.Case{Name: "by hand", Run: testSignalledSupervisor},
		boot.Case{Name: "stray signals", Run: testStraySignals},
	)
}

func testWarmRestart(t *testing.T, m *boot.Machine) {
	s := serve(m, "warm", "", "processes = 2", "")
	s.start()
	m.MustRun("systemctl", "reload", s.service()) // another slot and number than those of the start
	before, generation, supervisor := s.workers("b"), s.generation(t), m.PID(s.service())
	if len(before) != 2 || generation != 2 {
		t.Fatalf("workers %q, generation %d", before, generation)
	}
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 50 * time.Millisecond},
		load.Workers{Job: load.Sleep, Count: 2, For: time.Second},
		load.Workers{Job: load.Upload, For: time.Second},
	)
	begun := time.Now()
	m.MustRun("systemctl", "restart", s.service())
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the restart took %v", took)
	}
	report := unharmed(t, client)
	if n := report.Count(load.ClosedIdle); n > 0 || report.Announced > 0 {
		t.Errorf("%d connections that the clients kept were closed, %d of them were told so", n, report.Announced)
	}
	if now := m.PID(s.service()); now == supervisor {
		t.Error("it is the same supervisor")
	}
	if after := s.workers("b"); !slices.Equal(after, before) {
		t.Errorf("workers %q became %q", before, after)
	}
	if after := s.generation(t); after != generation {
		t.Errorf("generation %d became %d", generation, after)
	}
	if left := s.workers("a"); len(left) > 0 {
		t.Errorf("slot a has processes: %q", left)
	}
	// What systemd has kept, it has given back.
	if n := m.Property(s.service(), "NFileDescriptorStore"); n != "0" {
		t.Errorf("systemd still stores %s descriptors", n)
	}
}

// testRestartsUnderLoad: the clients are to see nothing of twenty restarts.
func testRestartsUnderLoad(t *testing.T, m *boot.Machine) {
	s := serve(m, "busy", "", "processes = 2", "")
	s.start()
	before := s.workers("a")
	client := s.load(t,
		load.Workers{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		load.Workers{Job: load.GetClose, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.Post, Count: 2, Think: 5 * time.Millisecond},
		load.Workers{Job: load.Stream, For: 100 * time.Millisecond},
	)
	for range 20 {
		client.Mark("restart")
		m.MustRun("systemctl", "restart", s.service())
	}
	client.Mark("afterwards")
	report := unharmed(t, client)
	gap := report.LongestGap("restart")
	t.Logf("%d requests; longest gap %v, of which the client itself stood still %v", report.Requests(), gap.Length, gap.Stalled)
	if gap.Net() > 2*time.Second {
		t.Errorf("a gap of %v", gap.Net())
	}
	if after := s.workers("a"); !slices.Equal(after, before) {
		t.Errorf("workers %q became %q", before, after)
	}
	if n := m.Property(s.service(), "NFileDescriptorStore"); n != "0" {
		t.Errorf("systemd still stores %s descriptors", n)
	}
}

// testStop: a stop ends everything after the requests under way, and the socket's next
// connection begins again.
func testStop(t *testing.T, m *boot.Machine) {
	s := serve(m, "stop", "", "processes = 2", "")
	s.start()
	m.MustRun("systemctl", "stop", s.socket()) // which the service requires
	s.awaitRest(t)
	s.start()
	client := s.load(t, load.Workers{Job: load.Sleep, Count: 2, For: time.Second})
	last := make(chan *load.Report)
	go func() { last <- client.Stop() }() // no more requests, or they would start the site
	m.MustRun("systemctl", "stop", s.service())
	s.awaitRest(t)
	if report := <-last; report.Count(load.OK) < 2 || report.Failures() > 0 {
		t.Errorf("requests that were under way:\n%v", report)
	}
	s.answers(t)
}

// testSignalledSupervisor: SIGTERM from somebody else than systemd is a wish to end, too.
func testSignalledSupervisor(t *testing.T, m *boot.Machine) {
	s := serve(m, "signalled", "", "", "")
	s.start()
	client := s.load(t, load.Workers{Job: load.Sleep, For: time.Second})
	m.Process(m.PID(s.service())).Signal(syscall.SIGTERM)
	report := unharmed(t, client)
	if n := report.Count(load.OK); n == 0 {
		t.Error("no request was under way")
	}
	s.awaitRest(t)
	if result := m.Property(s.service(), "Result"); result != "success" {
		t.Errorf("the result is %s", result)
	}
	s.answers(t)
}

// testStraySignals: `systemctl kill` reaches every process of a unit. HUP has a site
// reload; nothing has a process die.
func testStraySignals(t *testing.T, m *boot.Machine) {
	s := serve(m, "stray", "", "processes = 2", "")
	s.start()
	client := s.load(t, load.Workers{Job: load.Get, Count: 2, Think: 10 * time.Millisecond})
	supervisor, leader, workers := m.PID(s.service()), m.PID(s.slot("a")), s.workers("a")
	for _, signal := range []string{"HUP", "USR1", "USR2"} {
		m.MustRun("systemctl", "kill", "--signal="+signal, s.slot("a"))
		if signal != "HUP" {
			m.MustRun("systemctl", "kill", "--signal="+signal, s.service())
		}
	}
	// Processes that a signal had ended would be gone before a request made now is answered.
	s.answers(t)
	if now := m.PID(s.service()); now != supervisor {
		t.Errorf("supervisor %d became %d", supervisor, now)
	}
	if now := m.PID(s.slot("a")); now != leader {
		t.Errorf("leader %d became %d", leader, now)
	}
	if now := s.workers("a"); !slices.Equal(now, workers) {
		t.Errorf("workers %q became %q", workers, now)
	}
	m.MustRun("systemctl", "kill", "--signal=HUP", s.service())
	m.AwaitJournal(s.service(), "reloaded", within)
	if generation := s.generation(t); generation != 2 {
		t.Errorf("after SIGHUP, it is generation %d", generation)
	}
	if now := m.PID(s.service()); now != supervisor {
		t.Errorf("after SIGHUP, supervisor %d became %d", supervisor, now)
	}
	unharmed(t, client)
	for _, unit := range []string{s.service(), s.slot("a")} {
		if log := m.Journal(unit); strings.Contains(log, "died") || strings.Contains(log, "Main process exited") {
			t.Errorf("%s has logged:\n%s", unit, log)
		}
	}
}
