package front

import (
	"bytes"
	"time"
)

// CutOff ends every connection, for the reason why. What the groups have under way is
// to be ended before; what is left then are requests that have not arrived whole and
// answers that their clients have not taken whole. Only the first call counts.
func (f *Front) CutOff(why string) {
	f.cutOff.Do(func() {
		f.cause = why
		f.server.Close()
		f.relays.close()
	})
}

// logCutOff writes the line about an exchange that CutOff has ended.
func (s *session) logCutOff() {
	cause := s.front.cause + ": the request had not arrived"
	if s.conn.Response.Status() != 0 {
		cause = s.front.cause + ": the client had not taken the answer"
	}
	path, _, _ := bytes.Cut(s.line.target, []byte("?"))
	attrs := []any{
		"request_id", string(s.id), "method", string(s.line.method), "path", string(path),
		"age", time.Since(s.began).Round(time.Millisecond), "head_sent", s.conn.Response.Status() != 0,
	}
	if note := &s.current().Note; note.PID != 0 {
		attrs = append(attrs, "group", note.Group, "generation", note.Generation, "process", note.Process, "pid", note.PID)
	} else if g := s.group.Load(); g != nil {
		attrs = append(attrs, "group", g.Name())
	}
	s.front.logger.Error("request ended abnormally", append(attrs, "cause", cause)...)
}
