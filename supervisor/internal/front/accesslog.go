package front

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/logfile"
	"github.com/wsgid/wsgid/units/site"
)

// accessLog writes one line for each finished exchange. A nil accessLog is
// switched off.
type accessLog struct {
	path, kind string
	file       *logfile.File
	format     func(b []byte, s *session, r *http1.Response, now time.Time) []byte
}

// logLine is what a line needs of the request, whose bytes are gone when the
// response is finished.
type logLine struct{ method, target, protocol, referer, agent, host []byte }

// accessLogMode is that of an access log which is made. Who may read it besides is
// up to its directory: a group that inherits, an ACL (acl(5)).
const accessLogMode = 0o640

// openAccessLog opens path for appending; "" is no log, "-" standard output.
func openAccessLog(path, kind string, logger *slog.Logger) (*accessLog, error) {
	file, err := logfile.Open(path, accessLogMode, logger)
	if err != nil {
		return nil, fmt.Errorf("access-log: %w", err)
	}
	return newAccessLog(path, kind, file), nil
}

// openAccessLogPatiently is that for a site that is served without the log, too.
func openAccessLogPatiently(path, kind string, logger *slog.Logger) *accessLog {
	return newAccessLog(path, kind, logfile.OpenPatiently(path, accessLogMode, logger))
}

func newAccessLog(path, kind string, file *logfile.File) *accessLog {
	if file == nil {
		return nil
	}
	l := &accessLog{path: path, kind: kind, format: formatCombined, file: file}
	switch kind {
	case "common":
		l.format = formatCommon
	case "json":
		l.format = formatJSON
	}
	return l
}

// Reopen opens the access logs by their names again. When it returns, nothing is
// written any more to the files that were open before.
func (f *Front) Reopen() error {
	// Not under the lock, which a request would wait for while the disk is slow. A
	// log that is closed meanwhile is not opened again.
	var errs []error
	for _, l := range f.conf.Load().logs {
		if err := l.file.Reopen(); err != nil {
			errs = append(errs, fmt.Errorf("access-log: %w", err))
		}
	}
	return errors.Join(errs...)
}

// LostLines is the number of lines of the access logs that could not be written.
func (f *Front) LostLines() uint64 {
	var lost uint64
	for _, l := range f.conf.Load().logs {
		lost += l.file.Lost()
	}
	return lost
}

// capture keeps what a line will need, whatever log there is by then.
func (f *Front) capture(s *session) {
	req, line := &s.conn.Request, &s.line
	line.method = append(line.method[:0], req.Method...)
	line.target = append(line.target[:0], req.Target...)
	if len(s.conf.logs) == 0 {
		*line = logLine{method: line.method, target: line.target} // a reload may bring a log before the end
		return
	}
	line.host = append(line.host[:0], req.Host...)
	line.protocol = append(append(line.protocol[:0], "HTTP/1."...), '0'+req.Minor)
	if s.conn.Protocol != "" {
		line.protocol = append(line.protocol[:0], s.conn.Protocol...)
	}
	if said := req.Var("SERVER_PROTOCOL"); len(said) > 0 {
		line.protocol = append(line.protocol[:0], said...)
	}
	line.referer, line.agent = line.referer[:0], line.agent[:0]
	for i := range req.Fields {
		switch f := &req.Fields[i]; {
		case equalFold(f.Name, refererName):
			line.referer = append(line.referer[:0], f.Value...)
		case equalFold(f.Name, agentName):
			line.agent = append(line.agent[:0], f.Value...)
		}
	}
}

// captureHost keeps the host that a trusted proxy has told.
func (s *session) captureHost() {
	if host := s.told(site.HostFact); host != nil && len(s.conf.logs) > 0 {
		s.line.host = append(s.line.host[:0], host...)
	}
}

var (
	refererName = []byte("Referer")
	agentName   = []byte("User-Agent")
)

// write adds the line of a finished exchange.
func (l *accessLog) write(s *session, r *http1.Response) {
	if l == nil {
		return
	}
	now := time.Now()
	l.file.Append(func(b []byte) []byte { return append(l.format(b, s, r, now), '\n') })
}

func (l *accessLog) close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// formatCommon is Apache httpd's Common Log Format with, behind it, the
// request id, the times and the process.
func formatCommon(b []byte, s *session, r *http1.Response, now time.Time) []byte {
	return appendOurs(appendCommon(b, s, r), s, now)
}

// formatCombined adds referer and user agent, as in Apache httpd.
func formatCombined(b []byte, s *session, r *http1.Response, now time.Time) []byte {
	b = appendCommon(b, s, r)
	b = appendQuoted(append(b, ' '), s.line.referer)
	b = appendQuoted(append(b, ' '), s.line.agent)
	return appendOurs(b, s, now)
}

