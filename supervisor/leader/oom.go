package leader

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// oomCounter finds out whether the kernel killed a process for want of memory:
// it counts such kills in the control group of the leader, which its processes
// are in as well (memory.events, Documentation/admin-guide/cgroup-v2.rst).
type oomCounter struct {
	path string // of memory.events; a file that does not exist counts nothing

	seen  memoryEvents
	left  int // kills that no exit has been put down to yet
	limit bool
	at    time.Time // when left was last increased
}

// memoryEvents are the counters of interest.
type memoryEvents struct {
	oom     int // the group's own limit was reached
	oomKill int // a process of the group was killed, for whichever limit
}

// ownMemoryEvents is the file of the control group that this process is in; ""
// where there is no cgroup2.
func ownMemoryEvents() string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if group, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); found {
			return filepath.Join("/sys/fs/cgroup", group, "memory.events")
		}
	}
	return ""
}

func (c *oomCounter) read() (memoryEvents, bool) {
	var e memoryEvents
	text, err := os.ReadFile(c.path)
	if err != nil {
		return e, false
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(value)
		switch {
		case err != nil:
		case name == "oom":
			e.oom = n
		case name == "oom_kill":
			e.oomKill = n
		}
	}
	return e, true
}

// note takes the counters as they are for those of the past.
func (c *oomCounter) note() { c.seen, _ = c.read() }

// oomTogether is within which time processes end that were killed at the same
// time. A kill that no exit belongs to was that of a program that the
// application had started.
const oomTogether = 2 * time.Second

// killed says in whose name the kernel killed the process that has just ended
// by SIGKILL; "" if the kernel did not.
func (c *oomCounter) killed() string {
	now, found := c.read()
	if !found {
		return ""
	}
	if time.Since(c.at) > oomTogether {
		c.left = 0
	}
	if now.oomKill > c.seen.oomKill {
		c.left += now.oomKill - c.seen.oomKill
		c.limit = now.oom > c.seen.oom
		c.at = time.Now()
	}
	c.seen = now
	if c.left == 0 {
		return ""
	}
	c.left--
	if c.limit {
		return "out of memory (MemoryMax)"
	}
	return "out of memory"
}
