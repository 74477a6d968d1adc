package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUsageCountsReapedChildren(t *testing.T) {
	// The inner shell has ended, and its parent has waited for it, when "up" comes.
	busy := "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; echo up; sleep 60"
	cmd := exec.Command("/bin/sh", "-c", busy)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	}()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	got, err := usageOf([]int{cmd.Process.Pid})
	if err != nil {
		t.Error(err)
	}
	if own := cpuClock(cmd.Process.Pid); got.cpu-own < 10*time.Millisecond {
		t.Errorf("%v in all, %v without the ended child", got.cpu, own)
	}
	if got.switches == 0 {
		t.Error("no switches were counted")
	}
}

func TestCPUClockAgreesWithRusage(t *testing.T) {
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	clock := cpuClock(os.Getpid())
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	// Other threads run on meanwhile, and rusage is scaled to microseconds.
	const slack = 20 * time.Millisecond
	if clock < rusageTime(before)-slack || clock > rusageTime(after)+slack {
		t.Errorf("clock %v, rusage %v to %v", clock, rusageTime(before), rusageTime(after))
	}
}

func rusageTime(r unix.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestPSS(t *testing.T) {
	if got := sizeLine("Rss:   900 kB\nPss:    402 kB\nPss_Dirty: 1 kB\n", "Pss:"); got != 402 {
		t.Errorf("Pss line: %d", got)
	}
	mib, err := pssOf([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	// What is shared counts in part, so it is at most what is resident; a tenth is
	// for what changes meanwhile.
	if resident := float64(sizeLine(string(status), "VmRSS:")) / 1024; mib < 0.5 || mib > 1.1*resident {
		t.Errorf("own memory: %v MiB of %v resident", mib, resident)
	}
	if _, err := pssOf([]int{1 << 30}); err == nil || !strings.Contains(err.Error(), "cannot read the memory") {
		t.Errorf("memory of no process: %v", err)
	}
}
