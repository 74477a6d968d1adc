package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long a server may take to end after SIGTERM.
const stopGrace = 5 * time.Second

// Process is one line of the process table. A pid alone may come to mean
// another process; together with the start time it does not.
type Process struct {
	PID        int
	ChildTicks uint64 // user and system time of children waited for, in clock ticks

	parent, session int
	start           uint64 // clock ticks since boot
	zombie          bool
}

// Family gives the processes with the PIDs, their descendants and what shares a session with
// one of them.
func Family(pids []int) ([]Process, error) {
	table, err := processTable()
	if err != nil {
		return nil, err
	}
	return family(table, pids), nil
}

// processTable reads the whole table. Processes that end meanwhile are left out.
func processTable() ([]Process, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	table := make([]Process, 0, len(names))
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(name, "stat"))
		if err != nil {
			continue
		}
		p, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		table = append(table, p)
	}
	return table, nil
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The second field, the
// name, may hold anything, blanks and parentheses included: count from its end.
func parseStat(text string) (Process, error) {
	head, tail, found := strings.Cut(text, " (")
	end := strings.LastIndex(tail, ") ")
	if !found || end < 0 {
		return Process{}, fmt.Errorf("cannot parse process status %q", text)
	}
	fields := strings.Fields(tail[end+2:])
	const state, ppid, session, cutime, cstime, starttime = 0, 1, 3, 13, 14, 19
	if len(fields) <= starttime {
		return Process{}, fmt.Errorf("cannot parse process status %q: too few fields", text)
	}
	var errs error
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		errs = errors.Join(errs, err)
		return n
	}
	p := Process{
		PID:        number(head),
		parent:     number(fields[ppid]),
		session:    number(fields[session]),
		start:      uint64(number(fields[starttime])),
		ChildTicks: uint64(number(fields[cutime]) + number(fields[cstime])),
		zombie:     fields[state] == "Z" || fields[state] == "X",
	}
	if errs != nil {
		return Process{}, fmt.Errorf("cannot parse process status: %w", errs)
	}
	return p, nil
}

// family picks the roots, their descendants and whatever shares a root's
// session: a process that outlived its parent is found by the latter.
func family(table []Process, roots []int) []Process {
	member := make(map[int]bool, len(table))
	for _, pid := range roots {
		member[pid] = true
	}
	belongs := func(p Process) bool {
		return member[p.PID] || member[p.parent] || slices.Contains(roots, p.session)
	}
	// Children may stand before their parents: repeat until nothing is added.
	for size := -1; size != len(member); {
		size = len(member)
		for _, p := range table {
			if belongs(p) {
				member[p.PID] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(table), func(p Process) bool { return !member[p.PID] })
}

// child is a process started by us, the leader of a session of its own. Its
// exit is collected by one goroutine, which closes done.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func startChild(cmd *exec.Cmd) (*child, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		// How it ended matters only while it should be up, and is then
		// reported by whoever finds no server answering.
		_ = cmd.Wait()
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stopChildren asks the children to end, and kills what is left of them and of
// their descendants after the grace. It returns an error if a process survives.
func stopChildren(children []*child, grace time.Duration) error {
	roots := make([]int, len(children))
	for i, c := range children {
		roots[i] = c.pid()
	}
	table, err := processTable()
	if err != nil {
		table = nil // end at least the roots
	}
	all := family(table, roots)
	for _, c := range children {
		// os.Process does not signal a pid that has been waited for.
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
	}
	if awaitEnd(all, grace) {
		return errors.Join(err, awaitChildren(children))
	}
	for _, c := range children {
		_ = c.cmd.Process.Kill()
	}
	for _, p := range alive(all) {
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	}
	if !awaitEnd(all, stopGrace) {
		err = errors.Join(err, fmt.Errorf("cannot end processes %v", alive(all)))
	}
	return errors.Join(err, awaitChildren(children))
}

func awaitChildren(children []*child) error {
	limit := time.After(stopGrace)
	for _, c := range children {
		select {
		case <-c.done:
		case <-limit:
			return fmt.Errorf("cannot end process %d", c.pid())
		}
	}
	return nil
}

// awaitEnd waits until none of the processes is alive. Grandchildren give no
// notice of their end to us: the table is read every few milliseconds.
func awaitEnd(all []Process, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for len(alive(all)) > 0 {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

// alive returns those that still run, zombies not among them.
func alive(all []Process) []Process {
	return slices.DeleteFunc(slices.Clone(all), func(p Process) bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
		if err != nil {
			return true
		}
		now, err := parseStat(string(text))
		return err == nil && (now.start != p.start || now.zombie)
	})
}
