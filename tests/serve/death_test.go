package serve_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// replacedWithin bounds the time until a dead process has a successor that
// answers: a first back-off and the start of an interpreter.
const replacedWithin = 15 * time.Second

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("cannot kill %d: %v", pid, err)
	}
	// The signal is only on its way: a dead process has closed its connections.
	eventually(t, replacedWithin, "the process is dead", func() bool {
		p, err := readProcess(pid)
		return err != nil || p.state == "Z" || p.state == "X"
	})
}

// awaitWorkers waits until count processes live, none of them among the dead.
func (s *server) awaitWorkers(count int, dead ...int) {
	s.t.Helper()
	eventually(s.t, replacedWithin, fmt.Sprintf("%d living processes", count), func() bool {
		living := s.workers()
		return len(living) == count && !slices.ContainsFunc(living, func(pid int) bool {
			return slices.Contains(dead, pid)
		})
	})
}

// TestKilledIdle: an idle process that is killed costs no request while another
// lives, and is replaced.
func TestKilledIdle(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "die.py"), "--processes", "2", "--threads", "2")
	s.awaitWorkers(2)
	client := s.client()
	for round := range 3 {
		victim := s.workers()[0]
		kill(t, victim)
		for i := range 20 {
			a := exchange(client, s.request(t.Context(), http.MethodGet, "/pid", http.NoBody))
			if a.err != nil || a.status != http.StatusOK {
				t.Fatalf("round %d, request %d after the kill: status %d, %v, %q", round, i, a.status, a.err, a.body)
			}
			if a.took > time.Second {
				t.Errorf("round %d, request %d took %v", round, i, a.took)
			}
		}
		s.awaitWorkers(2, victim)
	}
}

// TestKilledOnlyProcess: with no other process the requests wait for the successor.
func TestKilledOnlyProcess(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "die.py"), "--processes", "1")
	victim := s.workers()[0]
	kill(t, victim)
	a := s.get("/pid")
	if a.status != http.StatusOK || strings.TrimSpace(a.body) == strconv.Itoa(victim) {
		t.Errorf("status %d, body %q, want another process than %d", a.status, a.body, victim)
	}
}

// TestDeathBeforeHead: 502 that names the request, one log record that names the cause,
// and a successor.
func TestDeathBeforeHead(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "die.py"), "--processes", "2", "--threads", "1")
	for _, target := range []string{"/kill", "/exit?code=7", "/exit?code=0", "/abort"} {
		t.Run(target, func(t *testing.T) {
			s := s.in(t)
			a := s.try(target)
			assertErrorPage(t, a, http.StatusBadGateway)
			id := a.header.Get("X-Request-ID")
			r := s.awaitRecord("the request's end", func(r record) bool { return r.text("request_id") == id })
			for _, key := range []string{"group", "generation", "process", "pid"} {
				if r.text(key) == "" {
					t.Errorf("%v has no %s", r, key)
				}
			}
			s.getOK("/pid")
			s.awaitWorkers(2)
		})
	}
}

// TestDeathAfterHead: what was sent is followed by a visible end of the connection.
func TestDeathAfterHead(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "die.py"), "--processes", "2", "--threads", "1")
	for _, length := range []string{"", "&length=1000"} {
		t.Run("with"+length, func(t *testing.T) {
			s := s.in(t)
			g := newGate(t)
			answers := s.background("/kill-after?" + g.query() + length)
			g.arrive().release()
			assertAborted(t, receive(t, answers), "partial")
			s.getOK("/pid")
		})
	}
	t.Run("HTTP/1.0", func(t *testing.T) {
		s := s.in(t)
		// Without a length and without chunks only a reset tells the end from an abort.
		g := newGate(t)
		c := s.raw()
		c.send("GET /kill-after?" + g.query() + " HTTP/1.0\r\n\r\n")
		g.arrive().release()
		if a := c.response(http.MethodGet); a.err == nil {
			t.Errorf("body %q looks complete", a.body)
		}
	})
}

// TestDeathOfOthers: the other requests of a process that dies are 502 as well, those of
// other processes go on.
func TestDeathOfOthers(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"), "--processes", "2", "--threads", "2")
	g := newGate(t)
	var answers []<-chan answer
	var visitors []*visitor
	for range 4 {
		answers = append(answers, s.background("/gate?"+g.query()))
		visitors = append(visitors, g.arrive())
	}
	victim := visitors[0].pid
	kill(t, victim)
	for i, v := range visitors {
		if v.pid == victim {
			assertErrorPage(t, receive(t, answers[i]), http.StatusBadGateway)
			continue
		}
		v.release()
		if a := receive(t, answers[i]); a.status != http.StatusOK {
			t.Errorf("in the other process: status %d, %v", a.status, a.err)
		}
	}
}

// TestStoppedProcess: a process that does not run at all is a timeout, not a hang.
func TestStoppedProcess(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
[group.web]
processes = 1
threads = 1
request-timeout = "1s"

[[mount]]
path = "/"
script = {{app "slow.py"}}
group = "web"
`)
	victim, err := strconv.Atoi(strings.TrimSpace(s.getOK("/pid")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(victim, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, victim)
	assertErrorPage(t, s.get("/pid"), http.StatusGatewayTimeout)
	if body := s.getOK("/pid"); strings.TrimSpace(body) == strconv.Itoa(victim) {
		t.Errorf("answered by %s, which was to be replaced", body)
	}
}
