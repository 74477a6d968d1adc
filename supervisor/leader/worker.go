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
	"github.com/wsgid/wsgid/units/site"
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

// become checks, applies, and executes the interpreter with the worker program.
func (s *setup) become() error {
	if err := s.apply(); err != nil {
		return err
	}
	text, err := pyworker.Program()
	if err != nil {
		return err
	}
	program, err := memoryFile("wsgid-worker", text)
	if err != nil {
		return err
	}
	IgnoreSignals() // what is ignored stays so over exec (execve(2))
	return s.exec(pyworker.Bootstrap(program))
}

// apply checks and applies what can be before the interpreter runs.
func (s *setup) apply() error {
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
	return nil
}

// exec becomes the interpreter. The padding gives the process's title room in its
// argument area.
func (s *setup) exec(bootstrap string) error {
	argv := slices.Concat([]string{s.Python}, s.Flags, []string{"-c", bootstrap, strings.Repeat(" ", 64)})
	return s.Limits.exec(s.Python, argv, s.Env)
}

// memoryFile returns a descriptor of text that the interpreter inherits.
func memoryFile(name string, text []byte) (int, error) {
	fd, err := unix.MemfdCreate(name, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot make room for %s: %w", name, err)
	}
	for written := 0; written < len(text); {
		n, err := unix.Pwrite(fd, text[written:], int64(written))
		if err != nil {
			return -1, fmt.Errorf("cannot write %s: %w", name, err)
		}
		written += n
	}
	return fd, nil
}

// processName is how people see a process: display-name, or "wsgid: worker
// SITE:GROUP".
func (l *Leader) processName() string {
	return displayName(l.options.Group, "wsgid: worker "+l.options.Site.Name+":"+l.options.Group.Name)
}

// displayName is display-name, or what a group without it is called.
func displayName(g *site.Group, without string) string {
	if g.DisplayName == "" {
		return without
	}
	// mod_wsgi writes %{GROUP} as (wsgi:NAME).
	return strings.ReplaceAll(g.DisplayName, "%{GROUP}", "(wsgi:"+g.Name+")")
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
