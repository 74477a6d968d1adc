package peers

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 7 8 9 0 -1 4194560 1 2 3 4 50 60 11 22 20 0 1 0 777 1000 2"
	for _, name := range []string{"python3", "a b", ") (", "x) R 1 2"} {
		p, err := parseStat("42 (" + name + ")" + tail)
		if err != nil {
			t.Errorf("name %q: %v", name, err)
			continue
		}
		if want := (Process{PID: 42, parent: 7, session: 9, start: 777, ChildTicks: 33}); p != want {
			t.Errorf("name %q: %+v, want %+v", name, p, want)
		}
	}
	for _, text := range []string{"", "42 (x)", "42 (x) S 1 2", "x (x)" + tail} {
		if p, err := parseStat(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}

func TestFamily(t *testing.T) {
	table := []Process{
		{PID: 30, parent: 20, session: 10}, // grandchild, before its parent
		{PID: 20, parent: 10, session: 20},
		{PID: 10, parent: 1, session: 10},
		{PID: 40, parent: 1, session: 10}, // has lost its parent
		{PID: 50, parent: 1, session: 50},
		{PID: 60, parent: 50, session: 50},
	}
	var got []int
	for _, p := range family(table, []int{10}) {
		got = append(got, p.PID)
	}
	if want := []int{30, 20, 10, 40}; len(got) != len(want) || got[0] != 30 || got[1] != 20 || got[2] != 10 || got[3] != 40 {
		t.Errorf("family of 10: %v, want %v", got, want)
	}
}

// startShell starts a script as servers are started and waits for its first line.
func startShell(t *testing.T, script string) *child {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	c, err := startChild(cmd)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStopLeavesNothing(t *testing.T) {
	for name, script := range map[string]string{
		"obedient":           "sleep 60 & echo up; wait",
		"deaf":               "trap '' TERM; sleep 60 & echo up; wait",
		"deaf grandchild":    "(trap '' TERM; sleep 60 & sleep 60) & echo up; wait",
		"orphaned before":    "(sleep 60 & sleep 60 &); echo up; wait; sleep 60",
		"gone, child is not": "sleep 60 & echo up",
	} {
		t.Run(name, func(t *testing.T) {
			c := startShell(t, script)
			all, err := Family([]int{c.pid()})
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 0 {
				t.Fatal("no process was found: the test proves nothing")
			}
			if err := stopChildren([]*child{c}, 100*time.Millisecond); err != nil {
				t.Error(err)
			}
			if left := alive(all); len(left) > 0 {
				t.Errorf("still running: %+v", left)
			}
		})
	}
}
