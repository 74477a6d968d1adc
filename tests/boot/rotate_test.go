package boot_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// TestRotate: reloads that are out of the ordinary.
func TestRotate(t *testing.T) {
	boot.Run(t, "reloads process by process, of mounts that move, and all at the same time, lose nothing",
		boot.Case{Name: "rolling", Run: testRolling},
		boot.Case{Name: "mounts", Run: testMovingMounts},
		boot.Case{Name: "at once", Run: testReloadsAtOnce},
		boot.Case{Name: "after an upgrade", Run: testReloadAfterUpgrade},
		boot.Case{Name: "an upgrade takes its time", Run: testUpgradeTakesItsTime},
	)
}

// rotateLoad is light and of every kind that is answered soon.
func rotateLoad() []load.Workers {
	return []load.Workers{
		{Job: load.Get, Count: 3, Think: 10 * time.Millisecond},
		{Job: load.GetClose, Think: 10 * time.Millisecond},
		{Job: load.Post, Think: 10 * time.Millisecond},
		{Job: load.Sleep, For: time.Second},
	}
}

// testRolling: the leader stays, and there is never more than one process too many.
func testRolling(t *testing.T, m *boot.Machine) {
	s := serve(m, "rolled", "", "processes = 3\nthreads = 5\nrotate = \"rolling\"", "")
	s.start()
	leader := m.Property(s.slot("a"), "MainPID")
	processes := func() []string { return strings.Fields(m.MustRun("pgrep", "--parent", leader)) }
	before := processes()
	client := s.load(t, rotateLoad()...)
	s.set(load.FileGeneration, "new")
	reloaded := make(chan boot.Result, 1)
	go func() { reloaded <- m.Run("systemctl", "reload", s.service()) }()
	for done := false; !done; {
		if n := len(processes()); n < 3 || n > 4 {
			t.Errorf("there are %d processes", n)
		}
		select {
		case r := <-reloaded:
			done = true
			if r.Status != 0 {
				t.Errorf("the reload: status %d, %s", r.Status, r.Stderr)
			}
		default:
		}
	}
	now := strings.Join(processes(), " ")
	for _, pid := range before {
		if strings.Contains(" "+now+" ", " "+pid+" ") {
			t.Errorf("process %s is not replaced", pid)
		}
	}
	if got := s.get().Header.Get("X-Load-Generation"); got != "new" {
		t.Errorf("after the reload, the application is generation %q", got)
	}
	s.set(load.FileBroken, "")
	if r := m.Run("systemctl", "reload", s.service()); r.Status == 0 {
		t.Error("a reload of broken code is said to have gone well")
	}
	unharmed(t, client)
	if now := m.Property(s.slot("a"), "MainPID"); now != leader {
		t.Errorf("leader %s became %s", leader, now)
	}
}

// testMovingMounts: mounts go to other groups, come and go.
func testMovingMounts(t *testing.T, m *boot.Machine) {
	const api, shared = "[[mount]]\npath = \"/api\"\nscript = \"/srv/mounts/app.py\"\ngroup = \"", "\"\n"
	own := groupAPI("mounts")
	s := serve(m, "mounts", "", "", own)
	s.start()
	root, below := s.load(t, rotateLoad()...), s.loadAt(t, "/api", rotateLoad()...)
	for _, rest := range []string{
		api + "web" + shared,
		own + strings.ReplaceAll(api+"more"+shared, "/api", "/more") + "[group.more]\nuser = \"jane\"\n",
		api + "web" + shared + strings.ReplaceAll(api+"web"+shared, "/api", "/more"),
		own,
	} {
		s.toml("", "", rest)
		m.MustRun("systemctl", "reload", s.service())
		want := 404
		if strings.Contains(rest, "/more") {
			want = 200
		}
		if got := s.ask("/more/hello"); got.Status != want {
			t.Errorf("/more: status %d, not %d, with%s", got.Status, want, rest)
		}
	}
	unharmed(t, root)
	unharmed(t, below)
}

// testReloadsAtOnce: reloads that are asked for during another one wait for it.
func testReloadsAtOnce(t *testing.T, m *boot.Machine) {
	s := serve(m, "hasty", "", "", "")
	s.start()
	client := s.load(t, rotateLoad()...)
	var all sync.WaitGroup
	const reloads = 4
	for range reloads {
		all.Go(func() {
			if r := m.Run("wsgid", "reload", "--wait", s.name); r.Status != 0 {
				t.Errorf("status %d, %s", r.Status, r.Stderr)
			}
		})
	}
	all.Wait()
	unharmed(t, client)
	if now := s.generation(t); now != 1+reloads {
		t.Errorf("after %d reloads it is generation %d", reloads, now)
	}
	told := ""
	for _, r := range m.Records("--unit=" + s.service()) {
		if strings.HasPrefix(r["MESSAGE"], "new generation serves") {
			told += r["GENERATION"] + r["SLOT"] + " "
		}
	}
	if told != "2b 3a 4b 5a " {
		t.Errorf("the generations were %s", told)
	}
}

// testReloadAfterUpgrade: a reload comes while the supervisor before this one still
// finishes a request, with its leader in the slot that is wanted. It waits for that one.
func testReloadAfterUpgrade(t *testing.T, m *boot.Machine) {
	s := serve(m, "upgraded", "", "graceful-timeout = \"60s\"\nconnect-timeout = \"1s\"", "")
	s.record()
	s.start()
	old := m.Process(m.PID(s.service()))
	_, slow := s.slow(t, "slow", "5")
	m.MustRun("wsgid", "upgrade", s.name)
	client := s.load(t, load.Workers{Job: load.Get, Count: 3, Think: 10 * time.Millisecond})
	m.MustRun("wsgid", "reload", "--wait", s.name)
	if now := s.generation(t); now != 3 {
		t.Errorf("it is generation %d", now)
	}
	if got := <-slow; got.StatusCode != 200 {
		t.Errorf("the slow request: status %d", got.StatusCode)
	}
	old.AwaitEnd(within)
	unharmed(t, client)
}

// testUpgradeTakesItsTime: a supervisor that another one has taken over from finishes its
// requests, however long they take, unless something needs its slots: from then on
// graceful-timeout counts.
func testUpgradeTakesItsTime(t *testing.T, m *boot.Machine) {
	s := serve(m, "patient", "", "graceful-timeout = \"1s\"", "")
	s.record()
	s.start()
	old := m.Process(m.PID(s.service()))
	_, slow := s.slow(t, "slow", "4")
	m.MustRun("wsgid", "upgrade", s.name)
	if got := <-slow; got.StatusCode != 200 {
		t.Errorf("a request of four seconds beside an upgrade: status %d", got.StatusCode)
	}
	old.AwaitEnd(within)
	old = m.Process(m.PID(s.service()))
	_, endless := s.slow(t, "endless", "60")
	begun := time.Now()
	m.MustRun("wsgid", "upgrade", s.name)
	m.MustRun("wsgid", "reload", "--wait", s.name)
	if got := <-endless; got.StatusCode != 503 {
		t.Errorf("a request that a reload could not wait for: status %d", got.StatusCode)
	}
	if took := time.Since(begun); took > within {
		t.Errorf("the reload took %v", took)
	}
	old.AwaitEnd(within)
}
