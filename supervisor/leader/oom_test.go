package leader

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// events writes memory.events as the kernel does.
func (c *oomCounter) write(t *testing.T, oom, oomKill int) {
	t.Helper()
	text := fmt.Sprintf("low 0\nhigh 12\nmax 7\noom %d\noom_kill %d\noom_group_kill 0\n", oom, oomKill)
	if err := os.WriteFile(c.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		oom, oomKill int
		want         string
	}{
		{3, 2, "killed by the kernel: out of memory (MemoryMax)"},
		{2, 2, "killed by the kernel: out of memory"},
		{3, 1, "signal 9 (killed)"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			events := filepath.Join(t.TempDir(), "memory.events")
			r := newRig(t, hello, func(o *Options) { o.Listener, _ = slotSocket(t, shortDirectory(t)) })
			if r.err != nil {
				t.Fatal(r.err)
			}
			r.socket = r.leader.options.Listener.Addr().String()
			r.leader.oom.path = events
			r.leader.oom.write(t, 2, 1) // of the past
			r.run()
			r.attach(1)
			_, pid := r.ready(1)
			(&oomCounter{path: events}).write(t, c.oom, c.oomKill)
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if m := r.expectOf(wire.ProcessExited, 1); m.Text != c.want {
				t.Errorf("cause: %q, want %q", m.Text, c.want)
			}
		})
	}
}

// TestOOMCounter: each kill that is counted belongs to one exit, soon after it.
func TestOOMCounter(t *testing.T) {
	t.Parallel()
	c := oomCounter{path: filepath.Join(t.TempDir(), "memory.events")}
	if got := c.killed(); got != "" {
		t.Errorf("without a file: %q", got)
	}
	c.write(t, 1, 1)
	c.note()
	if got := c.killed(); got != "" {
		t.Errorf("a kill of the past counts: %q", got)
	}
	c.write(t, 2, 3)
	for i, want := range []string{"out of memory (MemoryMax)", "out of memory (MemoryMax)", ""} {
		if got := c.killed(); got != want {
			t.Errorf("exit %d: %q, want %q", i+1, got, want)
		}
	}
	c.write(t, 2, 5)
	if got := c.killed(); got != "out of memory" {
		t.Errorf("by a limit above: %q", got)
	}
	c.at = c.at.Add(-oomTogether - time.Millisecond)
	if got := c.killed(); got != "" {
		t.Errorf("long after a kill: %q", got)
	}
}
