package boot

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// holder is a machine's keeper seen from the tests.
type holder struct {
	cmd    *exec.Cmd
	stdin  io.Closer // closing it ends the keeper
	report *os.File
	name   string   // of the machine's cgroup
	cgroup *os.File // that cgroup
}

// hold starts a keeper for a machine over the tree and returns when it is prepared.
func hold(tree string) (*holder, error) {
	name := fmt.Sprintf("wsgid-boot-%d-%d", os.Getpid(), time.Now().UnixNano())
	settings, err := json.Marshal(keeperSettings{Tree: tree, Cgroup: name})
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	h := &holder{report: reader, name: name, cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = append(os.Environ(), keeperVariable+"="+string(settings))
	h.cmd.ExtraFiles = []*os.File{writer}
	// In a session of its own it does not see the Ctrl-C that ends the tests, only
	// their end. Go makes mounts private when it unshares the namespace.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNS}
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	if err := h.cmd.Start(); err != nil {
		reader.Close()
		return nil, &unavailable{fmt.Sprintf("cannot make a mount namespace (%v)", err)}
	}
	if line := h.line(); line != "ready" {
		return nil, h.failure(line)
	}
	if h.cgroup, err = h.openCgroup(name); err != nil {
		return nil, errors.Join(err, h.release())
	}
	return h, nil
}

// openCgroup opens a cgroup by its path below the root of cgroup2.
func (h *holder) openCgroup(path string) (*os.File, error) {
	return os.Open(filepath.Join(h.root(), cgroupRoot, path))
}

// line is what the keeper reports: one line, and after "ready" perhaps one more.
// Nothing is lost between two of them, since the second comes after release.
func (h *holder) line() string {
	line, _ := bufio.NewReader(h.report).ReadString('\n')
	return strings.TrimSpace(line)
}

func (h *holder) failure(line string) error {
	h.stdin.Close()
	h.report.Close()
	h.cmd.Wait()
	if h.cmd.ProcessState.ExitCode() == exitUnavailable {
		return &unavailable{line}
	}
	return fmt.Errorf("cannot prepare a machine: %v: %s", h.cmd.ProcessState, line)
}

// release ends the machine and everything in it.
func (h *holder) release() error {
	h.cgroup.Close()
	h.stdin.Close()
	line := h.line()
	h.report.Close()
	if err := h.cmd.Wait(); err != nil {
		return fmt.Errorf("cannot end a machine: %w: %s", err, line)
	}
	return nil
}

// root is the keeper's view of the file system, as a path of the host.
func (h *holder) root() string { return fmt.Sprintf("/proc/%d/root", h.cmd.Process.Pid) }

// command is a program of the host in the keeper's mount namespace.
func (h *holder) command(ctx context.Context, args ...string) *exec.Cmd {
	namespace := fmt.Sprintf("--mount=/proc/%d/ns/mnt", h.cmd.Process.Pid)
	return exec.CommandContext(ctx, "nsenter", append([]string{namespace, "--"}, args...)...)
}
