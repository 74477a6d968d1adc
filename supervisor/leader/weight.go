package leader

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// weighEvery is how often memory is looked at. What the kernel says costs it some
// microseconds for each process.
const weighEvery = time.Second

// weighAll has the processes replaced whose resident memory exceeds maximum-memory.
func (l *Leader) weighAll() {
	for _, p := range l.processes {
		if p.readyAt.IsZero() || p.heavy || p.retiring || p.expired != "" || p.ending() {
			continue
		}
		if size, over := l.overweight(p); over {
			l.handleExpired(p, fmt.Sprintf("maximum-memory: %s resident, %s allowed", mebibytes(size), mebibytes(l.options.Group.MaximumMemory)))
		}
	}
}

// weighNew leaves a process alone that is too heavy before it has served: the one in
// its place would be, too.
func (l *Leader) weighNew(p *process) {
	if l.options.Group.MaximumMemory == 0 {
		return
	}
	size, over := l.overweight(p)
	if p.heavy = over; !over || l.heavy {
		return
	}
	l.heavy = true
	l.logger().Error("maximum-memory is less than a new process has; it is not kept\n"+
		"hint: allow more than "+mebibytes(size), append(attributes(p.number, p.pid), "memory", mebibytes(size))...)
}

// overweight reports the resident memory of a process, and whether it is too much.
func (l *Leader) overweight(p *process) (size int64, over bool) {
	size, err := resident(p.pid)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH): // it has just ended
	case err != nil && !l.unweighed:
		l.unweighed = true
		l.logger().Error("maximum-memory is not kept: cannot see how much memory a process has", append(attributes(p.number, p.pid), "err", err)...)
	}
	return size, size > l.options.Group.MaximumMemory
}

// resident is the resident memory of a process in bytes (proc_pid_statm(5)).
func resident(pid int) (int64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("cannot understand statm: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot understand statm: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// mebibytes writes a size with one digit after the point, as people read memory.
func mebibytes(size int64) string { return fmt.Sprintf("%.1f MiB", float64(size)/(1<<20)) }
