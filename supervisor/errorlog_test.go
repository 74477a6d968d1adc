package supervisor

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/logs"
)

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Records go to the file while there is one, else where everything else goes;
// each to one of them.
func TestErrorLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.log"), filepath.Join(dir, "second.log")
	var other bytes.Buffer
	journal, err := logs.New("text", &other, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	e := newErrorLog("", journal)
	log := e.logger(journal.Handler()).With("site", "blog").WithGroup("g").With("a", 1)
	change := func(path string) {
		t.Helper()
		e.expect(path)
		file, err := e.prepare(path)
		if err != nil {
			t.Fatal(err)
		}
		e.replace(path, file)
	}
	log.Info("one")
	if e.collects() {
		t.Error("records are collected for no file")
	}
	change(first)
	log.Info("two\nTraceback\n", "b", 2)
	log.Debug("not logged anywhere")
	change(first) // the same
	change(second)
	log.Warn("three \x1b[31m\r\xff\ufffd\tü", "c", "\x1b")
	if !e.collects() {
		t.Error("no records are collected")
	}
	change("")
	log.Error("four")
	change(second)
	log.Error("five")
	if err := e.close(); err != nil {
		t.Fatal(err)
	}
	log.Error("six")
	for _, c := range []struct{ what, got, want string }{
		{"the first file", textOf(t, first), "INFO  two site=blog g.a=1 g.b=2\n    Traceback\n"},
		{"the second file", textOf(t, second), `WARN  three \x1b[31m\x0d\xff` + "\ufffd\tü" + ` site=blog g.a=1 g.c="\x1b"` + "\nERROR five site=blog g.a=1\n"},
		{"the journal", other.String(), "INFO  one site=blog g.a=1\nERROR four site=blog g.a=1\nERROR six site=blog g.a=1\n"},
	} {
		if got := withoutTimes(c.got); got != c.want {
			t.Errorf("%s has\n%s\nwant\n%s", c.what, got, c.want)
		}
	}
	if e.lost() != 0 {
		t.Errorf("%d lines are lost", e.lost())
	}
}

// withoutTimes takes away what comes before the level.
func withoutTimes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, " ") {
			_, line, _ = strings.Cut(line, " ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// A file that cannot be opened fails a reload, and leaves the present one.
func TestErrorLogThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "error.log")
	journal := slog.New(slog.DiscardHandler)
	e := newErrorLog(path, journal)
	if _, err := e.prepare(filepath.Join(dir, "none", "error.log")); err == nil || !strings.HasPrefix(err.Error(), "error-log: ") {
		t.Errorf("error %v", err)
	}
	e.logger(slog.NewTextHandler(os.Stderr, nil)).Info("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := e.reopen(); err != nil {
		t.Fatal(err)
	}
	if err := e.close(); err != nil {
		t.Fatal(err)
	}
	if got := withoutTimes(textOf(t, path)); got != "INFO  one\n" {
		t.Errorf("got %q", got)
	}
}
