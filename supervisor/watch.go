package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long the files must have been left alone before a change
// reloads: editors and version control write several in a row.
const settleTime = 50 * time.Millisecond

// watcher reloads groups whose source files change. It watches directories,
// because editors replace files rather than write to them.
type watcher struct {
	log    *slog.Logger
	notify *fsnotify.Watcher
	reload func(ctx context.Context, group string) error

	mu          sync.Mutex
	files       map[string][]string // source file -> groups that loaded it
	directories map[string]bool

	running sync.WaitGroup
	cancel  context.CancelFunc
}

func newWatcher(log *slog.Logger, reload func(context.Context, string) error) (*watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &watcher{
		log: log, notify: notify, reload: reload,
		files: map[string][]string{}, directories: map[string]bool{}, cancel: func() {},
	}, nil
}

// add takes files that a group has loaded.
func (w *watcher) add(group string, files []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, file := range files {
		if !strings.HasSuffix(file, ".py") || strings.HasPrefix(file, "<") {
			continue
		}
		if !slices.Contains(w.files[file], group) {
			w.files[file] = append(w.files[file], group)
		}
		directory := filepath.Dir(file)
		if w.directories[directory] {
			continue
		}
		w.directories[directory] = true
		if err := w.notify.Add(directory); err != nil {
			w.log.Warn("changes in a directory will not be seen", "directory", directory, "err", err)
		}
	}
}

func (w *watcher) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.running.Go(func() { w.run(ctx) })
}

// run gathers changed groups until the files have settled, then reloads them.
func (w *watcher) run(ctx context.Context) {
	changed := map[string]string{} // group -> a file that changed
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-w.notify.Events:
			if !open {
				return
			}
			if w.note(changed, event) {
				settled = time.After(settleTime)
			}
		case err, open := <-w.notify.Errors:
			if !open {
				return
			}
			w.log.Warn("changes of source files may be missed", "err", err)
		case <-settled:
			settled = nil
			select {
			case event := <-w.notify.Events:
				// It was there in time, and this goroutine late, so the files have not settled.
				// At the end of the events the zero value changes nothing.
				w.note(changed, event)
				settled = time.After(settleTime)
				continue
			default:
			}
			for group, file := range changed {
				delete(changed, group)
				w.reloadBecause(ctx, group, file)
			}
		}
	}
}

// note adds the groups that have loaded a file to those that are changed, and reports whether
// there are any.
func (w *watcher) note(changed map[string]string, event fsnotify.Event) (found bool) {
	if event.Op == fsnotify.Chmod {
		return false
	}
	for _, group := range w.groupsOf(event.Name) {
		changed[group], found = event.Name, true
	}
	return found
}

func (w *watcher) groupsOf(file string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.files[file])
}

func (w *watcher) reloadBecause(ctx context.Context, group, file string) {
	w.log.Info("reloading", "group", group, "file", file)
	if err := w.reload(ctx, group); err != nil && !errors.Is(err, context.Canceled) {
		w.log.Error("reload failed; the old code serves on\n"+err.Error(), "group", group)
	}
}

func (w *watcher) close() error {
	w.cancel()
	w.running.Wait()
	return w.notify.Close()
}
