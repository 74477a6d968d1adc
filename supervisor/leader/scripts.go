package leader

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// settleTime is how long a script must have been left alone before its change
// counts: editors and deployments write several times in a row.
const settleTime = 100 * time.Millisecond

// watchScripts has a change of the group's scripts posted, for script-reloading.
// No request ever looks at a file for that.
func (l *Leader) watchScripts() {
	names := scripts{}
	for _, script := range l.reloadedScripts() {
		for _, name := range changeable(script) {
			names[name] = modified(name)
		}
	}
	if len(names) == 0 {
		return
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		l.logger().Error("changes of the script will not be seen", "err", err)
		return
	}
	for name := range names {
		// The directory, because a file that is replaced is another file.
		if err := watcher.Add(filepath.Dir(name)); err != nil {
			l.logger().Error("changes of the script will not be seen", "file", name, "err", err)
		}
	}
	go l.waitForChange(watcher, names)
}

// scripts are the names to look at, with the time at which each was last modified.
type scripts map[string]time.Time

// changed reports whether what happened is a change of one of them. What fsnotify
// calls Chmod is every change of an inode: it counts where the time of modification is
// another one, since `touch` is how mod_wsgi's users ask for new code.
func (s scripts) changed(e fsnotify.Event) bool {
	name := strings.TrimSuffix(e.Name, "/")
	before, ours := s[name]
	if !ours {
		return false
	}
	s[name] = modified(name)
	return e.Op&^fsnotify.Chmod != 0 || !s[name].Equal(before)
}

// modified is zero for a file that is not there.
func modified(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// changeable are the names whose change makes a path lead to another file: its
// own and those of the symbolic links in it, a deployment's `current` for one.
func changeable(path string) []string {
	names := []string{path}
	for dir := filepath.Dir(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
			names = append(names, dir)
		}
	}
	return names
}

// waitForChange posts each change, once it has settled.
func (l *Leader) waitForChange(watcher *fsnotify.Watcher, names scripts) {
	defer watcher.Close()
	var settled <-chan time.Time
	for {
		select {
		case e, open := <-watcher.Events:
			if !open {
				return
			}
			if names.changed(e) {
				settled = time.After(settleTime)
			}
		case <-settled:
			settled = nil
			l.post(event{kind: scriptChanged})
		case err, open := <-watcher.Errors:
			if !open {
				return
			}
			l.logger().Warn("a change of the script may have been missed", "err", err)
		case <-l.done:
			return
		}
	}
}

// handleScriptChanged asks for another generation. A supervisor that cannot
// bring it up serves on with this one, and hears of the next change as well.
func (l *Leader) handleScriptChanged() {
	if l.ready && !l.stopping && !l.leaving && !l.retired {
		l.logger().Info("the script has changed")
		l.tell(wire.Message{Type: wire.ScriptChanged})
	}
}
