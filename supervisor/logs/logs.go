// Package logs makes the loggers of wsgid's processes: text for people, JSON
// for programs. Keys are the same in all of them: site, group, generation,
// process, pid, request_id, err, duration.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// New returns a logger that writes to w. format is "text" or "json"; level is
// the least that is written.
func New(format string, w io.Writer, level slog.Leveler) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(&textHandler{w: w, mu: new(sync.Mutex), level: level}), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	}
	return nil, fmt.Errorf("there is no log format %q: text and json are", format)
}

// textHandler writes a record as a line for people: time, level, message,
// key=value. Further lines of the message, a traceback for example, follow
// indented.
type textHandler struct {
	w      io.Writer
	mu     *sync.Mutex // shared by the handlers derived from one
	level  slog.Leveler
	attrs  string // preformatted
	prefix string // of open groups
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	message, more, _ := strings.Cut(r.Message, "\n")
	var b strings.Builder
	b.WriteString(r.Time.Format("15:04:05.000 "))
	fmt.Fprintf(&b, "%-5s %s%s", r.Level, message, h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	if more != "" {
		for line := range strings.Lines(strings.TrimRight(more, "\n") + "\n") {
			b.WriteString("    " + line)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	derived := *h
	derived.attrs += b.String()
	return &derived
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.prefix += name + "."
	return &derived
}

// needsQuotes is for what would make a value look like two, or steer a
// terminal.
func needsQuotes(r rune) bool { return r == ' ' || r == '"' || r == '=' || !strconv.IsPrint(r) }

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		for _, inner := range value.Group() {
			appendAttr(b, prefix+a.Key+".", inner)
		}
		return
	}
	text := value.String()
	if text == "" || strings.ContainsFunc(text, needsQuotes) {
		text = strconv.Quote(text)
	}
	b.WriteString(" " + prefix + a.Key + "=" + text)
}
