package leader

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// TestScriptChanged: a script that was touched counts as changed, one whose mode was
// changed does not.
func TestScriptChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	names := scripts{file: modified(file)}
	touch := func() error {
		later := modified(file).Add(time.Second)
		return os.Chtimes(file, later, later)
	}
	for _, step := range []struct {
		name string
		do   func() error
		e    fsnotify.Event
		want bool
	}{
		{"mode", func() error { return os.Chmod(file, 0o600) }, fsnotify.Event{Name: file, Op: fsnotify.Chmod}, false},
		{"touched", touch, fsnotify.Event{Name: file, Op: fsnotify.Chmod}, true},
		{"mode again", func() error { return os.Chmod(file, 0o644) }, fsnotify.Event{Name: file, Op: fsnotify.Chmod}, false},
		{"written", func() error { return nil }, fsnotify.Event{Name: file, Op: fsnotify.Write}, true},
		{"another", touch, fsnotify.Event{Name: file + "~", Op: fsnotify.Create}, false},
		{"replaced", touch, fsnotify.Event{Name: file, Op: fsnotify.Create}, true},
		{"gone", func() error { return os.Remove(file) }, fsnotify.Event{Name: file, Op: fsnotify.Remove}, true},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := names.changed(step.e); got != step.want {
			t.Errorf("%s: changed is %v, want %v", step.name, got, step.want)
		}
	}
}
