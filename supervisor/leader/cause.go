package leader

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// exitCause says why and how a process ended.
func (l *Leader) exitCause(p *process, state *os.ProcessState) string {
	text := exitText(state)
	switch {
	case p.cause != "":
		return p.cause + ", " + text
	case p.killed || !killed(state):
		return text
	}
	if cause := l.oom.killed(); cause != "" {
		return "killed by the kernel: " + cause
	}
	if l.outOfTime(state) {
		return expiry + ", " + text
	}
	return text
}

// outOfTime reports whether a process had used up its CPU time. The kernel keeps
// the limit by another clock than it reports here, which goes by timer ticks and
// is off by some of them on a busy machine.
func (l *Leader) outOfTime(state *os.ProcessState) bool {
	const off = 500 * time.Millisecond
	soft := time.Duration(limitsOf(l.options.Group).CPU) * time.Second
	return soft > 0 && state.UserTime()+state.SystemTime() >= soft-off
}

// exitText says how a process ended: "exit code 3" or "signal 9 (killed)".
func exitText(state *os.ProcessState) string {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		text := fmt.Sprintf("signal %d (%s)", int(status.Signal()), status.Signal())
		if status.CoreDump() {
			text += ", core dumped"
		}
		return text
	}
	return fmt.Sprintf("exit code %d", state.ExitCode())
}

func killed(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
