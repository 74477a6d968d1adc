package boot_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

const (
	// eventWithin bounds one event: the drain limit, and a start.
	eventWithin = 2 * time.Minute

	// stuckAfter is when an event is taken to hang, and the evidence of it taken: later
	// than any request that is waited for.
	stuckAfter = 45 * time.Second
)

// systemctl runs a verb on the site's service, and waits for it.
func (s *soak) systemctl(verb string) boot.Result {
	s.t.Helper()
	return s.m.Exec(boot.Command{Args: []string{"systemctl", verb, s.service()}, Within: eventWithin})
}

func (s *soak) mustSystemctl(verb string) {
	s.t.Helper()
	if result := s.systemctl(verb); result.Status != 0 {
		s.t.Errorf("systemctl %s: exit status %d\n%s%s", verb, result.Status, result.Stdout, result.Stderr)
	}
}

// reload has new code served, and nothing but that once systemctl is done.
func (s *soak) reload() {
	s.t.Helper()
	s.newCode()
	s.mustSystemctl("reload")
	s.whole = true
}

// newCode is another generation, unless a process is being replaced: it would be of the
// old generation with the new code.
func (s *soak) newCode() {
	s.t.Helper()
	if !s.whole {
		return
	}
	s.code++
	s.set(load.FileGeneration, strconv.Itoa(s.code))
}

// reloadBroken: code that cannot be imported changes nothing, and everybody is told why.
func (s *soak) reloadBroken() {
	s.t.Helper()
	s.awaitWhole()
	reason := fmt.Sprint("told to be broken: event ", s.count)
	s.set(load.FileBroken, fmt.Sprint("event ", s.count))
	result := s.systemctl("reload")
	status := s.status()
	s.unset(load.FileBroken)
	if result.Status == 0 {
		s.t.Error("systemctl reload of broken code: exit status 0")
	}
	if output := result.Stdout + result.Stderr; !strings.Contains(output, reason) {
		s.m.AwaitJournal(s.service(), reason, within)
	}
	if !strings.Contains(status, reason) {
		s.t.Errorf("the status after a reload of broken code does not say why: %q", status)
	}
}

// upgrade puts another file with the same content in the place of the program, as a
// package manager does.
func (s *soak) upgrade() {
	s.t.Helper()
	s.newCode()
	before := s.m.PID(s.service())
	s.m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
	s.m.MustRun("mv", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
	s.mustSystemctl("reload")
	s.whole = true
	if now := s.m.PID(s.service()); now == before {
		s.t.Errorf("after an upgrade it is the same supervisor, process %d", now)
	}
}

// rotateLogs has logrotate rotate the site's access log, which restarts nothing.
func (s *soak) rotateLogs() {
	s.t.Helper()
	log := "/var/log/wsgi/" + s.name + "/access.log"
	supervisor, inode := s.m.PID(s.service()), s.m.Inode(log)
	s.m.MustRun("logrotate", "--force", "--state", "/var/log/wsgi/"+s.name+".state", "/etc/logrotate.d/wsgid")
	if now := s.m.PID(s.service()); now != supervisor {
		s.t.Errorf("at a log rotation the supervisor %d became %d", supervisor, now)
	}
	if s.m.Inode(log) == inode {
		s.t.Error("after a log rotation it is the same file")
	}
}

func (s *soak) restart() {
	s.t.Helper()
	slot := s.slot(s.activeSlot())
	supervisor, leader := s.m.PID(s.service()), s.m.PID(slot)
	s.mustSystemctl("restart")
	if now := s.m.PID(s.service()); now == supervisor {
		s.t.Errorf("after a restart it is the same supervisor, process %d", now)
	}
	if now := s.m.PID(slot); now != leader {
		s.t.Errorf("at a restart the leader %d became %d", leader, now)
	}
}

// soundKills are so far apart that the older one of two processes is ten seconds old:
// younger ones that end are replaced after a delay, which doubles each time.
const soundKills = 5500 * time.Millisecond

// kill kills the older process of the group. What comes next sometimes waits for
// another one in its place, and sometimes does not.
func (s *soak) kill() {
	s.t.Helper()
	s.awaitWhole()
	time.Sleep(s.apart - time.Since(s.last))
	victim := number(s.workers(s.activeSlot())[0])
	s.killed[victim], s.last = true, time.Now()
	s.whole = false
	s.m.Process(victim).Signal(syscall.SIGKILL)
	if s.random.IntN(2) == 0 {
		s.awaitWhole()
	}
}

// activeSlot is that of the current generation, between two events: the one that
// started last. The other one may be draining still after an upgrade.
func (s *soak) activeSlot() string {
	s.t.Helper()
	slot, last := "", 0
	for _, name := range []string{"a", "b"} {
		since := number(s.m.Property(s.slot(name), "ActiveEnterTimestampMonotonic"))
		if since > last && s.m.Property(s.slot(name), "ActiveState") == "active" {
			slot, last = name, since
		}
	}
	if slot == "" {
		s.t.Fatalf("no slot is active\n%s", s.status())
	}
	return slot
}

// awaitWhole waits until every killed process has been replaced. The status tells
// nobody that it changes.
func (s *soak) awaitWhole() {
	s.t.Helper()
	for begun := time.Now(); !s.whole; time.Sleep(100 * time.Millisecond) {
		workers := s.workers(s.activeSlot())
		s.whole = len(workers) == 2 && !s.killed[number(workers[0])] && !s.killed[number(workers[1])] &&
			strings.Contains(s.m.Run("wsgid", "status", s.name).Stdout, "2 of 2 processes ready")
		if !s.whole && time.Since(begun) > within {
			s.t.Fatalf("a killed process is not replaced within %v\n%s\n%s", within, s.status(), s.m.Journal(s.slot(s.activeSlot())))
		}
	}
}

// watched has the event happen, and takes evidence if it hangs: what supervisor and
// leader are doing, which ends them.
func (s *soak) watched(e event) {
	s.t.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	defer func() {
		close(done)
		<-stopped
	}()
	go func() {
		defer close(stopped)
		select {
		case <-done:
		case <-time.After(stuckAfter):
			s.t.Errorf("%s hangs\n%s", e.name, s.evidence())
		}
	}()
	e.do(s)
}

// evidence ends the site: the Go runtime prints the stacks of all goroutines then.
func (s *soak) evidence() string {
	const script = `wsgid status "$1"
systemctl status --no-pager --lines=0 "wsgi@$1.service" "wsgi-$1:*"
systemctl list-jobs --no-pager
for unit in "wsgi@$1.service" "wsgi-$1:web@a.service" "wsgi-$1:web@b.service"; do
	pid=$(systemctl show --property=MainPID --value "$unit")
	[ "$pid" = 0 ] || kill -QUIT "$pid"
done
sleep 1
journalctl --no-pager --output=short-precise --lines=1500 --unit="wsgi@$1.service" --unit="wsgi-$1:*"`
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	output, err := s.m.Command(ctx, boot.Command{Args: []string{"sh", "-c", script, "sh", s.name}}).CombinedOutput()
	return fmt.Sprintf("%s\n%v", output, err)
}
