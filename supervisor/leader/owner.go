package leader

import (
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// forbidden is the status of requests to a script that has the wrong owner.
const forbidden = 403

// checkOwner looks whether the scripts may be executed, under script-user or
// script-group.
func (l *Leader) checkOwner() error {
	for _, a := range l.applications() {
		if a.Script == "" {
			continue
		}
		if err := l.options.Group.CheckOwner(a.Script); err != nil {
			return err
		}
	}
	return nil
}

// watchOwner has changes of the scripts and their directories posted, those of owner
// and permissions included.
func (l *Leader) watchOwner() {
	g := l.options.Group
	var names []string
	for _, a := range l.applications() {
		if a.Script != "" {
			names = append(names, changeable(a.Script)...)
		}
	}
	if g.ScriptUser == "" && g.ScriptGroup == "" || len(names) == 0 {
		return
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		l.logger().Error("changes of the script's owner will not be seen", "err", err)
		return
	}
	for _, name := range names {
		if err := watcher.Add(filepath.Dir(name)); err != nil {
			l.logger().Error("changes of the script's owner will not be seen", "file", name, "err", err)
		}
	}
	go l.waitForOwner(watcher)
}

func (l *Leader) waitForOwner(watcher *fsnotify.Watcher) {
	defer watcher.Close()
	var settled <-chan time.Time
	for {
		select {
		case <-watcher.Events:
			// At once, because a script of somebody else is not to be served; and again
			// when whoever is at it has finished.
			l.post(event{kind: ownerChanged})
			settled = time.After(settleTime)
		case <-settled:
			settled = nil
			l.post(event{kind: ownerChanged})
		case err := <-watcher.Errors:
			l.logger().Warn("a change of the script's owner may have been missed", "err", err)
		case <-l.done:
			return
		}
	}
}

// handleOwnerChanged has requests refused from the moment on at which the script
// may not be executed, and taken again when it may. A script that came in the
// place of the one that is served was refused until then: now there may be a
// generation of it.
func (l *Leader) handleOwnerChanged() {
	text := ""
	if err := l.checkOwner(); err != nil {
		text = err.Error()
	}
	if text == l.refusal {
		return
	}
	was := l.refusal
	l.refusal = text
	if text != "" {
		l.logger().Error("the script may not be executed; requests are answered 403\n" + text)
	} else {
		l.logger().Info("the script may be executed again")
	}
	l.tell(wire.Message{Type: wire.Forbidden, Text: text})
	if was != "" && text == "" && l.mountOf(func(m *site.Mount) bool { return m.ScriptReloading }) {
		l.handleScriptChanged()
	}
}

// mountOf reports whether one of the group's mounts is such a one.
func (l *Leader) mountOf(such func(*site.Mount) bool) bool {
	for _, m := range l.options.Site.AllMounts() {
		if m.RunsIn(l.options.Group.Name) && such(m) {
			return true
		}
	}
	return false
}
