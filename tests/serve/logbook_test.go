package serve_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// logBook collects the lines of a stream and wakes whoever waits for one.
type logBook struct {
	mu      sync.Mutex
	lines   []string
	closed  bool
	changed chan struct{} // closed and renewed at every change
}

func newLogBook() *logBook { return &logBook{changed: make(chan struct{})} }

func (b *logBook) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	b.wakeLocked()
}

func (b *logBook) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wakeLocked()
}

func (b *logBook) wakeLocked() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *logBook) snapshot() (lines []string, closed bool, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines), b.closed, b.changed
}

// await reports whether the lines satisfy enough before the limit or the stream's end.
func (b *logBook) await(limit time.Duration, enough func(lines []string) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		lines, closed, changed := b.snapshot()
		if enough(lines) {
			return true
		}
		if closed {
			return false
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

func (b *logBook) String() string { return b.tail(1 << 20) }

// tail is the last count lines.
func (b *logBook) tail(count int) string {
	lines, _, _ := b.snapshot()
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

// record is one JSON line of the log.
type record map[string]any

func (r record) text(key string) string {
	switch value := r[key].(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		return fmt.Sprint(value)
	}
}

// records are the lines that are JSON objects.
func records(lines []string) []record {
	var found []record
	for _, line := range lines {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r != nil {
			found = append(found, r)
		}
	}
	return found
}

// logWithin bounds every wait for the log: it is written after the answer.
const logWithin = 10 * time.Second

// awaitRecord waits for a record that matches and returns the first of them.
func (s *server) awaitRecord(what string, matches func(record) bool) record {
	s.t.Helper()
	var found record
	ok := s.log.await(logWithin, func(lines []string) bool {
		all := records(lines)
		at := slices.IndexFunc(all, matches)
		if at >= 0 {
			found = all[at]
		}
		return at >= 0
	})
	if !ok {
		s.t.Fatalf("no log record of %s within %v", what, logWithin)
	}
	return found
}

// awaitText waits until the log contains text, in whatever record or line.
func (s *server) awaitText(text string) {
	s.t.Helper()
	// In a record the text stands as a JSON string.
	quoted, _ := json.Marshal(text)
	inside := string(quoted[1 : len(quoted)-1])
	ok := s.log.await(logWithin, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, text) || strings.Contains(line, inside)
		})
	})
	if !ok {
		s.t.Fatalf("the log does not say %q within %v", text, logWithin)
	}
}

// logCount counts the occurrences of text in the log so far.
func (s *server) logCount(text string) int { return strings.Count(s.log.String(), text) }
