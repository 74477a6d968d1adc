package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestActivation is how a site comes up.
func TestActivation(t *testing.T) {
	boot.Run(t, "a site that is enabled comes up with the machine, or with its first request",
		boot.Case{Name: "enable", Run: testEnable},
		boot.Case{Name: "reboot", Own: true, Run: testReboots},
		boot.Case{Name: "ready", Run: testReady},
		boot.Case{Name: "broken application", Run: testBrokenApplication},
	)
}

func testEnable(t *testing.T, m *boot.Machine) {
	s := serve(m, "blog", `listen = "127.0.0.1:8080"`, "processes = 2", "")
	m.MustRun("systemctl", "enable", "--now", s.service())
	for _, unit := range []string{s.service(), s.socket(), s.inlet("a"), s.inlet("b"), s.slot("a")} {
		if state := m.Property(unit, "ActiveState"); state != "active" {
			t.Errorf("%s is %s", unit, state)
		}
	}
	for _, link := range []string{"multi-user.target.wants/" + s.service(), "sockets.target.wants/" + s.socket()} {
		if !m.Exists("/etc/systemd/system/" + link) {
			t.Errorf("no link %s", link)
		}
	}
	s.answers(t)
	if got := m.Curl("-H", "X-Load-Id: tcp", "http://127.0.0.1:8080/hello?id=tcp"); got.Status != 200 || got.Body != "hello tcp\n" {
		t.Errorf("status %d\n%s", got.Status, got.Body)
	}
	if got := len(s.workers("a")); got != 2 {
		t.Errorf("%d processes", got)
	}
	s.awaitStatus(t, "^web: generation 1, 2 of 2 processes ready, 0 busy")
	if got, want := m.Property(s.slot("a"), "StatusText"), "generation 1: 2 of 2 processes ready"; got != want {
		t.Errorf("status of the slot %q, want %q", got, want)
	}
	m.MustRun("systemctl", "disable", "--now", s.service(), s.socket())
	s.awaitRest(t)
	for _, link := range []string{"multi-user.target.wants/" + s.service(), "sockets.target.wants/" + s.socket()} {
		if m.Exists("/etc/systemd/system/" + link) {
			t.Errorf("link %s is left", link)
		}
	}
}

// testReboots has the site come up with the machine, and then, with only its socket
// enabled, with the first request.
func testReboots(t *testing.T, m *boot.Machine) {
	s := serve(m, "blog", "", "", "")
	m.MustRun("systemctl", "enable", s.service())
	m.Reboot()
	for _, unit := range []string{s.service(), s.socket(), s.slot("a")} {
		if state := m.Property(unit, "ActiveState"); state != "active" {
			t.Errorf("after the boot, %s is %s", unit, state)
		}
	}
	s.answers(t)

	m.MustRun("systemctl", "disable", s.service())
	m.MustRun("systemctl", "enable", s.socket())
	m.Reboot()
	if left := s.processes(); left != "" {
		t.Errorf("with only the socket enabled, there are processes: %q", left)
	}
	for _, unit := range []string{s.inlet("a"), s.inlet("b")} {
		if state := m.Property(unit, "ActiveState"); state != "active" {
			t.Errorf("with only the site's socket enabled, %s is %s", unit, state)
		}
	}
	s.answers(t)
	if state := m.Property(s.service(), "ActiveState"); state != "active" {
		t.Errorf("after a request, %s is %s", s.service(), state)
	}
}

// testReady: what starts the site waits until a request would be answered.
func testReady(t *testing.T, m *boot.Machine) {
	const importTime = 2 * time.Second
	s := serve(m, "slow", "", "processes = 2", "")
	s.set(load.FileImportSeconds, "2")
	begun := time.Now()
	s.start()
	if took := time.Since(begun); took < importTime {
		t.Errorf("systemctl start returned after %v: the import takes %v", took, importTime)
	}
	begun = time.Now()
	s.answers(t)
	if took := time.Since(begun); took > importTime/2 {
		t.Errorf("the first request after the start took %v", took)
	}
	m.MustRun("systemctl", "stop", s.service())
	begun = time.Now()
	s.answers(t)
	if took := time.Since(begun); took < importTime {
		t.Errorf("the request that started the site took %v: the import takes %v", took, importTime)
	}
}

// awaitFailed waits until slot a is seen to have failed, with a status that has the text.
// It is started again and again.
func (s *served) awaitFailed(t *testing.T, text string) {
	t.Helper()
	var shown string
	for begun := time.Now(); time.Since(begun) < within; {
		shown = s.m.MustRun("systemctl", "show", "--property=ActiveState,StatusText", s.slot("a"))
		if strings.Contains(shown, "ActiveState=failed") && strings.Contains(shown, text) {
			return
		}
	}
	t.Errorf("slot a is not seen to have failed: %s", shown)
}

func testBrokenApplication(t *testing.T, m *boot.Machine) {
	const exception = "RuntimeError: told to be broken: no database"
	s := serve(m, "broken", "", "", "")
	s.set(load.FileBroken, "no database")
	s.start() // does not fail: the supervisor serves
	if got, want := s.status(), "web: cannot start: "+exception; got != want {
		t.Errorf("status %q, want %q", got, want)
	}
	got := s.get()
	if got.Status != 503 || got.Header.Get("Retry-After") == "" || got.Header.Get("X-Request-Id") == "" {
		t.Errorf("status %d, fields %v", got.Status, got.Header)
	}
	if !strings.Contains(got.Body, got.Header.Get("X-Request-Id")) || strings.Contains(got.Body, "no database") {
		t.Errorf("the page has to have the id, and not what went wrong:\n%s", got.Body)
	}
	s.awaitFailed(t, exception)
	if log := m.Journal(s.slot("a")); !strings.Contains(log, "Traceback (most recent call last)") || !strings.Contains(log, exception) {
		t.Errorf("no traceback in the slot's journal:\n%s", log)
	}
	if log := m.Journal(s.service()); !strings.Contains(log, "journalctl -u '"+s.slot("a")+"'") {
		t.Errorf("the supervisor does not say where to look:\n%s", log)
	}
	s.unset(load.FileBroken)
	s.awaitAnswer(t, within)
	s.awaitStatus(t, "web: generation .*1 of 1 processes ready")
}
