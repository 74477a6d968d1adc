package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// journalHandler sends records to the journal.
type journalHandler struct {
	text   *textHandler // for the message, and for what the journal does not take
	fields []byte       // of the attributes that every record has
	to     *destination
}

// destination is shared by the handlers derived from one.
type destination struct {
	journal *journal
	// stream says that the text goes to the journal as well, by a stream: there a
	// line is a record and may begin with its priority (sd-daemon(3)).
	stream bool
	lost   atomic.Int64 // records that nobody took
}

// newJournalHandler returns a handler for the journal at the socket path. What
// that does not take goes to w.
func newJournalHandler(path string, w io.Writer, stream bool, level slog.Leveler) (*journalHandler, error) {
	j, err := openJournal(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write to the journal: %w", err)
	}
	return &journalHandler{
		text: newTextHandler(withoutWaiting(w), level),
		to:   &destination{journal: j, stream: stream},
	}, nil
}

// Enabled implements slog.Handler.
func (h *journalHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Message = readable(r.Message)
	message, more := h.text.describe(r)
	if more != "" {
		message += "\n" + more
	}
	fields := slices.Clip(h.fields)
	r.Attrs(func(a slog.Attr) bool {
		fields = appendAttrFields(fields, h.text.prefix, a)
		return true
	})
	if h.to.journal.send(encode(r.Level, message, fields)) == nil {
		h.to.reportLost()
		return nil
	}
	if err := h.spare(ctx, r, message); err != nil {
		h.to.lost.Add(1)
		return fmt.Errorf("cannot write a log record: %w", err)
	}
	return nil
}

// readable replaces what would have journalctl show "blob data" in the place of
// the message: text that is no UTF-8, control characters. Colours it can do.
func readable(message string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\x1b", r) {
			return utf8.RuneError
		}
		return r
	}, strings.ReplaceAll(message, "\r\n", "\n"))
}

// spare writes a record that the journal did not take.
func (h *journalHandler) spare(ctx context.Context, r slog.Record, message string) error {
	if !h.to.stream {
		return h.text.Handle(ctx, r)
	}
	var b strings.Builder
	for line := range strings.Lines(message + "\n") {
		fmt.Fprintf(&b, "<%d>%s", priority(r.Level), line)
	}
	return h.text.write(b.String())
}

// reportLost says how many records nobody took before the journal took one.
func (d *destination) reportLost() {
	if d.lost.Load() == 0 {
		return
	}
	n := d.lost.Swap(0)
	if n == 0 { // another goroutine does it
		return
	}
	text := fmt.Sprintf("log records were lost, because journald did not read them in time count=%d", n)
	fields := appendField(nil, "COUNT", strconv.FormatInt(n, 10))
	if d.journal.send(encode(slog.LevelWarn, text, fields)) != nil {
		d.lost.Add(n)
	}
}

// WithAttrs implements slog.Handler.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	derived.text = h.text.withAttrs(attrs)
	derived.fields = slices.Clone(h.fields)
	for _, a := range attrs {
		derived.fields = appendAttrFields(derived.fields, h.text.prefix, a)
	}
	return &derived
}

// WithGroup implements slog.Handler.
func (h *journalHandler) WithGroup(name string) slog.Handler {
	derived := *h
	derived.text = h.text.withGroup(name)
	return &derived
}
