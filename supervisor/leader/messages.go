package leader

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

func splitFields(message []byte) []string {
	return strings.Split(string(bytes.ToValidUTF8(message, []byte("\uFFFD"))), "\x00")
}

// handleWorker handles a message of the Python program. A worker is not
// trusted: what cannot be understood ends it.
func (l *Leader) handleWorker(p *process, fields []string, fds []int) {
	keep := false
	defer func() {
		if !keep {
			wire.CloseAll(fds)
		}
	}()
	switch {
	case fields[0] == "hello" && len(fields) == 3:
		p.greeted, p.version = true, fields[1]
		l.introduce(p)
	case fields[0] == "threads" && len(fields) == 3:
		keep = l.handleThreads(p, number(fields[1]), fds)
	case fields[0] == "renewed" && len(fields) == 2:
		p.renewed = number(fields[1])
		l.introduce(p)
		l.tellGroupReady()
	case fields[0] == "ident" && len(fields) == 3:
		l.handleIdent(p, number(fields[1]), fields[2])
	case fields[0] == "warming":
		p.warming = true
		if p.readyAt.IsZero() && !p.failed && !p.stopped {
			p.startDeadline(l.options.Site.WarmUp.Timeout)
		}
	case fields[0] == "ready":
		l.handleReady(p)
	case fields[0] == "pong":
		p.missed = 0
	case fields[0] == "failed" && len(fields) == 2:
		l.handleFailed(p, fields[1])
	case fields[0] == "expired" && len(fields) == 1:
		l.handleExpired(p, expiry)
	case fields[0] == "log" && len(fields) == 4:
		l.logRecord(p, fields[1], fields[2], fields[3])
	case fields[0] == "metrics" && len(fields) == 2:
		if l.knows(p) {
			l.tell(wire.Message{Type: wire.Metrics, Process: p.number, Index: number(fields[1])})
		}
	case fields[0] == "files":
		l.tell(wire.Message{Type: wire.FilesLoaded, Process: p.number, Files: fields[1:]})
	default:
		l.logger().Error("a worker process sent a message that cannot be understood; ending it", "process", p.number, "pid", p.pid)
		l.stop(p, true)
	}
}

// number reads an integer; what is none is -1, which names nothing.
func number(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return -1
}

// handleThreads passes connections of threads on, or keeps them for the next
// supervisor. It reports whether it took the descriptors.
func (l *Leader) handleThreads(p *process, first int, fds []int) (took bool) {
	p.offered = true
	if !l.knows(p) {
		p.offers.keep(first, l.options.Group.Threads, fds)
		return true
	}
	l.tell(wire.Message{Type: wire.ThreadsOffered, Process: p.number, Index: first, Descriptors: fds})
	return false
}

func (l *Leader) handleIdent(p *process, index int, ident string) {
	if index < 0 || index >= l.options.Group.Threads {
		return
	}
	p.idents[index] = ident
	if l.knows(p) {
		l.tell(wire.Message{Type: wire.ThreadIdent, Process: p.number, Index: index, Text: ident})
	}
}

func (l *Leader) logRecord(p *process, level, requestID, text string) {
	record := slog.LevelError
	switch level {
	case "info":
		record = slog.LevelInfo
	case "warning":
		record = slog.LevelWarn
	}
	attrs := attributes(p.number, p.pid)
	if requestID != "" {
		attrs = append(attrs, "request_id", requestID)
	}
	l.record(record, text, attrs...)
}

// handleStacks takes what the fault handler wrote. It is for the supervisor,
// who asked, unless the leader did or is alone.
func (l *Leader) handleStacks(p *process, text string) {
	if l.knows(p) && !p.deadlocked {
		l.tell(wire.Message{Type: wire.Stacks, Process: p.number, PID: p.pid, Text: text})
		return
	}
	l.record(slog.LevelError, "stacks of a worker process\n"+strings.TrimSpace(text), attributes(p.number, p.pid)...)
}

// expiry is what CPU time that is used up is called.
const expiry = "cpu-time-limit"

// handleExpired has a process replaced, and says why. One whose CPU time is used up
// the kernel kills some time later, see limits.
func (l *Leader) handleExpired(p *process, why string) {
	if p.expired != "" {
		return
	}
	p.expired = why
	if l.knows(p) {
		l.tell(p.expiry())
	}
}

func (p *process) expiry() wire.Message {
	return wire.Message{Type: wire.Expired, Process: p.number, PID: p.pid, Text: p.expired}
}
