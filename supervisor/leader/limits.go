package leader

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// limits are those that a worker process puts on itself before it becomes the
// interpreter (setrlimit(2)); 0 means none. They are never put on the leader.
type limits struct {
	CPU     uint64 `json:"cpu,omitempty"`      // seconds until SIGXCPU
	CPUHard uint64 `json:"cpu_hard,omitempty"` // seconds until SIGKILL
	Data    uint64 `json:"data,omitempty"`     // bytes
	Address uint64 `json:"address,omitempty"`  // bytes
}

// limits of the group. A process whose CPU time is used up has a second more and
// shutdown-timeout, as in mod_wsgi; the kernel counts in whole seconds.
func (l *Leader) limits() limits {
	g := l.options.Group
	s := limits{Data: uint64(g.MemoryLimit), Address: uint64(g.VirtualMemoryLimit)}
	if g.CPUTimeLimit > 0 {
		s.CPU = wholeSeconds(g.CPUTimeLimit)
		s.CPUHard = s.CPU + 1 + wholeSeconds(g.ShutdownTimeout)
	}
	return s
}

func wholeSeconds(d time.Duration) uint64 { return uint64((d + time.Second - 1) / time.Second) }

// apply sets the limits on this process. After it there may be no room for Go's
// own memory: makeRoom comes first, and nothing but exec or the report of an
// error may follow.
func (s limits) apply() error {
	for _, limit := range []struct {
		key      string
		resource int
		name     string
		soft     uint64
		hard     uint64
	}{
		{"cpu-time-limit", unix.RLIMIT_CPU, "CPU", s.CPU, s.CPUHard},
		{"memory-limit", unix.RLIMIT_DATA, "DATA", s.Data, s.Data},
		{"virtual-memory-limit", unix.RLIMIT_AS, "AS", s.Address, s.Address},
	} {
		if limit.soft == 0 {
			continue
		}
		if err := unix.Setrlimit(limit.resource, &unix.Rlimit{Cur: limit.soft, Max: limit.hard}); err != nil {
			return fmt.Errorf("cannot set %s: RLIMIT_%s of %d: %w%s", limit.key, limit.name, limit.hard, err, lowerLimit(limit.resource, limit.hard, limit.name))
		}
	}
	return nil
}

// lowerLimit names what allows less than is wanted, if that is the trouble.
func lowerLimit(resource int, want uint64, name string) string {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil || now.Max >= want {
		return ""
	}
	return "\nhint: this process may have at most " + strconv.FormatUint(now.Max, 10) + " (Limit" + name + "= of its unit)"
}

// room is more than exec and an error need: copies of the arguments and of the
// environment, which the settings' message bounds.
const room = 4 << 20

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
