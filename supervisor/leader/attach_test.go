package leader

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

func TestHandshake(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	b := r.attach(7)
	if b.hello.Version != wire.LinkVersion || b.hello.PID != os.Getpid() || b.hello.Generation != 0 || b.hello.Process != 0 || len(b.hello.Descriptors) != 1 {
		t.Errorf("hello: %+v", b.hello)
	}
	proof, err := unix.GetsockoptUcred(b.hello.Descriptors[0], unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || proof.Uid != uint32(os.Getuid()) || proof.Pid != int32(os.Getpid()) {
		t.Errorf("the socket in hello shows %+v, %v", proof, err)
	}
	threads, pid := r.ready(1)
	r.expect(wire.GroupReady)
	if got, want := threads[0].get(""), fmt.Sprint(pid, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.system.wait("READY=1", 1)
	r.system.wait("STATUS=generation 7: 1 of 1 processes ready", 1)
	b.die()
	r.log.wait(t, "the supervisor has gone")
	r.system.wait("STATUS=generation 7: no supervisor; ending in 20s unless one attaches", 1)
	if again := r.attach(8); again.hello.Generation != 7 || again.hello.Process != 1 {
		t.Errorf("the second hello: %+v", again.hello)
	}
	r.system.wait("STATUS=generation 8: 1 of 1 processes ready", 1)
	r.tell(wire.Message{Type: wire.Shutdown})
	r.checkEnd()
	if n := r.system.count("READY=1"); n != 1 {
		t.Errorf("READY=1 was sent %d times", n)
	}
	r.system.wait("STOPPING=1", 1)
	if record := r.log.with("the supervisor has gone"); !strings.Contains(record[0], "generation=7") {
		t.Errorf("logged: %s", record)
	}
}

// replayed are the messages about what the leader has, until GroupReady.
func (b *boss) replayed() []string {
	b.rig.t.Helper()
	var got []string
	for {
		m := b.next("anything", func(wire.Message) bool { return true })
		got = append(got, fmt.Sprintf("%s %d", m.Type, m.Process))
		for own := range slices.Chunk(m.Descriptors, wire.ThreadDescriptors) {
			b.threads = append(b.threads, newWorkerThread(b.rig.t, own))
		}
		if m.Type == wire.GroupReady {
			return got
		}
	}
}

// TestReplay: another supervisor hears of each process what the first one did,
// in the same order.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, func(o *Options) { o.Group.Processes, o.Group.Threads = 2, 3 })
	first := r.attach(1)
	for process := 1; process <= 2; process++ {
		threads, _ := r.ready(process)
		threads[0].get("") // two of three threads run then
		r.expectOf(wire.ThreadIdent, process)
	}
	r.expect(wire.GroupReady)
	first.die()
	r.log.wait(t, "the supervisor has gone")
	// So that all is there when the next one comes.
	time.Sleep(200 * time.Millisecond)
	got := r.attach(2).replayed()
	want := []string{
		"process-started 1", "threads 1", "thread-ident 1", "thread-ident 1", "process-ready 1",
		"process-started 2", "threads 2", "thread-ident 2", "thread-ident 2", "process-ready 2",
		"group-ready 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for i, thread := range r.threads {
		if answer := thread.get("body"); !strings.HasSuffix(answer, " body") {
			t.Errorf("thread %d answers %q", i, answer)
		}
	}
}

// TestReattachAtOnce: the next supervisor is there before the processes know
// that the first has gone.
func TestReattachAtOnce(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, func(o *Options) { o.Group.Processes, o.Group.Threads = 2, 4 })
	var pids [2]int
	for generation := 1; generation <= 10; generation++ {
		b := r.attach(generation)
		for process := 1; process <= 2; process++ {
			// The threads are announced before their process is ready, so that the
			// lowest is given the first request.
			threads, pid := r.ready(process)
			if before := pids[process-1]; before != 0 && before != pid {
				t.Fatalf("process %d is %d, and was %d", process, pid, before)
			}
			pids[process-1] = pid
			for i, thread := range threads {
				if got, want := thread.get("x"), fmt.Sprint(pid, " x"); got != want {
					t.Fatalf("generation %d, process %d, thread %d answers %q, want %q", generation, process, i, got, want)
				}
			}
		}
		r.expect(wire.GroupReady)
		b.die()
	}
}

