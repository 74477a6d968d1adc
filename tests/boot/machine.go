package boot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// bootWithin bounds a boot, which takes a second or two here.
	bootWithin = 2 * time.Minute

	// haltWithin bounds a clean end: above systemd's own 90 s for a unit that will not stop.
	haltWithin = 2 * time.Minute

	// rebooted is systemd-nspawn's exit status when the machine has rebooted and
	// --keep-unit leaves it to the caller to boot it again.
	rebooted = 133
)

// Machine is a Debian system in a container, booted with systemd, as one test or
// subtest uses it. Its methods end that test when they fail. It has a loopback
// interface and no other, and the users joe and jane.
type Machine struct {
	Release Release

	t T
	*container
}

// container is a machine apart from the test that uses it.
type container struct {
	holder  *holder
	console *recorder
	stopped sync.Once

	run *nspawn // the boot that goes on or was the last
}

// nspawn is one boot of a machine: one run of systemd-nspawn.
type nspawn struct {
	cmd    *exec.Cmd
	leader int           // the machine's PID 1, as the host counts; zero until it is up
	ended  chan struct{} // closed when the machine is down

	visitors *os.File // the cgroup of what tests run inside
}

func newMachine(release Release, tree string) (*Machine, error) {
	holder, err := hold(tree)
	if err != nil {
		return nil, err
	}
	return &Machine{Release: release, container: &container{holder: holder, console: &recorder{}}}, nil
}

// In is the same machine for a subtest: what goes wrong there ends that subtest only,
// shows what the machine has to say of it, and what was made there with WriteFile, Site
// or UserManager goes with it.
func (m *Machine) In(t T) *Machine {
	inner := &Machine{Release: m.Release, t: t, container: m.container}
	begun := time.Now()
	t.Cleanup(func() {
		if t.Failed() {
			inner.show(begun)
		}
	})
	return inner
}

// boot starts the machine and waits until systemd says that it is done.
func (m *Machine) boot() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bootWithin)
	defer cancel()
	if err := m.container.boot(ctx, m.Release.Name); err != nil {
		m.t.Fatalf("cannot boot %s: %v\nconsole:\n%s", m.Release.Name, err, m.console.tail(60))
	}
	// READY=1 has come when the last job of the start is done: this does not wait long.
	if state := m.Run("systemctl", "is-system-running", "--wait"); state.Stdout != "running\n" {
		m.t.Fatalf("%s is %s%s\n%s", m.Release.Name, state.Stdout, state.Stderr,
			m.Run("systemctl", "--failed", "--no-legend", "--plain").Stdout)
	}
}

func (c *container) boot(ctx context.Context, hostname string) error {
	notify, err := listenNotify()
	if err != nil {
		return err
	}
	defer notify.Close()
	cmd := c.holder.command(context.Background(), "systemd-nspawn",
		"--directory="+rootDir, "--machine="+hostname, "--boot", "--settings=no",
		// The host's PID 1 may not be systemd: no machined, no unit of its own.
		"--register=no", "--keep-unit",
		"--console=pipe", "--notify-ready=yes",
		"--private-network", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--capability=CAP_SYS_RESOURCE",
	)
	cmd.Env = []string{"PATH=" + systemPath, "NOTIFY_SOCKET=" + notify.address()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(c.holder.cgroup.Fd())}
	cmd.Stdout, cmd.Stderr = c.console, c.console
	if err := cmd.Start(); err != nil {
		return err
	}
	run := &nspawn{cmd: cmd, ended: make(chan struct{})}
	c.run = run
	go func() {
		cmd.Wait()
		close(run.ended)
	}()
	leader, err := notify.awaitReady(ctx, run.ended)
	if err != nil {
		return err
	}
	if run.visitors, err = c.visitors(leader); err != nil {
		return err
	}
	run.leader = leader
	return nil
}

// visitors makes a cgroup beside the machine's own slices. What runs outside of the
// machine's cgroup namespace is refused much from systemd 257 on.
func (c *container) visitors(leader int) (*os.File, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", leader))
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut("\n"+string(text), "\n0::")
	scope, _, _ := strings.Cut(rest, "\n")
	path := strings.TrimSuffix(scope, "/init.scope")
	if !strings.HasPrefix(path, "/"+c.holder.name+"/") {
		return nil, fmt.Errorf("the machine's cgroup is %q, not below /%s", scope, c.holder.name)
	}
	path += "/visitors"
	if err := os.MkdirAll(filepath.Join(c.holder.root(), cgroupRoot, path), 0o755); err != nil {
		return nil, err
	}
	return c.holder.openCgroup(path)
}

// running reports whether the machine is up.
func (c *container) running() bool {
	if c.run == nil || c.run.leader == 0 {
		return false
	}
	select {
	case <-c.run.ended:
		return false
	default:
		return true
	}
}

// Reboot ends the machine as `systemctl reboot` does and boots the same file system
// again; /run begins empty.
func (m *Machine) Reboot() {
	m.t.Helper()
	if status := m.halt("reboot"); status != rebooted {
		m.t.Fatalf("systemd-nspawn ended with %d, not %d\nconsole:\n%s", status, rebooted, m.console.tail(60))
	}
	m.boot()
}

// PowerOff ends the machine as `systemctl poweroff` does. Start boots it again.
func (m *Machine) PowerOff() {
	m.t.Helper()
	if status := m.halt("poweroff"); status != 0 {
		m.t.Fatalf("systemd-nspawn ended with %d\nconsole:\n%s", status, m.console.tail(60))
	}
}

// Start boots the machine after PowerOff.
func (m *Machine) Start() {
	m.t.Helper()
	m.boot()
}

// halt gives the exit status of systemd-nspawn.
func (m *Machine) halt(verb string) int {
	m.t.Helper()
	run := m.container.run
	m.Run("systemctl", "--no-block", verb) // its status is a matter of which ends first
	select {
	case <-run.ended:
	case <-time.After(haltWithin):
		m.t.Fatalf("still up %v after systemctl %s\nconsole:\n%s", haltWithin, verb, m.console.tail(60))
	}
	run.visitors.Close()
	return run.cmd.ProcessState.ExitCode()
}

// stop kills the machine: nothing in it is worth a shutdown.
func (m *Machine) stop() {
	m.stopped.Do(func() {
		if err := m.holder.release(); err != nil {
			m.t.Error(err)
		}
		if run := m.container.run; run != nil {
			<-run.ended
			run.visitors.Close()
		}
	})
}

// show adds what the machine has logged since then to the test's output.
func (m *Machine) show(since time.Time) {
	if !m.running() {
		m.t.Logf("the machine is down; its console:\n%s", m.console.tail(60))
		return
	}
	journal := m.Run("journalctl", "--no-pager", "--output=short-precise", "--lines=150",
		fmt.Sprintf("--since=@%d", since.Unix()))
	failed := m.Run("systemctl", "--failed", "--no-legend", "--plain")
	m.t.Logf("journal of %s:\n%s\nfailed units:\n%s", m.Release.Name, journal.Stdout, failed.Stdout)
}

// recorder keeps the end of a stream.
type recorder struct {
	mu   sync.Mutex
	text []byte
}

// recorded is how many bytes a recorder keeps at least.
const recorded = 64 << 10

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, p...)
	if len(r.text) > 2*recorded {
		r.text = append([]byte(nil), r.text[len(r.text)-recorded:]...)
	}
	return len(p), nil
}

func (r *recorder) tail(lines int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return tail(strings.ToValidUTF8(string(r.text), "?"), lines)
}
