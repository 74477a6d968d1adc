package leader

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// A process that served for this long was sound: its end starts no back-off.
const soundAfter = 10 * time.Second

// killMargin is added to shutdown-timeout before SIGKILL: the program itself
// keeps the timeout, and needs a moment to end.
const killMargin = 500 * time.Millisecond

// stackTime is how long a process that is to be killed gets to write its stacks.
const stackTime = 300 * time.Millisecond

// failedTime is how long a process that said it cannot start gets to end by
// itself: a thread that its import left behind may keep it.
const failedTime = 5 * time.Second

// backOff is the delay before the next start after so many failures in a row:
// half a second, doubled each time, at most half a minute.
func backOff(failures int) time.Duration {
	const first, longest = 500 * time.Millisecond, 30 * time.Second
	if failures < 1 {
		return 0
	}
	if failures > 6 {
		return longest
	}
	return first << (failures - 1)
}

// begin starts the first processes.
func (l *Leader) begin(release string) {
	if l.begun {
		return
	}
	l.begun = true
	if err := l.resolve(release); err != nil {
		l.cannotStart("cannot find the release", err.Error(), wire.Message{})
		if l.stopping {
			return
		}
	}
	l.watchOwner()
	for range l.options.Group.Processes {
		l.start()
	}
}

// start starts a process, unless the leader is to end.
func (l *Leader) start() {
	if l.stopping || l.leaving {
		return
	}
	l.last++
	var p *process
	about := wire.Message{Process: l.last}
	err := l.checkOwner()
	if err != nil {
		about.Status = forbidden
	} else {
		p, err = l.spawn(l.last)
	}
	if err != nil {
		l.cannotStart("cannot start a worker process", err.Error(), about)
		if !l.stopping {
			l.failures++
			l.respawnAfter(backOff(l.failures))
		}
		return
	}
	l.processes[p.number] = p
	if !p.failed {
		p.startDeadline(l.options.Group.StartupTimeout)
	}
}

func (l *Leader) respawnAfter(delay time.Duration) {
	time.AfterFunc(delay, func() { l.post(event{kind: respawn}) })
}

// cannotStart handles that a process could not be started: it logs what stands
// in the way, unless the failure before was the same, and tells the supervisor.
// A service that was never ready gives up; the supervisor is the one to try again.
func (l *Leader) cannotStart(what, text string, about wire.Message) {
	if text != l.lastText {
		l.lastText = text
		l.explain(what+"\n"+text, attributes(about.Process, about.PID)...)
	}
	l.tellFailed(text, about)
}

func (l *Leader) tellFailed(text string, about wire.Message) {
	about.Type, about.Text = wire.ProcessFailed, text
	l.tell(about)
	if l.unit() && !l.ready && !l.stopping {
		l.fatal = fmt.Errorf("cannot start group %s of site %s: %s", l.options.Group.Name, l.options.Site.Name, lastLine(text))
		l.lastText = text
		l.stopAll(false)
	}
}

// lastLine is what a traceback comes to.
func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func attributes(process, pid int) []any {
	if pid == 0 {
		return []any{"process", process}
	}
	return []any{"process", process, "pid", pid}
}

// serving counts the processes that take requests and may go on doing so.
func (l *Leader) serving() int {
	n := 0
	for _, p := range l.processes {
		if !p.readyAt.IsZero() && !p.retiring && p.cause == "" {
			n++
		}
	}
	return n
}

func (l *Leader) handleReady(p *process) {
	if p.cause != "" || p.failed || !p.readyAt.IsZero() {
		return // too late: it is being ended
	}
	p.readyAt = time.Now()
	l.weighNew(p)
	if !p.stopped {
		p.stopDeadline() // else the deadline is that of its end
	}
	if l.lastText != "" {
		l.lastText = ""
		l.logger().Info("worker process started after earlier failures", "process", p.number, "pid", p.pid)
	}
	if l.knows(p) {
		l.tell(wire.Message{Type: wire.ProcessReady, Process: p.number, PID: p.pid})
	}
	if !l.ready && l.serving() >= l.options.Group.Processes {
		l.ready = true
		l.options.Notifier.Ready(l.status())
		l.setPulse()
	}
	l.tellGroupReady()
	l.endAbandoned()
	if l.serving() >= l.options.Group.Processes {
		// What the starts needed is not needed again: a leader is small. Once for all
		// that come together, because a collection leaves traces of its own.
		l.rest.Soon()
	}
}

// handleFailed takes note of why a process cannot start.
func (l *Leader) handleFailed(p *process, text string) {
	p.failed = true
	p.startDeadline(failedTime)
	l.cannotStart("cannot start the application", text, wire.Message{Process: p.number, PID: p.pid})
}

