package boot_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestCrash: processes are killed, or stand still.
func TestCrash(t *testing.T) {
	boot.Run(t, "the end of a process costs the requests that it had, and nothing else",
		boot.Case{Name: "worker", Run: testWorkerKilled},
		boot.Case{Name: "leader", Run: testLeaderKilled},
		boot.Case{Name: "supervisor", Run: testSupervisorKilled},
		boot.Case{Name: "watchdog", Run: testWatchdog},
		boot.Case{Name: "watchdog and upgrades", Run: testWatchdogUpgrades},
	)
}

// record has the application note every request, with the process that gets it.
func (s *served) record() {
	s.m.WriteFile(s.file("seen"), "", 0o666, "")
	s.set(load.FileRecord, s.file("seen"))
}

// seen are the requests of the record.
func (s *served) seen(t *testing.T) []load.Seen {
	t.Helper()
	all, err := load.ReadSeen(strings.NewReader(s.m.ReadFile(s.file("seen"))))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// slow asks for an answer that takes the application a while, and waits until the
// application has the request.
func (s *served) slow(t *testing.T, id string, seconds string) (pid int, answer <-chan *http.Response) {
	t.Helper()
	request := request(t, "/slow?s="+seconds, id)
	answers := make(chan *http.Response, 1)
	client := s.m.Client("unix", s.path())
	go func() {
		response, err := client.Do(request)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			response = &http.Response{Body: http.NoBody}
		}
		answers <- response
	}()
	for begun := time.Now(); time.Since(begun) < within; {
		for _, seen := range s.seen(t) {
			if seen.ID == id {
				return seen.PID, answers
			}
		}
	}
	t.Fatalf("the application does not get request %s", id)
	return 0, nil
}

// request is one that the load application answers.
func request(t *testing.T, target, id string) *http.Request {
	t.Helper()
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+target+separator+"id="+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Load-Id", id)
	return r
}

// ask makes a request on a connection of its own, and gives the body of an answer that has
// to be 200.
func ask(t *testing.T, client *http.Client, target, id string) string {
	t.Helper()
	response, err := client.Do(request(t, target, id))
	if err != nil {
		t.Errorf("%s: %v", id, err)
		return ""
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d", id, response.StatusCode)
	}
	return bodyOf(t, response)
}

func bodyOf(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// testWorkerKilled: of two processes, one is killed amid a request.
func testWorkerKilled(t *testing.T, m *boot.Machine) {
	s := serve(m, "worker", "", "processes = 2\nthreads = 5", "")
	s.record()
	s.start()
	client := s.load(t, load.Workers{Job: load.Get, Count: 4, Think: 10 * time.Millisecond})
	victim, lost := s.slow(t, "lost", "30")
	survivor, kept := victim, (<-chan *http.Response)(nil)
	for i := 0; survivor == victim; i++ {
		survivor, kept = s.slow(t, "kept"+strings.Repeat("x", i), "2")
	}
	m.Process(victim).Signal(syscall.SIGKILL)
	response := <-lost
	id := response.Header.Get("X-Request-Id")
	if body := bodyOf(t, response); response.StatusCode != 502 || id == "" || !strings.Contains(body, id) {
		t.Errorf("status %d, id %q\n%s", response.StatusCode, id, body)
	}
	if response := <-kept; response.StatusCode != 200 || !strings.HasPrefix(bodyOf(t, response), "slept kept") {
		t.Errorf("a request of the other process: status %d", response.StatusCode)
	}
	line := m.AwaitJournal(s.service(), id, within)
	for _, part := range []string{"request ended abnormally", "signal 9 (killed)", "path=/slow", "process="} {
		if !strings.Contains(line, part) {
			t.Errorf("no %q in the log line: %s", part, line)
		}
	}
	m.AwaitJournal(s.slot("a"), "worker process died", within)
	report := client.Stop()
	s.onlyLostBy(t, report, victim)
	if state := m.Property(s.slot("a"), "NRestarts"); state != "0" {
		t.Errorf("the slot was restarted %s times", state)
	}
	if now := s.workers("a"); len(now) != 2 {
		t.Errorf("the slot has workers %q", now)
	}
}

// onlyLostBy wants every request to have succeeded that the killed process had not.
func (s *served) onlyLostBy(t *testing.T, report *load.Report, victim int) {
	t.Helper()
	had := map[string]int{}
	for _, seen := range s.seen(t) {
		had[seen.ID] = seen.PID
	}
	for _, failure := range report.First {
		if failure.Kind != load.WrongStatus || failure.Status != 502 || had[failure.ID] != victim {
			t.Errorf("request %s, which process %d had, failed: %v", failure.ID, had[failure.ID], report)
		}
	}
	if report.Failed > len(report.First) {
		t.Errorf("%d requests failed", report.Failed)
	}
}

// groupAPI is the rest of the file of a site that serves /api by a group of its own.
func groupAPI(site string) string {
	return `
[[mount]]
path = "/api"
script = "/srv/` + site + `/app.py"
group = "api"
[group.api]
user = "jane"
`
}

// testLeaderKilled: a group whose leader is killed is back at once, and the other one has
// not noticed.
func testLeaderKilled(t *testing.T, m *boot.Machine) {
	s := serve(m, "leader", "", "processes = 2", groupAPI("leader"))
	s.start()
	other := s.loadAt(t, "/api", load.Workers{Job: load.Get, Count: 2, Think: 10 * time.Millisecond})
	const clients = 4
	own := s.load(t, load.Workers{Job: load.Get, Count: clients - 1, Think: 10 * time.Millisecond}, load.Workers{Job: load.Sleep, For: 2 * time.Second})
	leader := m.Process(m.PID(s.slot("a")))
	workers := s.workers("a")
	begun := time.Now()
	leader.Signal(syscall.SIGKILL)
	leader.AwaitEnd(within)
	s.awaitAnswer(t, within)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the group was back after %v", took)
	}
	for _, pid := range workers {
		if slices.Contains(s.workers("a"), pid) {
			t.Errorf("process %s has outlived its leader", pid)
		}
	}
	if got := s.ask("/api/hello"); got.Status != 200 {
		t.Errorf("/api: status %d", got.Status)
	}
	unharmed(t, other)
	// What a client had under way is answered and logged; what comes after it waits for
	// the next leader.
	report := own.Stop()
	for _, failure := range report.First {
		if failure.Kind != load.WrongStatus || failure.Status != 502 {
			t.Errorf("request %s failed: %v", failure.ID, report)
		}
	}
	if report.Failed < 1 || report.Failed > clients {
		t.Errorf("of %d clients, these have lost a request: %v", clients, report)
	}
	logged := 0
	for _, r := range m.Records("--unit="+s.service(), "GROUP=web") {
		if strings.HasPrefix(r["MESSAGE"], "request ended abnormally") {
			logged++
			if r["GENERATION"] != "1" || r["REQUEST_ID"] == "" || !strings.Contains(r["CAUSE"], "its leader has ended") && !strings.Contains(r["CAUSE"], "signal 9") {
				t.Errorf("logged: %q", r)
			}
		}
	}
	if logged != report.Failed {
		t.Errorf("%d requests were lost, and %d logged", report.Failed, logged)
	}
}

