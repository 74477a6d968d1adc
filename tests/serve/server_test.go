package serve_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// readyWithin bounds the time to the "serving" lines: two cores shared with
	// other tests, and Django to import.
	readyWithin = 30 * time.Second

	// stopWithin bounds a stop: a drain with nothing in flight, with room for a loaded machine.
	stopWithin = 15 * time.Second

	// testLimit ends a program that a broken test would leave behind.
	testLimit = 5 * time.Minute
)

// server is a running program as one test or subtest uses it.
type server struct {
	t *testing.T
	*program
}

// program is one running `wsgid run`.
type program struct {
	cmd       *exec.Cmd
	addresses []string // in the order they were printed: "127.0.0.1:4021" or a socket's path
	log       *logBook
	out       *logBook

	exited chan struct{} // closed once the program has ended
	err    error         // its end; only after exited is closed

	stopOnce sync.Once
}

// launch says how start runs the program.
type launch struct {
	dir       string   // working directory; empty means that of the test
	env       []string // added to the test's own environment
	listeners int      // addresses to wait for; 0 means one
	notReady  bool     // return without waiting for an address
	noListen  bool     // the arguments say where to listen without --listen
}

// start runs `wsgid run` with args on a free port of 127.0.0.1 (unless args name
// listeners themselves) and waits until it says that it serves.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	return startWith(t, launch{}, args...)
}

func startWith(t *testing.T, how launch, args ...string) *server {
	t.Helper()
	if !how.noListen && !slices.Contains(args, "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	args = append([]string{"run", "--python", python(), "--log-format", "json"}, args...)
	s := newServer(t, how, args)
	s.run()
	if !how.notReady {
		s.awaitAddresses(max(1, how.listeners))
	}
	return s
}

// in is the same program for a subtest: what goes wrong there ends that subtest only.
func (s *server) in(t *testing.T) *server { return &server{t, s.program} }

func newServer(t *testing.T, how launch, args []string) *server {
	s := &server{t, &program{log: newLogBook(), out: newLogBook(), exited: make(chan struct{})}}
	s.cmd = exec.Command(os.Getenv(binaryVariable), args...)
	s.cmd.Dir = how.dir
	s.cmd.Env = append(os.Environ(), how.env...)
	// A session of its own names everything the program starts, even what lost its parent.
	// Should the tests themselves be killed, the program goes with them: their threads
	// live as long as they do, since none is locked to a goroutine that ends.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return s
}

func (s *server) run() {
	s.t.Helper()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go s.wait(stdout, stderr)
	limit := time.AfterFunc(testLimit, func() { killSession(s.cmd.Process.Pid) })
	s.t.Cleanup(func() {
		s.stop()
		limit.Stop()
	})
}

// wait reads both streams to their end before it reaps: Wait closes the pipes.
func (s *program) wait(stdout, stderr io.Reader) {
	var readers sync.WaitGroup
	readers.Go(func() { collect(stdout, s.out) })
	readers.Go(func() { collect(stderr, s.log) })
	readers.Wait()
	s.err = s.cmd.Wait()
	close(s.exited)
}

func collect(r io.Reader, book *logBook) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			book.add(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			book.close()
			return
		}
	}
}

// addressPattern finds where a "serving" line says that it serves.
var addressPattern = regexp.MustCompile(`(?:https?://|unix:)[^\s,;)]+`)

func servedAddresses(line string) []string {
	if !strings.Contains(line, "serving") {
		return nil
	}
	var found []string
	for _, address := range addressPattern.FindAllString(line, -1) {
		for _, scheme := range []string{"http://", "https://", "unix:"} {
			address = strings.TrimPrefix(address, scheme)
		}
		found = append(found, strings.TrimSuffix(address, "/"))
	}
	return found
}

func (s *server) awaitAddresses(count int) {
	s.t.Helper()
	enough := func(lines []string) bool {
		s.addresses = nil
		for _, line := range lines {
			for _, address := range servedAddresses(line) {
				if !slices.Contains(s.addresses, address) {
					s.addresses = append(s.addresses, address)
				}
			}
		}
		return len(s.addresses) >= count
	}
	if !s.out.await(readyWithin, enough) {
		s.stop()
		s.t.Fatalf("no %d addresses within %v\nstdout:\n%s\nlog:\n%s", count, readyWithin, s.out, s.log)
	}
}

// address is the first one the server answers on.
func (s *program) address() string { return s.addresses[0] }

func (s *program) pid() int { return s.cmd.Process.Pid }

func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
}

// awaitExit reports whether the program ended in time.
func (s *program) awaitExit(limit time.Duration) bool {
	select {
	case <-s.exited:
		return true
	case <-time.After(limit):
		return false
	}
}

// stop sends SIGINT as Ctrl-C does and asserts that the program ends with status
// 0 and that nothing it started is left. Every test ends with it.
func (s *server) stop() {
	s.stopOnce.Do(func() {
		s.t.Helper()
		s.signal(os.Interrupt)
		if !s.awaitExit(stopWithin) {
			killSession(s.pid())
			s.t.Errorf("still running %v after SIGINT", stopWithin)
			<-s.exited
		} else if s.err != nil {
			s.t.Errorf("after SIGINT: %v", s.err)
		}
		s.assertNothingLeft()
		s.showLogOfFailure()
	})
}

// ended is for a test that ends the program its own way: stop has nothing more to do
// than to look for what is left.
func (s *server) ended() {
	s.stopOnce.Do(func() {
		s.t.Helper()
		if !s.awaitExit(stopWithin) {
			killSession(s.pid())
			s.t.Errorf("still running after %v", stopWithin)
			<-s.exited
		}
		s.assertNothingLeft()
		s.showLogOfFailure()
	})
}

// assertNothingLeft may run when the program has ended: a child that was its
// own is then dead or left behind. A worker that was killed as it began has left
// the child that compiles its program, which ends by itself in a moment.
func (s *server) assertNothingLeft() {
	s.t.Helper()
	left := sessionMembers(s.pid())
	for limit := time.Now().Add(time.Second); len(left) > 0 && time.Now().Before(limit); left = sessionMembers(s.pid()) {
		time.Sleep(10 * time.Millisecond)
	}
	if len(left) > 0 {
		for _, p := range left {
			s.t.Errorf("left behind: %d %s", p.pid, p.command)
		}
		killSession(s.pid())
	}
}

func (s *server) showLogOfFailure() {
	if s.t.Failed() {
		s.t.Logf("%s\nstdout:\n%s\nlog:\n%s", strings.Join(s.cmd.Args, " "), s.out, s.log.tail(80))
	}
}
