package serve_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one entry of /proc, proc(5).
type process struct {
	pid, parent, session int
	state                string
	command              string
}

// readProcess fails when the process is gone.
func readProcess(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The name stands in parentheses and may hold anything: fields count from the last one.
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 4 {
		return process{}, fmt.Errorf("cannot read the stat of %d: %q", pid, text)
	}
	p := process{pid: pid, state: fields[0], command: commandLine(pid)}
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	return p, nil
}

func commandLine(pid int) string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " "))
}

// sessionMembers are the living processes of a session.
func sessionMembers(session int) []process {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	var members []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		p, err := readProcess(pid)
		if err == nil && p.session == session && p.state != "Z" {
			members = append(members, p)
		}
	}
	return members
}

// awaitStopped waits until every thread of a process has obeyed SIGSTOP: one that runs may
// finish what it does first.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(tasks) == 0 || time.Since(begun) > readyWithin {
			t.Fatalf("process %d does not stop", pid)
		}
		running := slices.ContainsFunc(tasks, func(task string) bool {
			stat, err := os.ReadFile(task)
			return err == nil && !bytes.Contains(stat, []byte(") T "))
		})
		if !running {
			return
		}
	}
}

func killSession(session int) {
	for _, p := range sessionMembers(session) {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}

// workers are the Python processes of the server.
func (s *server) workers() []int {
	var pids []int
	for _, p := range sessionMembers(s.pid()) {
		executable, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
		if err == nil && strings.Contains(filepath.Base(executable), "python") {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// proportionalSize is the memory of a process in KiB, shared pages divided among
// those that share them. Kernels before 4.14 have no smaps_rollup.
func proportionalSize(pid int) (int, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, fmt.Errorf("no Pss in smaps_rollup of %d", pid)
}

// memoryOf is proportionalSize of a process that must be alive.
func memoryOf(t *testing.T, pid int) int {
	t.Helper()
	size, err := proportionalSize(pid)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// memory is the memory in KiB of every process of the server, by pid.
func (s *server) memory() map[int]int {
	s.t.Helper()
	sizes := map[int]int{}
	for _, p := range sessionMembers(s.pid()) {
		sizes[p.pid] = memoryOf(s.t, p.pid)
	}
	return sizes
}

// threadCount is the number of threads of a process.
func threadCount(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}
