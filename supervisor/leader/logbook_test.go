package leader

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// logbook keeps log records as lines "LEVEL message key=value".
type logbook struct {
	mu      *sync.Mutex
	records *[]string
	changed *chan struct{}
	attrs   string
}

func newLogbook() *logbook {
	changed := make(chan struct{})
	return &logbook{mu: new(sync.Mutex), records: new([]string), changed: &changed}
}

func (b *logbook) Enabled(context.Context, slog.Level) bool { return true }

func (b *logbook) Handle(_ context.Context, record slog.Record) error {
	text := record.Level.String() + " " + record.Message + b.attrs
	record.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	*b.records = append(*b.records, text)
	close(*b.changed)
	*b.changed = make(chan struct{})
	return nil
}

func (b *logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	copied := *b
	for _, a := range attrs {
		copied.attrs += " " + a.String()
	}
	return &copied
}

func (b *logbook) WithGroup(string) slog.Handler { return b }

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(*b.records, "\n")
}

// with returns the records that contain text.
func (b *logbook) with(text string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.withLocked(text)
}

func (b *logbook) withLocked(text string) []string {
	var found []string
	for _, record := range *b.records {
		if strings.Contains(record, text) {
			found = append(found, record)
		}
	}
	return found
}

// wait waits for a record that contains text.
func (b *logbook) wait(t *testing.T, text string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		b.mu.Lock()
		found, changed := b.withLocked(text), *b.changed
		b.mu.Unlock()
		if len(found) > 0 {
			return found[0]
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("no log record with %q:\n%s", text, b)
		}
	}
}