func appendCommon(b []byte, s *session, r *http1.Response) []byte {
	b = append(b, orDash(address(s.client()))...)
	b = appendUser(append(b, " - "...), s.user())
	b = append(b, " ["...)
	b = s.began.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, "] "...)
	line := &s.line
	if len(line.method) == 0 {
		b = append(b, `"-"`...)
	} else {
		b = append(b, '"')
		b = appendEscaped(b, line.method)
		b = appendEscaped(append(b, ' '), line.target)
		b = append(append(append(b, ' '), line.protocol...), '"')
	}
	b = strconv.AppendInt(append(b, ' '), int64(statusOf(r)), 10)
	if r.Sent() == 0 {
		return append(b, " -"...)
	}
	return strconv.AppendInt(append(b, ' '), r.Sent(), 10)
}

// statusOf is 499, nginx's code, for a client that went away before its answer.
func statusOf(r *http1.Response) int {
	if r.Status() == 0 {
		return 499
	}
	return r.Status()
}

// appendOurs appends what no other server has: id=… queue=…ms worker=…ms process=… outcome=…
func appendOurs(b []byte, s *session, now time.Time) []byte {
	n := &s.current().Note
	b = append(append(b, " id="...), s.id...)
	b = appendMillis(append(b, " queue="...), n.Queued)
	b = appendMillis(append(b, " worker="...), worked(s, now))
	b = appendMillis(append(b, " total="...), now.Sub(s.began))
	b = append(b, " process="...)
	if n.PID == 0 {
		b = append(b, '-')
	} else {
		b = strconv.AppendInt(b, int64(n.PID), 10)
	}
	if o := s.conn.Response.Outcome(); o != http1.Complete {
		b = append(append(b, " outcome="...), outcomeName(o)...)
	}
	return b
}

// worked is the time from the request's way to a thread to its end.
func worked(s *session, now time.Time) time.Duration {
	if s.current().Note.Dispatched.IsZero() {
		return 0
	}
	return now.Sub(s.current().Note.Dispatched)
}

func outcomeName(o http1.Outcome) string {
	switch o {
	case http1.Refused:
		return "refused"
	case http1.Broken:
		return "broken"
	case http1.ClientGone:
		return "client-gone"
	case http1.Closed:
		return "closed"
	}
	return "complete"
}

// formatJSON is one object a line; times are seconds.
func formatJSON(b []byte, s *session, r *http1.Response, now time.Time) []byte {
	n, line := &s.current().Note, &s.line
	b = append(b, `{"time":"`...)
	b = s.began.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","remote_addr":`...)
	b = appendJSON(b, []byte(address(s.client())))
	for _, field := range [...]struct {
		name  string
		value []byte
	}{
		{"remote_user", []byte(s.user())},
		{"method", line.method},
		{"target", line.target},
		{"protocol", line.protocol},
		{"host", line.host},
		{"referer", line.referer},
		{"user_agent", line.agent},
		{"request_id", s.id},
	} {
		b = append(append(append(b, `,"`...), field.name...), `":`...)
		b = appendJSON(b, field.value)
	}
	b = strconv.AppendInt(append(b, `,"status":`...), int64(statusOf(r)), 10)
	b = strconv.AppendInt(append(b, `,"body_bytes":`...), r.Sent(), 10)
	b = appendSeconds(append(b, `,"queue_time":`...), n.Queued)
	b = appendSeconds(append(b, `,"worker_time":`...), worked(s, now))
	b = appendSeconds(append(b, `,"total_time":`...), now.Sub(s.began))
	b = appendJSON(append(b, `,"group":`...), []byte(n.Group))
	b = strconv.AppendInt(append(b, `,"generation":`...), int64(n.Generation), 10)
	b = strconv.AppendInt(append(b, `,"process":`...), int64(n.Process), 10)
	b = strconv.AppendInt(append(b, `,"pid":`...), int64(n.PID), 10)
	return append(append(append(b, `,"outcome":"`...), outcomeName(r.Outcome())...), `"}`...)
}

func appendMillis(b []byte, d time.Duration) []byte {
	return append(strconv.AppendFloat(b, float64(d)/1e6, 'f', 3, 64), "ms"...)
}

func appendSeconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, d.Seconds(), 'f', 6, 64)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// appendUser appends a name as a field of its own, whatever blanks it has.
func appendUser(b []byte, user string) []byte {
	if user == "" {
		return append(b, '-')
	}
	for _, word := range strings.SplitAfter(user, " ") {
		b = appendEscaped(b, []byte(strings.TrimSuffix(word, " ")))
		if strings.HasSuffix(word, " ") {
			b = append(b, `\x20`...)
		}
	}
	return b
}

func appendQuoted(b, value []byte) []byte {
	if len(value) == 0 {
		return append(b, `"-"`...)
	}
	return append(appendEscaped(append(b, '"'), value), '"')
}

// appendEscaped escapes what could end the field or the line, as Apache httpd
// does: \" \\ and \xhh.
func appendEscaped(b, value []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range value {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendJSON appends a JSON string; bytes that are not ASCII are read as
// latin-1, as in the environ.
func appendJSON(b, value []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range value {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// droppedFields remembers which fields of applications were complained about.
type droppedFields struct{ names sync.Map }

// first reports whether name is new; a bound keeps a hostile application from
// filling memory.
func (d *droppedFields) first(name string) bool {
	_, known := d.names.LoadOrStore(name, true)
	return !known
}