// testSupervisorKilled: another supervisor finds the processes as they are.
func testSupervisorKilled(t *testing.T, m *boot.Machine) {
	s := serve(m, "supervisor", "", "processes = 2", "")
	s.start()
	m.MustRun("systemctl", "reload", s.service())
	workers, generation := s.workers("b"), s.generation(t)
	const clients = 4
	client := s.load(t, load.Workers{Job: load.Get, Count: clients, Think: 10 * time.Millisecond})
	client.Mark("kill")
	m.Process(m.PID(s.service())).Signal(syscall.SIGKILL)
	m.AwaitProperty(s.service(), "NRestarts", "1", within)
	s.answers(t)
	report := client.Stop()
	// A client may have lost the request that was under way. None was turned away.
	if n := report.Failures(load.ClosedReused, load.ClosedFresh, load.Reset); n > 0 || report.Failed > clients {
		t.Errorf("%v", report)
	}
	if gap := report.LongestGap("kill"); gap.Net() > 5*time.Second {
		t.Errorf("a gap of %v", gap)
	}
	if now := s.workers("b"); !slices.Equal(now, workers) {
		t.Errorf("workers %q became %q", workers, now)
	}
	if now := s.generation(t); now != generation {
		t.Errorf("generation %d became %d", generation, now)
	}
}

// testWatchdog: a supervisor that stands still is replaced.
func testWatchdog(t *testing.T, m *boot.Machine) {
	s := serve(m, "watchdog", "", "", "")
	dropIn(m, s.service(), "[Service]\nWatchdogSec=1s\n")
	s.start()
	workers, generation, supervisor := s.workers("a"), s.generation(t), m.PID(s.service())
	process := m.Process(supervisor)
	process.Signal(syscall.SIGSTOP)
	process.AwaitEnd(within)
	s.answers(t)
	if now := m.PID(s.service()); now == supervisor {
		t.Error("it is the same supervisor")
	}
	if log := m.Journal(s.service()); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("systemd says nothing of the watchdog:\n%s", log)
	}
	if now := s.workers("a"); !slices.Equal(now, workers) {
		t.Errorf("workers %q became %q", workers, now)
	}
	if now := s.generation(t); now != generation {
		t.Errorf("generation %d became %d", generation, now)
	}
}

// testWatchdogUpgrades: supervisors that follow each other in less time than a third of
// WatchdogSec= are each alive, and systemd hears it.
func testWatchdogUpgrades(t *testing.T, m *boot.Machine) {
	s := serve(m, "successors", "", "", "")
	dropIn(m, s.service(), "[Service]\nWatchdogSec=9s\n")
	s.start()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; {
		m.MustRun("wsgid", "upgrade", s.name)
		time.Sleep(time.Second) // each of them leads for a moment
	}
	// systemd looks at its clock again: what it last heard may be long ago.
	m.MustRun("systemctl", "daemon-reload")
	time.Sleep(time.Second)
	if log := m.Journal(s.service()); strings.Contains(log, "Watchdog timeout") {
		t.Error("systemd has taken a supervisor for dead")
	}
	if restarts := m.Property(s.service(), "NRestarts"); restarts != "0" {
		t.Errorf("systemd has restarted it %s times", restarts)
	}
	s.answers(t)
}
