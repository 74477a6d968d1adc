package logfile

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A line of which a full disk took a part is whole in the file that Reopen opens.
func TestReopenAfterFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	disk := &fullDisk{room: 8}
	f := &File{path: path, mode: 0o640, log: slog.New(slog.DiscardHandler), out: disk}
	f.line("12345")
	f.line("67890")
	f.file.Lock()
	f.write()
	f.file.Unlock()
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.line("last")
	f.file.Lock()
	f.write()
	f.file.Unlock()
	if got := disk.String(); got != "12345\n67" {
		t.Errorf("the old file has %q", got)
	}
	if got := content(t, path); got != "67890\nlast\n" {
		t.Errorf("the new file has %q", got)
	}
	if f.Lost() != 0 {
		t.Errorf("%d lines are lost", f.Lost())
	}
}

// A file that cannot be opened at first gets its lines when it can.
func TestOpenPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "logs")
		path := filepath.Join(dir, "access.log")
		var records atomic.Int32
		f := OpenPatiently(path, 0o640, slog.New(counter{records: &records}))
		f.line("early")
		if err := f.Reopen(); err == nil {
			t.Error("a file in no directory was opened")
		}
		time.Sleep(30 * time.Second)
		if n := records.Load(); n != 1 {
			t.Errorf("%d errors within half a minute", n)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		f.line("late")
		time.Sleep(2 * time.Second)
		if got := content(t, path); got != "early\nlate\n" {
			t.Errorf("got %q", got)
		}
		if n := records.Load(); n != 2 {
			t.Errorf("%d records: the end of the trouble is not told", n)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Reopen(); err != nil {
			t.Errorf("reopened after its end: %v", err)
		}
		if f.Lost() != 0 {
			t.Errorf("%d lines are lost", f.Lost())
		}
	})
}

// Trouble that comes and goes is told of once a minute, too.
func TestTroubleThatComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{}
		var records atomic.Int32
		f := &File{
			log: slog.New(counter{records: &records}), out: disk, path: "x",
			wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		}
		go f.run()
		for range 50 {
			f.line("line")
			time.Sleep(500 * time.Millisecond)
			f.file.Lock()
			disk.room = 1
			f.file.Unlock()
		}
		for range 50 {
			f.line("line")
			time.Sleep(500 * time.Millisecond)
			f.file.Lock()
			disk.room = 100 * (1 - disk.room/100)
			f.file.Unlock()
		}
		if n := records.Load(); n > 2 {
			t.Errorf("%d records within a minute", n)
		}
		f.file.Lock()
		disk.room = 1 << 20
		f.file.Unlock()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if got := f.onDisk(disk); got != strings.Repeat("line\n", 100) {
			t.Errorf("got %q", got)
		}
	})
}

// What is refused counts by its lines.
func TestLostLinesOfABlock(t *testing.T) {
	t.Parallel()
	f := &File{pending: make([]byte, mostPending), due: true}
	f.line("a traceback\n    of\n    three lines")
	if f.Lost() != 3 || len(f.pending) != mostPending {
		t.Errorf("%d lines are lost, %d bytes pending", f.Lost(), len(f.pending))
	}
}
