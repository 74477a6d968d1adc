package boot_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/tests/boot"
)

// victimVariable makes TestKilled the one that is to be killed.
const victimVariable = "WSGID_BOOT_VICTIM"

// TestKilled ends tests in the ways that run no cleanup, and looks for what they leave.
func TestKilled(t *testing.T) {
	const proves = "a machine ends with its tests, however those end"
	chosen := boot.Need(t, proves)
	if os.Getenv(victimVariable) != "" {
		beVictim(boot.Boot(t, chosen[0], proves))
	}
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		t.Run(unix.SignalName(signal), func(t *testing.T) { testKilled(t, signal) })
	}
}

// beVictim is what a test run looks like when someone ends it.
func beVictim(m *boot.Machine) {
	m.MustRun("systemd-run", "--unit=case", "sleep", "1000")
	fmt.Printf("booted %d\n", os.Getpid())
	select {}
}

func testKilled(t *testing.T, signal syscall.Signal) {
	victim := startVictim(t)
	processes := descendants(t, victim.Process.Pid)
	if len(processes) < 5 {
		t.Fatalf("a machine of %d processes: %v", len(processes), processes)
	}
	if len(cgroups(t, victim.Process.Pid)) == 0 {
		t.Log("this host has cgroup2 mounted nowhere: not proved that a machine's cgroup goes")
	}
	if err := victim.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(within)
	for pid, fd := range processes {
		if !awaitEnd(t, fd, deadline) {
			t.Errorf("process %d is left", pid)
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
	for _, dir := range cgroups(t, victim.Process.Pid) {
		t.Errorf("cgroup %s is left", dir)
	}
}

// startVictim returns once the machine is up.
func startVictim(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestKilled$", "-test.v")
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var said []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		said = append(said, lines.Text())
		if lines.Text() == fmt.Sprintf("booted %d", cmd.Process.Pid) {
			return cmd
		}
	}
	t.Fatalf("no machine:\n%s", strings.Join(said, "\n"))
	return nil
}

// descendants holds every process below pid, by its number.
func descendants(t *testing.T, pid int) map[int]int {
	t.Helper()
	found := map[int]int{}
	open := []int{pid}
	for len(open) > 0 {
		parent := open[0]
		open = open[1:]
		for _, child := range children(t, parent) {
			fd, err := unix.PidfdOpen(child, 0)
			if errors.Is(err, unix.ESRCH) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Close(fd) })
			found[child] = fd
			open = append(open, child)
		}
	}
	return found
}

func children(t *testing.T, pid int) []int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// A name in parentheses, which may hold blanks, stands before the state and the parent.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
		var state string
		var parent, child int
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(text), &child); err != nil {
			t.Fatal(err)
		}
		if parent == pid {
			found = append(found, child)
		}
	}
	return found
}

// awaitEnd reports whether the process ended in time.
func awaitEnd(t *testing.T, pidfd int, deadline time.Time) bool {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		ready, err := unix.Poll(poll, int(max(0, time.Until(deadline)).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return ready == 1
	}
}

// cgroups are those that tests with this process id made, wherever this host has cgroup2.
func cgroups(t *testing.T, pid int) []string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if fields[2] != "cgroup2" {
			continue
		}
		dirs, err := filepath.Glob(fmt.Sprintf("%s/wsgid-boot-%d-*", fields[1], pid))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, dirs...)
	}
	return left
}
