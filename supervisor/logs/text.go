package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// textHandler writes a record as a line for people: time, level, message,
// key=value. Further lines of the message, a traceback for example, follow
// indented.
type textHandler struct {
	w      io.Writer
	mu     *sync.Mutex // shared by the handlers derived from one
	level  slog.Leveler
	layout string // of the time
	escape bool   // control characters of messages, too
	attrs  string // preformatted
	prefix string // of open groups
}

func newTextHandler(w io.Writer, level slog.Leveler) *textHandler {
	return &textHandler{w: w, mu: new(sync.Mutex), level: level, layout: "15:04:05.000"}
}

// NewFile returns a handler for a log file: the text of New with the date, and
// with nothing in it that could pass for another record or steer a terminal. Each
// record is one Write.
func NewFile(w io.Writer, level slog.Leveler) slog.Handler {
	h := newTextHandler(w, level)
	h.layout, h.escape = "2006-01-02T15:04:05.000Z07:00", true
	return h
}

// Enabled implements slog.Handler.
func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	if h.escape {
		r.Message = escaped(r.Message)
	}
	first, more := h.describe(r)
	var b strings.Builder
	b.WriteString(r.Time.Format(h.layout))
	fmt.Fprintf(&b, " %-5s %s\n", r.Level, first)
	if more != "" {
		for line := range strings.Lines(more + "\n") {
			b.WriteString("    " + line)
		}
	}
	return h.write(b.String())
}

// escaped writes control characters, but for tabs and line breaks, as \xhh, and
// bytes that are no UTF-8 likewise.
func escaped(message string) string {
	message = strings.ReplaceAll(message, "\r\n", "\n")
	var b strings.Builder
	for len(message) > 0 {
		r, n := utf8.DecodeRuneInString(message)
		switch {
		case r == utf8.RuneError && n == 1, unicode.IsControl(r) && r != '\t' && r != '\n':
			for _, c := range []byte(message[:n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		default:
			b.WriteString(message[:n])
		}
		message = message[n:]
	}
	return b.String()
}

func (h *textHandler) write(text string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, text)
	return err
}

// describe returns the message's first line with the attributes, and its
// further lines without a line break at the end; "" if there are none.
func (h *textHandler) describe(r slog.Record) (first, more string) {
	message, more, _ := strings.Cut(r.Message, "\n")
	var b strings.Builder
	b.WriteString(message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	return b.String(), strings.TrimRight(more, "\n")
}

// WithAttrs implements slog.Handler.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler { return h.withAttrs(attrs) }

func (h *textHandler) withAttrs(attrs []slog.Attr) *textHandler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	derived := *h
	derived.attrs += b.String()
	return &derived
}

// WithGroup implements slog.Handler.
func (h *textHandler) WithGroup(name string) slog.Handler { return h.withGroup(name) }

func (h *textHandler) withGroup(name string) *textHandler {
	derived := *h
	if name != "" {
		derived.prefix += name + "."
	}
	return &derived
}

// needsQuotes is for what would make a value look like two, steer a terminal, or
// is no UTF-8.
func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '=' || r == utf8.RuneError || !strconv.IsPrint(r)
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	eachAttr(prefix, a, func(key, text string) {
		if text == "" || strings.ContainsFunc(text, needsQuotes) {
			text = strconv.Quote(text)
		}
		b.WriteString(" " + key + "=" + text)
	})
}

// eachAttr calls f for the attribute, or for each in it if it is a group.
func eachAttr(prefix string, a slog.Attr, f func(key, text string)) {
	value := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range value.Group() {
			eachAttr(prefix, inner, f)
		}
		return
	}
	f(prefix+a.Key, value.String())
}
