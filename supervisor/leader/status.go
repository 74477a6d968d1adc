package leader

import (
	"fmt"
	"strings"
	"time"
)

// showStatus tells systemd how the leader is, for `systemctl status`.
func (l *Leader) showStatus() {
	if l.options.Notifier != nil {
		l.options.Notifier.Status(l.status())
	}
}

// status is a line about the leader for people.
func (l *Leader) status() string {
	text := l.statusNow()
	if l.generation > 0 {
		text = fmt.Sprintf("generation %d: %s", l.generation, text)
	}
	return text
}

func (l *Leader) statusNow() string {
	ready := fmt.Sprintf("%d of %d processes ready", l.serving(), l.options.Group.Processes)
	switch {
	case l.fatal != nil:
		return l.fatal.Error()
	case l.stopping:
		return fmt.Sprintf("ending; %d processes left", len(l.processes))
	case l.leaving:
		return "told to end; waiting until the supervisor has brought up another generation"
	case !l.begun:
		return "waiting for the supervisor"
	case !l.attached():
		return fmt.Sprintf("no supervisor; ending in %s unless one attaches (%s)", seconds(l.options.Group.OrphanTimeout), ready)
	case !l.ready:
		return "importing, " + ready
	case l.lastText != "":
		return ready + "; cannot start another: " + lastLine(l.lastText)
	}
	return ready
}

// seconds writes a duration as the site file may: "60s".
func seconds(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), "0"), ".") + "s"
}
