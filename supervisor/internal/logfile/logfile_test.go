package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, 0o640, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func (f *File) line(text string) {
	f.Append(func(b []byte) []byte { return append(b, text+"\n"...) })
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAppend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	f := open(t, path)
	f.line("one")
	f.line("two")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "one\ntwo\n" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	f.line("late")
	if f.Lost() != 1 {
		t.Errorf("%d lines are lost, not the one after the end", f.Lost())
	}
	if err := f.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestNone(t *testing.T) {
	t.Parallel()
	f := open(t, "")
	f.line("x")
	if err := errors.Join(f.Reopen(), f.Close()); err != nil || f.Lost() != 0 {
		t.Errorf("%v, %d lost", err, f.Lost())
	}
}

// Lines are written within a moment without anybody's doing.
func TestWritesByItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	f := open(t, path)
	f.line("one")
	for limit := time.Now().Add(10 * time.Second); content(t, path) == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the line is not written")
		}
	}
}

// Rotation under load: every line is in one of the files, once and whole, and
// none comes to a file after Reopen has returned.
func TestReopenUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	f := open(t, path)
	const writers = 4
	var counts [writers]int
	var end atomic.Bool
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := 0; !end.Load(); i++ {
				f.line(fmt.Sprintf("%d %d", w, i))
				counts[w] = i + 1
				if i%100 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	var sizes []int64
	for n := range 20 {
		time.Sleep(5 * time.Millisecond)
		rotated := filepath.Join(dir, fmt.Sprintf("access.log.%02d", n))
		if err := os.Rename(path, rotated); err != nil {
			t.Fatal(err)
		}
		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(rotated)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	end.Store(true)
	all.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for n, size := range sizes {
		part := content(t, filepath.Join(dir, fmt.Sprintf("access.log.%02d", n)))
		if int64(len(part)) != size {
			t.Errorf("file %d grew after Reopen returned", n)
		}
		text.WriteString(part)
	}
	text.WriteString(content(t, path))
	seen := [writers]int{}
	for line := range strings.Lines(text.String()) {
		var w, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &i); err != nil {
			t.Fatalf("line %q", line)
		}
		if i != seen[w] {
			t.Fatalf("writer %d: line %d comes where %d belongs", w, i, seen[w])
		}
		seen[w]++
	}
	if seen != counts || f.Lost() != 0 {
		t.Errorf("found %v lines of %v, %d lost", seen, counts, f.Lost())
	}
}

func TestReopenFails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := open(t, filepath.Join(dir, "access.log"))
	moved := dir + ".old"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); err == nil {
		t.Error("a file in no directory was opened")
	}
	f.line("one")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, filepath.Join(moved, "access.log")); got != "one\n" {
		t.Errorf("got %q", got)
	}
}

// fullDisk takes room bytes and then no more.
type fullDisk struct {
	bytes.Buffer
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func (d *fullDisk) Close() error { return nil }

// onDisk is what has been written.
func (f *File) onDisk(disk *fullDisk) string {
	f.file.Lock()
	defer f.file.Unlock()
	return disk.String()
}

type counter struct {
	slog.Handler
	records *atomic.Int32
}

func (c counter) Enabled(context.Context, slog.Level) bool  { return true }
func (c counter) Handle(context.Context, slog.Record) error { c.records.Add(1); return nil }

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{room: 10}
		var complaints atomic.Int32
		f := &File{
			log: slog.New(counter{records: &complaints}), out: disk, path: "x",
			wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		}
		go f.run()
		f.line("12345")
		f.line("67890") // does not fit whole
		time.Sleep(30 * time.Second)
		if got := f.onDisk(disk); got != "12345\n6789" {
			t.Errorf("on the disk: %q", got)
		}
		if n := complaints.Load(); n != 1 {
			t.Errorf("%d errors within half a minute", n)
		}
		time.Sleep(31 * time.Second)
		if n := complaints.Load(); n != 2 {
			t.Errorf("%d errors within a minute", n)
		}
		f.file.Lock()
		disk.room = 1 << 20
		f.file.Unlock()
		f.line("later")
		time.Sleep(2 * time.Second)
		if got := f.onDisk(disk); got != "12345\n67890\nlater\n" {
			t.Errorf("with room again: %q", got)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What the disk does not take is kept to a bound, and counted beyond it.
func TestLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{room: 3}
		f := &File{
			log: slog.New(slog.DiscardHandler), out: disk, path: "x",
			wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		}
		go f.run()
		long := strings.Repeat("x", 1<<20-1)
		const lines = 14
		for range lines {
			f.line(long)
			time.Sleep(2 * time.Second)
		}
		if got := f.Lost(); got == 0 || got > lines {
			t.Errorf("%d of %d lines are lost", got, lines)
		}
		f.file.Lock()
		kept := len(f.rest)
		f.file.Unlock()
		if kept > mostPending {
			t.Errorf("%d bytes are kept", kept)
		}
		f.file.Lock()
		disk.room = 1 << 30
		f.file.Unlock()
		lost := f.Lost()
		f.line("last")
		time.Sleep(10 * time.Second)
		written := strings.Split(strings.TrimSuffix(f.onDisk(disk), "\n"), "\n")
		for _, line := range written[:len(written)-1] {
			if line != long {
				t.Fatalf("a line of %d bytes is written", len(line))
			}
		}
		if got := uint64(len(written)-1) + lost; got != lines {
			t.Errorf("%d lines are written or counted, of %d", got, lines)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}