// streaming writes until it fails, and says so in the log.
const streaming = `
import os, sys
def application(environ, start_response):
    if environ.get('QUERY_STRING') != 'stream':
        start_response('200 OK', [])
        return [str(os.getpid()).encode(), b' ', environ['wsgi.input'].read()]
    return stream(start_response)
def stream(start_response):
    start_response('200 OK', [])
    try:
        while True:
            yield b'x' * 65536
    finally:
        print('the iterator was closed', flush=True)
`

// TestRequestsOfADeadSupervisor: a response that nobody takes is given up, a
// body that does not come is an error, and the threads serve the next one.
func TestRequestsOfADeadSupervisor(t *testing.T) {
	t.Parallel()
	r := serve(t, streaming, func(o *Options) { o.Group.Threads = 4 })
	first := r.attach(1)
	threads, pid := r.ready(1)
	threads[0].requestFor("QUERY_STRING\x00stream\x00")
	if h, _, _, err := threads[0].frame(); err != nil || h.Kind != wire.Response {
		t.Fatalf("got %+v, %v", h, err)
	}
	threads[1].hold()
	first.die()
	r.log.wait(t, "the iterator was closed")
	r.attach(2)
	for i, thread := range r.offered(1, 4) {
		if got, want := thread.get(""), fmt.Sprint(pid, " "); got != want {
			t.Errorf("thread %d answers %q, want %q", i, got, want)
		}
	}
}

