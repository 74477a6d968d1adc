package leader

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/memory"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// A process that served for this long was sound: its end starts no back-off.
const soundAfter = 10 * time.Second

// killMargin is added to shutdown-timeout before SIGKILL: the program itself
// keeps the timeout, and needs a moment to end.
const killMargin = 500 * time.Millisecond

// stackTime is how long a process that is to be killed gets to write its stacks.
const stackTime = 300 * time.Millisecond

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

// failedTime is how long a process that said it cannot start gets to end by
// itself: a thread that its import left behind may keep it.
const failedTime = 5 * time.Second

func splitFields(message []byte) []string {
	return strings.Split(string(bytes.ToValidUTF8(message, []byte("\uFFFD"))), "\x00")
}

// handleWorker handles a message of the Python program. A worker is not
// trusted: what cannot be understood ends it.
func (l *Leader) handleWorker(p *process, fields []string, fds []int) {
	defer wire.CloseAll(fds)
	switch {
	case fields[0] == "hello" && len(fields) == 3:
		p.greeted = true
		l.tell(wire.Message{Type: wire.ProcessStarted, Process: p.number, PID: p.pid, Text: fields[1]})
	case fields[0] == "threads" && len(fields) == 3:
		first, _ := strconv.Atoi(fields[1])
		l.tell(wire.Message{Type: wire.ThreadsOffered, Process: p.number, Index: first, Descriptors: fds})
	case fields[0] == "ident" && len(fields) == 3:
		index, _ := strconv.Atoi(fields[1])
		l.tell(wire.Message{Type: wire.ThreadIdent, Process: p.number, Index: index, Text: fields[2]})
	case fields[0] == "ready":
		l.handleReady(p)
	case fields[0] == "failed" && len(fields) == 2:
		l.handleFailed(p, fields[1])
	case fields[0] == "log" && len(fields) == 4:
		l.logRecord(p, fields[1], fields[2], fields[3])
	case fields[0] == "files":
		l.tell(wire.Message{Type: wire.FilesLoaded, Process: p.number, Files: fields[1:]})
	default:
		l.log.Error("a worker process sent a message that cannot be understood; ending it", "process", p.number, "pid", p.pid)
		l.stop(p, true)
	}
}

func (l *Leader) handleReady(p *process) {
	if p.cause != "" || p.failed {
		return // too late: it is being ended
	}
	p.readyAt = time.Now()
	if !p.retiring {
		p.stopDeadline() // else the deadline is that of its end
	}
	if l.lastText != "" {
		l.lastText = ""
		l.log.Info("worker process started after earlier failures", "process", p.number, "pid", p.pid)
	}
	l.tell(wire.Message{Type: wire.ProcessReady, Process: p.number, PID: p.pid})
	if l.ready {
		return
	}
	serving := 0
	for _, other := range l.processes {
		if !other.readyAt.IsZero() && !other.retiring {
			serving++
		}
	}
	if serving >= l.options.Group.Processes {
		l.ready = true
		l.tell(wire.Message{Type: wire.GroupReady})
		// What the start needed is not needed again: a leader is small.
		go memory.Rest()
	}
}

// handleFailed takes note of why a process cannot start. The same reason is
// logged once, however many processes and tries have it.
func (l *Leader) handleFailed(p *process, text string) {
	p.failed = true
	p.startDeadline(failedTime)
	l.noteFailure("cannot start the application", text, "process", p.number, "pid", p.pid)
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: p.number, PID: p.pid, Text: text})
}

// noteFailure logs what stands in the way of a start, unless the failure before
// was the same.
func (l *Leader) noteFailure(what, text string, attrs ...any) {
	if text != l.lastText {
		l.lastText = text
		l.log.Error(what+"\n"+text, attrs...)
	}
}

func (l *Leader) logRecord(p *process, level, requestID, text string) {
	record := slog.LevelError
	if level == "info" {
		record = slog.LevelInfo
	}
	attrs := []any{"process", p.number, "pid", p.pid}
	if requestID != "" {
		attrs = append(attrs, "request_id", requestID)
	}
	l.log.Log(noContext, record, text, attrs...)
}

func (l *Leader) handleExit(p *process, cause string) {
	p.stopDeadline()
	p.control.Close()
	delete(l.processes, p.number)
	if p.cause != "" {
		cause = p.cause + ", " + cause
	}
	l.logExit(p, cause)
	l.tell(wire.Message{Type: wire.ProcessExited, Process: p.number, PID: p.pid, Text: cause})
	if p.retiring || l.stopping {
		return
	}
	if p.readyAt.IsZero() && !p.failed {
		l.tell(wire.Message{Type: wire.ProcessFailed, Process: p.number, PID: p.pid, Text: "the process ended before it was ready: " + cause})
	}
	l.replace(p)
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
	l.log.Info("starting a replacement after a delay", "process", p.number, "delay", delay)
	l.respawnAfter(delay)
}

func (l *Leader) logExit(p *process, cause string) {
	attrs := []any{"process", p.number, "pid", p.pid, "cause", cause, "age", time.Since(p.started).Round(time.Millisecond)}
	switch {
	case p.retiring && p.cause == "", p.failed:
		l.log.Debug("worker process ended", attrs...)
	default:
		l.log.Error("worker process died", attrs...)
	}
}

// handleDue acts on a process whose start or stop has taken too long.
func (l *Leader) handleDue(p *process) {
	if l.processes[p.number] != p {
		return
	}
	switch {
	case p.cause != "" || p.retiring || p.failed:
		_ = p.command.Process.Kill() // it may have ended just now
	case p.readyAt.IsZero():
		timeout := l.options.Group.StartupTimeout
		p.cause = fmt.Sprintf("not ready within startup-timeout (%s)", timeout)
		p.failed = true
		l.lastText = ""
		l.handleFailed(p, fmt.Sprintf("the application was not imported within startup-timeout (%s)", timeout))
		p.dumpStacks()
		p.startDeadline(stackTime)
	}
}

// stop ends a process: gracefully within shutdown-timeout, or at once.
func (l *Leader) stop(p *process, kill bool) {
	if kill {
		if p.cause == "" {
			p.cause = "ended by the leader"
		}
		_ = p.command.Process.Kill() // it may have ended just now
		return
	}
	if err := p.send([]byte("stop")); err != nil || !p.greeted {
		_ = p.command.Process.Kill()
		return
	}
	if timeout := l.options.Group.ShutdownTimeout; timeout > 0 {
		p.startDeadline(timeout + killMargin)
	}
}
