package supervisor

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/group"
)

// Status says in one line what the site is doing, for `systemctl status`.
func (a *App) Status() string {
	var parts []string
	now := a.now.Load()
	for _, g := range now.site.Groups {
		parts = append(parts, describe(g.Name, now.groups[g.Name].Status()))
	}
	if a.leaving.Load() {
		parts = append(parts, "draining: connections end with their next response")
	}
	if n := a.front.Open(); n > 0 {
		parts = append(parts, counted(n, "connection"))
	}
	if n := a.front.LostLines() + a.errors.lost(); n > 0 {
		parts = append(parts, counted(int(n), "lost log line"))
	}
	return strings.Join(parts, "; ")
}

// Figures are the site's processes in numbers.
type Figures struct {
	Generation       int // the newest that serves
	Processes, Ready int // wanted, and ready
}

// Figures returns a picture of all groups.
func (a *App) Figures() Figures {
	var f Figures
	for _, g := range a.now.Load().groups {
		s := g.Status()
		f.Generation = max(f.Generation, s.Generation)
		f.Processes += s.Wanted
		f.Ready += s.Processes
	}
	return f
}

// InFlight is the number of requests that are queued or being served.
func (a *App) InFlight() int {
	n := 0
	for _, g := range a.now.Load().groups {
		s := g.Status()
		n += s.Busy + s.Queued
	}
	return n
}

// describe says what a group is doing.
func describe(name string, s group.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", name)
	switch {
	case s.Asleep:
		b.WriteString("asleep until the next request")
	case s.Processes == 0 && s.Failure != "":
		b.WriteString("cannot start: " + lastLine(s.Failure))
	case s.Generation == 0:
		b.WriteString("starting")
	default:
		fmt.Fprintf(&b, "generation %d, %d of %d processes ready, %d busy", s.Generation, s.Processes, s.Wanted, s.Busy)
	}
	if s.Release != "" {
		b.WriteString(", release " + filepath.Base(s.Release))
	}
	if s.Queued > 0 {
		fmt.Fprintf(&b, ", %d queued", s.Queued)
	}
	if s.Recycled > 0 {
		fmt.Fprintf(&b, ", %d replaced (the last: %s)", s.Recycled, s.Cause)
	}
	if s.Recycling != "" {
		b.WriteString(", replacing a process (" + s.Recycling + ")")
	}
	if s.Suspended != "" {
		b.WriteString(", processes are not replaced: " + lastLine(s.Suspended))
	}
	if s.Starting != 0 {
		fmt.Fprintf(&b, ", starting generation %d", s.Starting)
	}
	if s.Draining != 0 {
		fmt.Fprintf(&b, ", draining generation %d", s.Draining)
	}
	return b.String()
}

// lastLine is where a Python traceback names the exception.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