// TestBusyThread: a thread that is at work while supervisors change is offered
// when it is done.
func TestBusyThread(t *testing.T) {
	t.Parallel()
	r := serve(t, `
import os, time
def application(environ, start_response):
    while environ.get('QUERY_STRING') == 'wait' and not os.path.exists(__file__ + '.go'):
        time.sleep(0.01)
    start_response('200 OK', [])
    return [b'done']
`, func(o *Options) { o.Group.Threads = 2 })
	first := r.attach(1)
	threads, _ := r.ready(1)
	threads[0].requestFor("QUERY_STRING\x00wait\x00")
	r.next("the second thread's start", func(m wire.Message) bool { return m.Type == wire.ThreadIdent && m.Index == 1 })
	first.die()
	r.attach(2)
	m := r.expectOf(wire.ThreadsOffered, 1)
	if m.Index != 1 || len(m.Descriptors) != wire.ThreadDescriptors {
		t.Errorf("offered: %+v", m)
	}
	wire.CloseAll(m.Descriptors)
	r.expect(wire.GroupReady)
	if err := os.WriteFile(r.script+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m = r.expectOf(wire.ThreadsOffered, 1)
	if m.Index != 0 {
		t.Errorf("offered: %+v", m)
	}
	late := newWorkerThread(t, m.Descriptors)
	if got := late.get(""); got != "done" {
		t.Errorf("got %q", got)
	}
}

// TestDescriptorsOfManySupervisors cannot be parallel: it counts descriptors of
// this process, which is the leader.
func TestDescriptorsOfManySupervisors(t *testing.T) {
	r := serve(t, hello, func(o *Options) { o.Group.Processes, o.Group.Threads = 2, 5 })
	var pids [3]int
	counts := func() string {
		return fmt.Sprintln(openFiles(t, os.Getpid()), openFiles(t, pids[1]), openFiles(t, pids[2]))
	}
	var before string
	for generation := 1; generation <= 50; generation++ {
		b := r.attach(generation)
		for process := 1; process <= 2; process++ {
			threads, pid := r.ready(process)
			pids[process] = pid
			threads[0].get("")
			if generation%2 == 0 {
				threads[1].hold() // is at work when the supervisor dies
			}
		}
		r.expect(wire.GroupReady)
		b.die()
		if err := b.proof.Close(); err != nil {
			t.Fatal(err)
		}
		if generation%10 == 0 {
			// Some supervisors go before they have heard anything.
			r.dial().Close()
		}
		if generation == 2 {
			before = steady(counts, "")
		}
	}
	if after := steady(counts, before); after != before {
		t.Errorf("descriptors of the leader and its processes: %s, after two supervisors: %s", after, before)
	}
}

func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// steady is what value gives when it is want, or has not changed for a while.
func steady(value func() string, want string) string {
	last, since := value(), time.Now()
	for last != want && time.Since(since) < time.Second {
		time.Sleep(10 * time.Millisecond)
		if now := value(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// TestOneSupervisorAtATime: another one is greeted when the first has gone.
func TestOneSupervisorAtATime(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	first := r.attach(1)
	first.ready(1)
	conn := r.dial()
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !os.IsTimeout(err) {
		t.Fatalf("the second supervisor reads %d bytes, %v", n, err)
	}
	first.die()
	second := greet(r, conn)
	r.boss = second
	r.tell(wire.Message{Type: wire.Attach, Generation: 2})
	threads, _ := r.ready(1)
	threads[0].get("")
}

func TestTooManyWait(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	r.attach(1)
	r.expect(wire.GroupReady)
	for range maxWaiting {
		defer r.dial().Close()
	}
	conn := r.dial()
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many reads %d bytes, %v", n, err)
	}
}

// TestSupervisorThatBreaksTheRules is let go; the processes stay.
func TestSupervisorThatBreaksTheRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		say  []wire.Message
		want string
	}{
		"no attach":    {[]wire.Message{{Type: wire.Shutdown}}, `cannot handle control message "shutdown": a supervisor attaches first`},
		"attach twice": {[]wire.Message{{Type: wire.Attach, Generation: 1}, {Type: wire.Attach, Generation: 2}}, `cannot handle control message "attach"`},
		"nonsense":     {[]wire.Message{{Type: wire.Attach, Generation: 1}, {Type: "nonsense"}}, `cannot handle control message "nonsense"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, hello, nil)
			b := greet(r, r.dial())
			for _, m := range c.say {
				if err := b.control.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			r.log.wait(t, c.want)
			for range b.messages { // until the leader closes
			}
			r.attach(3)
			r.ready(1)
		})
	}
}

// TestAbandoned: a process that was to be replaced is ended when there is
// another, whoever the supervisor is then.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	r := serve(t, `
import os, time
while os.path.exists(__file__ + '.wait'):
    time.sleep(0.01)
`+hello, nil)
	first := r.attach(1)
	r.ready(1)
	wait := r.script + ".wait"
	if err := os.WriteFile(wait, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.tell(wire.Message{Type: wire.Replace, Process: 1})
	r.expectOf(wire.ProcessStarted, 2)
	first.die()
	r.attach(2)
	threads, _ := r.ready(1)
	r.expect(wire.GroupReady)
	threads[0].get("") // it is not ended before its time
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	r.ready(2)
	if m := r.expectOf(wire.ProcessExited, 1); m.Text != "exit code 0" {
		t.Errorf("cause: %q", m.Text)
	}
}

// TestDiesWithoutASupervisor: what happens meanwhile is seen by the next one.
func TestDiesWithoutASupervisor(t *testing.T) {
	t.Parallel()
	r := serve(t, hello, nil)
	first := r.attach(1)
	_, pid := r.ready(1)
	first.die()
	r.log.wait(t, "the supervisor has gone")
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.log.wait(t, "worker process died")
	r.attach(2)
	threads, again := r.ready(2)
	if got, want := threads[0].get(""), fmt.Sprint(again, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.expect(wire.GroupReady)
}
