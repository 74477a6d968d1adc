// Package memory gives back what a process needed to start and does not need
// to serve: a site at rest should cost little.
package memory

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// settling is how long what runs beside a step of Rest may still take: the first
// requests beside the word that a start is over, the sweeper beside the end of a
// collection. What those use after the step would be mapped again, and stay.
const settling = 100 * time.Millisecond

// Rest has this process give back, after work that comes once, what that took. The
// zero Rest is ready for use, by several goroutines.
//
// The heap's free pages go back to the system. Then the program's own file is taken
// out of the page tables: start-up code and the neighbours that the kernel maps with
// every page read (fault-around) are then counted no more. What is used again is
// mapped again from the page cache, a minor fault for each 64 KiB. Nothing depends
// on its success.
type Rest struct {
	mu    sync.Mutex
	timer *time.Timer
}

// Soon says that such work is over: the process rests once that has settled. It
// does not wait.
func (r *Rest) Soon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer == nil {
		r.timer = time.AfterFunc(settling, freeHeap)
		return
	}
	r.timer.Reset(settling)
}

func freeHeap() {
	debug.FreeOSMemory()
	time.AfterFunc(settling, unmapProgram)
}

func unmapProgram() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, r := range readOnly(maps, program) {
		unmap(r)
	}
}

type addresses struct{ from, to uintptr }

// readOnly finds the mappings of a file that are not writable: those have no
// changes that could be lost (proc(5), /proc/pid/maps).
func readOnly(maps io.Reader, file string) []addresses {
	var found []addresses
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || strings.Join(fields[5:], " ") != file || strings.Contains(fields[1], "w") {
			continue
		}
		first, last, _ := strings.Cut(fields[0], "-")
		from, fromErr := strconv.ParseUint(first, 16, 64)
		to, toErr := strconv.ParseUint(last, 16, 64)
		if fromErr == nil && toErr == nil && from < to {
			found = append(found, addresses{uintptr(from), uintptr(to)})
		}
	}
	return found
}

// unmap drops the pages of a mapping; the mapping stays (madvise(2)).
func unmap(r addresses) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED)
}
