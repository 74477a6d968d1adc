package leader

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
)

// noContext is for log records: the leader's records belong to no request.
var noContext = context.Background()

// quiet is how long the fault handler must have written nothing before its
// output counts as whole: it writes without a mark at the end.
const quiet = 50 * time.Millisecond

// maxLine bounds a line of a process's output, in bytes; a longer one is cut
// into several records.
const maxLine = 64 << 10

// copyOutput logs what a process writes to a pipe, a line a record, a traceback
// a record as well.
func (l *Leader) copyOutput(p *process, r *os.File, stream string) {
	defer r.Close()
	level := slog.LevelInfo
	if stream == "stderr" {
		level = slog.LevelWarn
	}
	in := bufio.NewReaderSize(r, maxLine)
	var block tracebackLines
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			record, whole := block.add(strings.TrimRight(string(line), "\r\n"), in.Buffered() > 0)
			if whole {
				l.record(level, record, "process", p.number, "pid", p.pid, "stream", stream)
			}
		}
		if err != nil && err != bufio.ErrBufferFull {
			break
		}
	}
	if rest := block.flush(); rest != "" {
		l.record(level, rest, "process", p.number, "pid", p.pid, "stream", stream)
	}
}

// tracebackLines joins the lines of a Python traceback to one record. A record
// does not grow much beyond maxLine: what looks like a traceback need not end.
type tracebackLines struct {
	lines []string
	size  int
}

const tracebackStart = "Traceback (most recent call last):"

// add takes a line. It returns a record when one is whole: a line outside a
// traceback at once, a traceback with the line that names the exception. more
// says that further output has arrived already.
func (t *tracebackLines) add(line string, more bool) (record string, whole bool) {
	inside := len(t.lines) > 0
	switch {
	case inside && t.size > maxLine:
		t.keep(line)
		return t.flush(), true
	case strings.TrimSpace(line) == tracebackStart, inside && strings.HasPrefix(line, " "), inside && line == "" && more:
		t.keep(line)
		return "", false
	case inside:
		t.keep(line)
		return t.flush(), true
	case line == "":
		return "", false
	default:
		return line, true
	}
}

func (t *tracebackLines) keep(line string) {
	t.lines = append(t.lines, line)
	t.size += len(line) + 1
}

func (t *tracebackLines) flush() string {
	text := strings.Join(t.lines, "\n")
	t.lines, t.size = nil, 0
	return text
}

// readStacks collects what the fault handler writes and posts it once it has
// been quiet for a moment.
func (p *process) readStacks(r *os.File) {
	defer r.Close()
	var text strings.Builder
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		text.Write(buf[:n])
		if text.Len() > 0 && (err != nil || text.Len() > 4*maxLine) {
			p.leader.post(event{kind: dumped, process: p, text: text.String()})
			text.Reset()
		}
		switch {
		case err == nil:
			_ = r.SetReadDeadline(time.Now().Add(quiet)) // pipes have deadlines
		case os.IsTimeout(err):
			_ = r.SetReadDeadline(time.Time{})
		default:
			if err != io.EOF {
				p.leader.logger().Debug("cannot read stacks", "process", p.number, "err", err)
			}
			return
		}
	}
}
