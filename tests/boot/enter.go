package boot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// systemPath is where Debian's programs are.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// commandWithin bounds a command that does not say otherwise.
const commandWithin = time.Minute

// Command is a program that runs inside a machine.
type Command struct {
	Args   []string
	User   string        // empty means root; another user gets XDG_RUNTIME_DIR as well
	Env    []string      // beside PATH, LANG and what keeps systemd's tools from paging and colours
	Stdin  string        // empty means no input
	Within time.Duration // zero means a minute; later the command is killed and the test fails
}

// Result is what a command left.
type Result struct {
	Stdout, Stderr string
	Status         int // 128 + N when signal N ended it
}

// Run runs a program inside, as root, and waits for it.
func (m *Machine) Run(args ...string) Result {
	m.t.Helper()
	return m.Exec(Command{Args: args})
}

// RunAs is Run as another user.
func (m *Machine) RunAs(user string, args ...string) Result {
	m.t.Helper()
	return m.Exec(Command{Args: args, User: user})
}

// MustRun is Run for what has to exit with 0. It gives the output without the newline
// at its end.
func (m *Machine) MustRun(args ...string) string {
	m.t.Helper()
	return m.Must(Command{Args: args})
}

// Must is Exec for what has to exit with 0. It gives the output without the newline
// at its end.
func (m *Machine) Must(c Command) string {
	m.t.Helper()
	result := m.Exec(c)
	if result.Status != 0 {
		m.t.Fatalf("%s: exit status %d\n%s%s", strings.Join(c.Args, " "), result.Status, result.Stdout, result.Stderr)
	}
	return strings.TrimSuffix(result.Stdout, "\n")
}

// Exec runs a program inside and waits for it.
func (m *Machine) Exec(c Command) Result {
	m.t.Helper()
	within := c.Within
	if within == 0 {
		within = commandWithin
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	cmd := m.Command(ctx, c)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		m.t.Fatalf("%s: not done within %v\n%s%s", strings.Join(c.Args, " "), within, result.Stdout, result.Stderr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatalf("%s: %v", strings.Join(c.Args, " "), err)
	}
	result.Status = exitStatus(cmd.ProcessState)
	return result
}

// exitStatus counts as a shell does. nsenter repeats the signal that ended its command.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// Command is for what Exec does not cover: a program that runs beside the test, or
// whose output is read as it comes. The end of ctx kills it. Nothing has been started yet.
func (m *Machine) Command(ctx context.Context, c Command) *exec.Cmd {
	m.t.Helper()
	if !m.running() {
		m.t.Fatalf("%s: the machine is down\nconsole:\n%s", strings.Join(c.Args, " "), m.console.tail(60))
	}
	args := []string{
		"--target", strconv.Itoa(m.container.run.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
		"--root", "--wd", "--",
	}
	env := []string{
		"PATH=" + systemPath, "LANG=C.UTF-8", "HOME=/root",
		"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "SYSTEMD_URLIFY=0",
	}
	if c.User != "" {
		account := m.account(c.User)
		args = append(args, "setpriv", "--reuid="+account.uid, "--regid="+account.gid, "--init-groups", "--")
		env = append(env, "HOME="+account.home, "USER="+c.User, "XDG_RUNTIME_DIR=/run/user/"+account.uid)
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, c.Args...)...)
	cmd.Env = append(env, c.Env...)
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	// nsenter's child is in the machine's pid namespace, and still in the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, UseCgroupFD: true, CgroupFD: int(m.container.run.visitors.Fd()),
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
