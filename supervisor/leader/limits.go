package leader

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// limits are those that a worker process puts on itself before it becomes the
// interpreter (setrlimit(2)); 0 means none. They are never put on the leader.
type limits struct {
	CPU     uint64 `json:"cpu,omitempty"`      // seconds until SIGXCPU
	CPUHard uint64 `json:"cpu_hard,omitempty"` // seconds until SIGKILL
	Data    uint64 `json:"data,omitempty"`     // bytes
	Address uint64 `json:"address,omitempty"`  // bytes
}

// limitsOf a group. A process whose CPU time is used up has a second more and
// shutdown-timeout, as in mod_wsgi; the kernel counts in whole seconds.
func limitsOf(g *site.Group) limits {
	s := limits{Data: uint64(g.MemoryLimit), Address: uint64(g.VirtualMemoryLimit)}
	if g.CPUTimeLimit > 0 {
		s.CPU = wholeSeconds(g.CPUTimeLimit)
		s.CPUHard = s.CPU + 1 + wholeSeconds(g.ShutdownTimeout)
	}
	return s
}

func wholeSeconds(d time.Duration) uint64 { return uint64((d + time.Second - 1) / time.Second) }

// rlimits are the limits as the kernel takes them.
func (s limits) rlimits() []rlimit {
	all := []rlimit{
		{"cpu-time-limit", "CPU", unix.RLIMIT_CPU, unix.Rlimit{Cur: s.CPU, Max: s.CPUHard}},
		{"memory-limit", "DATA", unix.RLIMIT_DATA, unix.Rlimit{Cur: s.Data, Max: s.Data}},
		{"virtual-memory-limit", "AS", unix.RLIMIT_AS, unix.Rlimit{Cur: s.Address, Max: s.Address}},
	}
	return slices.DeleteFunc(all, func(r rlimit) bool { return r.value.Cur == 0 })
}

type rlimit struct {
	key, name string // in the site file, of the resource
	resource  uintptr
	value     unix.Rlimit
}

// exec sets the limits and becomes the interpreter, like syscall.Exec. It returns
// only on failure. Once the limits are set there may be no room for memory that
// Go wants from the kernel, which would end this process without a word: so all
// that takes memory is done before, and the limits are set with nothing but
// system calls behind them.
func (s limits) exec(path string, argv, env []string) error {
	all := s.rlimits()
	if len(all) == 0 {
		return cannotExecute(path, syscall.Exec(path, argv, env))
	}
	name, err := syscall.BytePtrFromString(path)
	arguments, argumentErr := syscall.SlicePtrFromStrings(argv)
	environment, environmentErr := syscall.SlicePtrFromStrings(env)
	if err = errors.Join(err, argumentErr, environmentErr); err != nil {
		return cannotExecute(path, err)
	}
	makeRoom()
	// There is no such program; but syscall.Exec also takes back what Go's start
	// has done to the limit of open files, for which there is no other way.
	_ = syscall.Exec("", nil, nil)
	failed, errno := -1, syscall.Errno(0)
	for i := range all {
		if _, _, errno = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, all[i].resource, uintptr(unsafe.Pointer(&all[i].value)), 0, 0, 0); errno != 0 {
			failed = i
			break
		}
	}
	if failed < 0 {
		_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(name)),
			uintptr(unsafe.Pointer(&arguments[0])), uintptr(unsafe.Pointer(&environment[0])))
		return cannotExecute(path, errno)
	}
	return all[failed].refused(errno)
}

func cannotExecute(path string, err error) error {
	return fmt.Errorf("cannot execute the interpreter %s: %w", path, err)
}

// refused says why a limit could not be set.
func (r *rlimit) refused(errno syscall.Errno) error {
	hint := ""
	var now unix.Rlimit
	if err := unix.Getrlimit(int(r.resource), &now); err == nil && now.Max < r.value.Max {
		hint = fmt.Sprintf("\nhint: this process may have at most %d (Limit%s= of its unit)", now.Max, r.name)
	}
	return fmt.Errorf("cannot set %s: RLIMIT_%s of %d: %w%s", r.key, r.name, r.value.Max, errno, hint)
}

// room is more than the report of an error takes.
const room = 16 << 20

// makeRoom gives the heap free memory that it can use without asking the kernel
// for more, and has no collection start threads that would.
func makeRoom() {
	block := make([]byte, room)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	runtime.KeepAlive(block)
	block = nil
	runtime.GC()
	debug.SetGCPercent(-1)
}
