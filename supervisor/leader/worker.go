package leader

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/pyworker"
)

// controlFD is a worker process's descriptor to the leader, a SOCK_SEQPACKET
// socket; the fault handler writes to the next one. Python uses the same.
const controlFD = 3

// setup is what a worker process does before it becomes the interpreter.
type setup struct {
	Python  string   `json:"python"`
	Flags   []string `json:"flags"` // of the interpreter
	Env     []string `json:"env"`
	Home    string   `json:"home"`  // "" stays where the leader is
	Umask   int      `json:"umask"` // -1 leaves it
	Scripts []string `json:"scripts"`
	Limits  limits   `json:"limits"`
}

// RunWorker is `wsgid worker`: it reads its settings from the leader, checks
// and applies them and executes the interpreter. It returns only on failure,
// which it has reported to the leader then.
func RunWorker() error {
	buf := make([]byte, maxFromWorker)
	n, _, err := unix.Recvfrom(controlFD, buf, 0)
	if err != nil {
		return fmt.Errorf("cannot read settings from descriptor %d: %w (wsgid starts this command itself)", controlFD, err)
	}
	var s setup
	if err := json.Unmarshal(buf[:n], &s); err != nil {
		return fmt.Errorf("cannot read settings: %w", err)
	}
	err = s.become()
	report := append([]byte("failed\x00"), err.Error()...)
	return errors.Join(err, unix.Send(controlFD, report, unix.MSG_NOSIGNAL))
}

// become checks, applies, and executes the interpreter.
func (s *setup) become() error {
	if s.Umask >= 0 {
		unix.Umask(s.Umask)
	}
	if s.Home != "" {
		if err := os.Chdir(s.Home); err != nil {
			return fmt.Errorf("cannot enter home: %w", err)
		}
	}
	for _, script := range s.Scripts {
		if err := unix.Access(script, unix.R_OK); err != nil {
			return fmt.Errorf("cannot read script %s: %w", script, err)
		}
	}
	if err := unix.Access(s.Python, unix.X_OK); err != nil {
		return fmt.Errorf("cannot execute the interpreter %s: %w", s.Python, err)
	}
	program, err := openProgram()
	if err != nil {
		return err
	}
	IgnoreSignals() // what is ignored stays so over exec (execve(2))
	// The padding gives the process's title room in its argument area.
	argv := slices.Concat([]string{s.Python}, s.Flags, []string{"-c", pyworker.Bootstrap(program), strings.Repeat(" ", 64)})
	return s.Limits.exec(s.Python, argv, s.Env)
}

// openProgram returns a descriptor of the Python program that the interpreter
// inherits.
func openProgram() (int, error) {
	program, err := pyworker.Program()
	if err != nil {
		return -1, err
	}
	fd, err := unix.MemfdCreate("wsgid-worker", 0)
	if err != nil {
		return -1, fmt.Errorf("cannot make room for the worker program: %w", err)
	}
	for written := 0; written < len(program); {
		n, err := unix.Pwrite(fd, program[written:], int64(written))
		if err != nil {
			return -1, fmt.Errorf("cannot write the worker program: %w", err)
		}
		written += n
	}
	return fd, nil
}

// processName is how people see a process: display-name, or "wsgid: worker
// SITE:GROUP".
func (l *Leader) processName() string {
	if name := l.options.Group.DisplayName; name != "" {
		// mod_wsgi writes %{GROUP} as (wsgi:NAME).
		return strings.ReplaceAll(name, "%{GROUP}", "(wsgi:"+l.options.Group.Name+")")
	}
	return "wsgid: worker " + l.options.Site.Name + ":" + l.options.Group.Name
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
