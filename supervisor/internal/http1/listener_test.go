package http1

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shared is a listening socket of which systemd would have a copy: it outlives the
// listener.
func shared(t *testing.T) (ours net.Listener, inode string) {
	t.Helper()
	source, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	source.(*net.UnixListener).SetUnlinkOnClose(false)
	theirs, err := source.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", theirs.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return source, strings.Trim(strings.TrimPrefix(link, "socket:"), "[]")
}

func TestListenerPause(t *testing.T) {
	source, _ := shared(t)
	s := serveOn(t, source, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "yes", "Content-Length", "3") }}, nil)
	s.dial(t).exchange(get) // it accepts
	s.listener.Pause()
	open := s.server.Open()
	waiting := s.dial(t)
	waiting.send(get)
	time.Sleep(50 * time.Millisecond)
	if now := s.server.Open(); now != open {
		t.Errorf("paused, it accepted: %d connections are open, were %d", now, open)
	}
	s.listener.Resume()
	if r := waiting.receive("GET"); r.body != "yes" {
		t.Errorf("after Resume: got %q", r.body)
	}
}

// What was accepted when Close returns is the server's: whoever waits for its connections
// after that misses none.
func TestListenerCloseMissesNone(t *testing.T) {
	for range 20 {
		source, _ := shared(t)
		s := serveOn(t, source, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "") }}, nil)
		var dialling sync.WaitGroup
		for range 8 {
			dialling.Go(func() {
				for range 8 {
					c, err := net.Dial("unix", source.Addr().String())
					if err != nil {
						return
					}
					t.Cleanup(func() { c.Close() })
				}
			})
		}
		eventually(t, "a connection", func() bool { return s.server.Open() > 0 })
		s.listener.Close()
		after := s.server.Open()
		dialling.Wait()
		time.Sleep(time.Millisecond)
		if now := s.server.Open(); now != after {
			t.Fatalf("%d connections were open when Close returned, and %d later", after, now)
		}
		s.stop()
	}
}

// A copy of the socket keeps it in an epoll instance that was not told: the loop would
// turn without end while a connection waits for whoever has the copy.
func TestListenerCloseEndsWatching(t *testing.T) {
	source, inode := shared(t)
	s := serveOn(t, source, &app{answer: func(x *exchange) { _ = x.complete("200 OK", "") }}, nil)
	s.dial(t).exchange(get)
	if !watchedByEpoll(t, inode) {
		t.Fatal("the listener is in no epoll instance while it serves")
	}
	s.listener.Close()
	if watchedByEpoll(t, inode) {
		t.Error("the closed listener is still in an epoll instance")
	}
}

// watchedByEpoll looks for a socket in this process's epoll instances that report as long as
// there is something (proc_pid_fdinfo(5)).
func watchedByEpoll(t *testing.T, inode string) bool {
	t.Helper()
	number := 0
	if _, err := fmt.Sscan(inode, &number); err != nil {
		t.Fatal(err)
	}
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info) // gone since
		for line := range strings.Lines(string(text)) {
			var fd, events uint32
			if _, err := fmt.Sscanf(line, "tfd: %d events: %x", &fd, &events); err != nil {
				continue
			}
			// That of the Go runtime, which is told of each connection once, does no harm.
			again := events&unix.EPOLLET == 0
			if again && strings.Contains(line, fmt.Sprintf(" ino:%x ", number)) {
				return true
			}
		}
	}
	return false
}
