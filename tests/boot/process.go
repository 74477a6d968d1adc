package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a process inside, held so that its number cannot come to mean another.
type Process struct {
	PID int // as the machine counts

	m     *Machine
	pidfd int
}

// PID is the main process of a unit, as the machine counts.
func (m *Machine) PID(unit string) int {
	m.t.Helper()
	pid, err := strconv.Atoi(m.Property(unit, "MainPID"))
	if err != nil || pid == 0 {
		m.t.Fatalf("%s has no main process (%v); it is %s", unit, err, m.Property(unit, "ActiveState"))
	}
	return pid
}

// Property is what systemctl shows of a unit: "ActiveState", "NRestarts", ….
func (m *Machine) Property(unit, name string) string {
	m.t.Helper()
	return m.MustRun("systemctl", "show", "--property="+name, "--value", unit)
}

// pollInterval is between two looks at what tells nobody that it changes: each takes
// some ten milliseconds itself.
const pollInterval = 50 * time.Millisecond

// AwaitProperty waits until a unit's property has the value. systemd tells only
// clients of its bus of changes, so this asks.
func (m *Machine) AwaitProperty(unit, name, value string, within time.Duration) {
	m.t.Helper()
	deadline := time.Now().Add(within)
	for {
		is := m.Property(unit, name)
		if is == value {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: %s is %q after %v, not %q", unit, name, is, within, value)
		}
		time.Sleep(pollInterval)
	}
}

// Process takes hold of a process that is running.
func (m *Machine) Process(pid int) *Process {
	m.t.Helper()
	outside, err := m.outside(pid)
	if err != nil {
		m.t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(outside, 0)
	if err != nil {
		m.t.Fatalf("cannot hold process %d: %v", pid, err)
	}
	m.t.Cleanup(func() { unix.Close(pidfd) })
	return &Process{PID: pid, m: m, pidfd: pidfd}
}

// Signal sends a signal. A process that has ended already fails the test.
func (p *Process) Signal(signal syscall.Signal) {
	p.m.t.Helper()
	if err := unix.PidfdSendSignal(p.pidfd, signal, nil, 0); err != nil {
		p.m.t.Fatalf("cannot send %v to process %d: %v", signal, p.PID, err)
	}
}

// AwaitEnd waits until the process has ended.
func (p *Process) AwaitEnd(within time.Duration) {
	p.m.t.Helper()
	deadline := time.Now().Add(within)
	for {
		poll := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
		ready, err := unix.Poll(poll, int(max(0, time.Until(deadline)).Milliseconds()))
		switch {
		case err == unix.EINTR:
		case err != nil:
			p.m.t.Fatal(err)
		case ready == 1:
			return
		default:
			p.m.t.Fatalf("process %d has not ended within %v", p.PID, within)
		}
	}
}

// outside is the host's number of a process of the machine.
func (m *Machine) outside(pid int) (int, error) {
	if !m.running() {
		return 0, fmt.Errorf("cannot find process %d: the machine is down", pid)
	}
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", m.container.run.leader))
	if err != nil {
		return 0, err
	}
	all, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		return 0, err
	}
	for _, link := range all {
		if other, err := os.Readlink(link); err != nil || other != namespace {
			continue // an error: it has ended meanwhile
		}
		outside := strings.Split(link, "/")[2]
		if numberInside(outside) == strconv.Itoa(pid) {
			return strconv.Atoi(outside)
		}
	}
	return 0, fmt.Errorf("cannot find process %d in the machine", pid)
}

// numberInside is the process's number in its own namespace: the last of NSpid in
// proc_pid_status(5).
func numberInside(outside string) string {
	status, err := os.ReadFile(filepath.Join("/proc", outside, "status"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(status), "\nNSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	return line[strings.LastIndexAny(line, "\t ")+1:]
}
