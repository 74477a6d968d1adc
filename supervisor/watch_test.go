package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watching is a watcher whose reloads a test sees.
type watching struct {
	t *testing.T
	*watcher
	directory string
	reloads   chan string
	result    error
}

func watch(t *testing.T) *watching {
	t.Helper()
	w := &watching{t: t, directory: t.TempDir(), reloads: make(chan string, 100)}
	var err error
	w.watcher, err = newWatcher(slog.New(slog.DiscardHandler), func(_ context.Context, group string) error {
		w.reloads <- group
		return w.result
	})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

func (w *watching) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.directory, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// once waits for one reload of the group, and that no other follows.
func (w *watching) once(group string) {
	w.t.Helper()
	select {
	case got := <-w.reloads:
		if got != group {
			w.t.Fatalf("group %s is reloaded, not %s", got, group)
		}
	case <-time.After(10 * time.Second):
		w.t.Fatal("nothing is reloaded")
	}
	w.never()
}

// atOnce makes a change in so short a time that it is one, again if the machine was too busy
// for that.
func (w *watching) atOnce(change func()) {
	w.t.Helper()
	for range 50 {
		begun := time.Now()
		change()
		if time.Since(begun) < settleTime/2 {
			return
		}
		for quiet := false; !quiet; {
			select {
			case <-w.reloads:
			case <-time.After(6 * settleTime):
				quiet = true
			}
		}
	}
	w.t.Fatalf("no change was made within %v", settleTime/2)
}

func (w *watching) never() {
	w.t.Helper()
	select {
	case got := <-w.reloads:
		w.t.Fatalf("group %s is reloaded for nothing", got)
	case <-time.After(6 * settleTime):
	}
}

func TestWatchReloadsOnce(t *testing.T) {
	w := watch(t)
	path := w.write("app.py", "1")
	w.add("web", []string{path})
	ways := map[string]func(){
		"writes": func() {
			for range 10 {
				w.write("app.py", "2")
			}
		},
		"an editor that replaces": func() {
			temporary := w.write(".app.py.swp", "3")
			if err := os.Rename(path, path+"~"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(temporary, path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.atOnce(change)
			w.once("web")
		})
	}
	w.t = t
}

func TestWatchLeavesOthersAlone(t *testing.T) {
	w := watch(t)
	path, other := w.write("app.py", ""), w.write("other.py", "")
	data := w.write("data.txt", "")
	w.add("web", []string{path, data, "<frozen>", "<string>.py", filepath.Join(w.directory, "missing", "m.py")})
	w.write("other.py", "x")
	w.write("data.txt", "x")
	w.write("new.py", "x")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	w.never()
	w.write("app.py", "x")
	w.once("web")
}

func TestWatchReloadsTheGroupsThatLoadedTheFile(t *testing.T) {
	w := watch(t)
	shared, own := w.write("shared.py", ""), w.write("own.py", "")
	w.add("a", []string{shared})
	w.add("b", []string{shared, own})
	w.add("b", []string{shared})
	w.write("own.py", "x")
	w.once("b")
	w.write("shared.py", "x")
	first := <-w.reloads
	if second := <-w.reloads; first == second {
		t.Errorf("group %s was reloaded twice, another not at all", first)
	}
	w.never()
}

// A reload that fails leaves the watching on.
func TestWatchAfterAFailedReload(t *testing.T) {
	w := watch(t)
	w.result = errors.New("SyntaxError")
	path := w.write("app.py", "")
	w.add("web", []string{path})
	w.write("app.py", "x")
	w.once("web")
	w.write("app.py", "y")
	w.once("web")
}
