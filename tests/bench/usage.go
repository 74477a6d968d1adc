package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/tests/peers"
)

// ticksPerSecond is USER_HZ, 100 on every architecture Debian has Go for (time(7)).
const ticksPerSecond = 100

// usage is what a server's processes have consumed since they started.
type usage struct {
	cpu      time.Duration
	switches int64 // how often its threads were given a processor
}

// usageOf sums over the processes of roots (see peers.Family).
func usageOf(roots []int) (usage, error) {
	family, err := peers.Family(roots)
	if err != nil {
		return usage{}, err
	}
	var sum usage
	for _, p := range family {
		sum.cpu += cpuClock(p.PID) + time.Duration(p.ChildTicks)*time.Second/ticksPerSecond
		sum.switches += switches(p.PID)
	}
	return sum, nil
}

// cpuClock reads a process's CPU-time clock; zero if it has ended. The clock's
// number is made as clock_getcpuclockid(3) makes it: the complement of the pid,
// shifted over the three bits that here say "whole process, exact time".
func cpuClock(pid int) time.Duration {
	const wholeProcessExact = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|wholeProcessExact), &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// switches sums the third field of schedstat over the threads now alive.
func switches(pid int) int64 {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid)) // the pattern is well formed
	var sum int64
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			n, _ := strconv.ParseInt(fields[2], 10, 64) // the kernel prints nothing but numbers
			sum += n
		}
	}
	return sum
}

// pssOf is the proportional set size of a server's processes, in MiB.
func pssOf(roots []int) (float64, error) {
	family, err := peers.Family(roots)
	if err != nil {
		return 0, err
	}
	var kib int64
	for _, p := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.PID))
		if err != nil {
			continue // ended meanwhile
		}
		kib += sizeLine(string(text), "Pss:")
	}
	if kib == 0 {
		return 0, fmt.Errorf("cannot read the memory of processes %v", roots)
	}
	return float64(kib) / 1024, nil
}

// sizeLine finds "Pss:   123 kB" in the text of smaps_rollup or status; 0 if it is
// not there.
func sizeLine(text, name string) int64 {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[1], 10, 64) // see switches
			return n
		}
	}
	return 0
}

// settledPSS is what settle makes of pssOf.
func settledPSS(roots []int) (float64, error) {
	return settle(func() (float64, error) { return pssOf(roots) })
}

// settle waits until a figure, in MiB, has stopped moving, for at most three
// seconds: the second process may still be starting when the first answers.
func settle(look func() (float64, error)) (float64, error) {
	const step, still = 100 * time.Millisecond, 5
	last, err := look()
	for calm, n := 0, 0; err == nil && calm < still && n < 30; n++ {
		time.Sleep(step)
		var now float64
		now, err = look()
		if calm++; now-last > 0.1 || last-now > 0.1 {
			calm = 0
		}
		last = now
	}
	return last, err
}