func (l *Leader) handleExit(p *process, state *os.ProcessState) {
	p.stopDeadline()
	p.control.Close()
	p.offers.close()
	delete(l.processes, p.number)
	cause := l.exitCause(p, state)
	l.logExit(p, cause)
	l.tell(wire.Message{Type: wire.ProcessExited, Process: p.number, PID: p.pid, Text: cause})
	if p.retiring || l.stopping {
		return
	}
	if p.readyAt.IsZero() && !p.failed {
		l.tellFailed("the process ended before it was ready: "+cause+l.suspect(p), wire.Message{Process: p.number, PID: p.pid})
	}
	if !l.stopping && !l.leaving {
		l.replace(p)
	}
	l.tellGroupReady()
}

// suspect names limits that may be too low for the interpreter itself: it says
// nothing that would tell.
func (l *Leader) suspect(p *process) string {
	var keys []string
	if l.options.Group.MemoryLimit > 0 {
		keys = append(keys, "memory-limit")
	}
	if l.options.Group.VirtualMemoryLimit > 0 {
		keys = append(keys, "virtual-memory-limit")
	}
	if len(keys) == 0 || p.greeted {
		return ""
	}
	return " (is " + strings.Join(keys, " or ") + " too low for the interpreter?)"
}

// replace starts a process in the place of one that ended by itself.
func (l *Leader) replace(p *process) {
	if !p.readyAt.IsZero() && time.Since(p.readyAt) >= soundAfter {
		l.failures = 0
	}
	l.failures++
	if l.failures == 1 && !p.readyAt.IsZero() {
		l.start()
		return
	}
	delay := backOff(l.failures)
	l.logger().Info("starting a replacement after a delay", "process", p.number, "delay", delay)
	l.respawnAfter(delay)
}

func (l *Leader) logExit(p *process, cause string) {
	attrs := []any{"process", p.number, "pid", p.pid, "cause", cause, "age", time.Since(p.started).Round(time.Millisecond)}
	switch {
	case p.retiring && p.cause == "", p.failed:
		l.record(slog.LevelDebug, "worker process ended", attrs...)
	default:
		l.record(slog.LevelError, "worker process died", attrs...)
	}
}

// handleDue acts on a process whose start or stop has taken too long.
func (l *Leader) handleDue(p *process) {
	if l.processes[p.number] != p {
		return
	}
	switch {
	case p.cause != "" || p.stopped || p.failed:
		p.kill()
	case p.readyAt.IsZero():
		limit, what := fmt.Sprintf("startup-timeout (%s)", l.options.Group.StartupTimeout), "was not imported"
		if p.warming {
			limit, what = fmt.Sprintf("warm-up-timeout (%s)", l.options.Site.WarmUp.Timeout), "did not answer its warm-up"
		}
		p.cause = "not ready within " + limit
		p.failed = true
		l.lastText = ""
		l.handleFailed(p, "the application "+what+" within "+limit)
		l.killWithStacks(p)
	}
}

// killWithStacks kills a process once it has written where its threads are.
func (l *Leader) killWithStacks(p *process) {
	p.dumpStacks()
	p.startDeadline(stackTime)
}

// stop ends a process: gracefully within shutdown-timeout, or at once.
func (l *Leader) stop(p *process, kill bool) {
	p.stopped = true
	if kill {
		if p.cause == "" {
			p.cause = "ended by the leader"
		}
		p.kill()
		return
	}
	if err := p.say("stop\x00" + l.reason(p)); err != nil || !p.greeted {
		p.kill()
		return
	}
	if timeout := l.options.Group.ShutdownTimeout; timeout > 0 && !p.failed {
		p.startDeadline(timeout + killMargin)
	}
}

// reason is what an application is told about the end of its process, in the words
// of mod_wsgi where it has one for that.
func (l *Leader) reason(p *process) string {
	why := p.farewell
	if why == "" {
		why = l.farewell
	}
	switch why {
	case "", "shutdown":
		return "shutdown_signal"
	case "reload":
		return "graceful_signal"
	}
	return strings.ReplaceAll(why, "-", "_")
}

// stopAll ends every process and lets nobody in any more; kill does not wait
// for any, and may come after an orderly stop has begun.
func (l *Leader) stopAll(kill bool) {
	if l.stopping && !kill {
		return
	}
	if !l.stopping {
		l.stopping = true
		l.shutDoor()
		l.options.Notifier.Stopping()
		l.setPulse()
	}
	for _, p := range l.processes {
		p.retiring = true
		l.stop(p, kill)
	}
}

// shutDoor leaves further supervisors to systemd, which starts the leader again
// for them.
func (l *Leader) shutDoor() {
	if !l.unit() {
		return
	}
	l.options.Listener.Close()
	for _, s := range l.waiting {
		s.close()
	}
	l.waiting = nil
}
