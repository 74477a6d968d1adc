package serve_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// awaitRefusal waits until the server takes no new connection: its drain has begun.
func (s *server) awaitRefusal() {
	s.t.Helper()
	eventually(s.t, stopWithin, "new connections are refused", func() bool {
		conn, err := dialTo(context.Background(), s.address())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// TestDrain: SIGINT and SIGTERM let running requests finish, refuse new ones and end
// everything with status 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, app(t, "slow.py"), "--processes", "2")
			g := newGate(t)
			running := s.background("/gate?" + g.query())
			waiting := g.arrive()
			s.signal(sig)
			s.awaitRefusal()
			waiting.release()
			if a := receive(t, running); a.status != http.StatusOK || !strings.HasPrefix(a.body, "passed") {
				t.Errorf("the running request: status %d, %q, %v", a.status, a.body, a.err)
			}
			s.ended()
			if s.err != nil {
				t.Errorf("ended with %v", s.err)
			}
		})
	}
}

// TestDrainSleep: one second of work at Ctrl-C takes about a second.
func TestDrainSleep(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"))
	g := newGate(t)
	first := s.background("/gate?" + g.query())
	waiting := g.arrive()
	second := s.background("/sleep?s=1")
	time.Sleep(300 * time.Millisecond) // so that the second runs as well
	waiting.release()
	receive(t, first)
	begun := time.Now()
	s.signal(os.Interrupt)
	if a := receive(t, second); a.status != http.StatusOK {
		t.Errorf("status %d, %v", a.status, a.err)
	}
	s.ended()
	if s.err != nil {
		t.Errorf("ended with %v", s.err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("ended after %v", took)
	}
}

// TestSecondInterrupt: whoever presses Ctrl-C again does not want to wait.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"))
	g := newGate(t)
	running := s.background("/gate?" + g.query())
	g.arrive()
	s.signal(os.Interrupt)
	s.awaitRefusal()
	begun := time.Now()
	s.signal(os.Interrupt)
	s.ended()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("ended after %v", took)
	}
	if a := receive(t, running); a.err == nil && a.status == http.StatusOK {
		t.Errorf("the request was not over: %q", a.body)
	}
}

// TestIdleConnectionsAtDrain: connections that only idle do not delay the end.
func TestIdleConnectionsAtDrain(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "hello.py"))
	idle := s.raw()
	idle.send(get("/"))
	idle.expect(http.StatusOK)
	half := s.raw()
	half.send("GET / HT")
	begun := time.Now()
	s.stop()
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("ended after %v", took)
	}
	idle.assertClosed(time.Second)
}

// TestKilledProgram: when the program itself is killed, nothing of it lives on.
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "slow.py"), "--processes", "2")
	g := newGate(t)
	s.background("/gate?" + g.query())
	g.arrive()
	s.signal(syscall.SIGKILL)
	eventually(t, stopWithin, "leader and processes are gone", func() bool { return len(sessionMembers(s.pid())) == 0 })
	s.ended()
}

// TestListeners: two TCP addresses and a UNIX socket serve the same site, and the
// socket's path is the file that was named.
func TestListeners(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "site.sock")
	how := launch{listeners: 3}
	s := startWith(t, how, app(t, "environ.py"),
		"--listen", "127.0.0.1:0", "--listen", "unix:"+path, "--listen", "127.0.0.2:0")
	for _, address := range s.addresses {
		c := rawTo(t, address)
		c.send(get("/"))
		e := readEnviron(t, c.expect(http.StatusOK).body)
		if strings.HasPrefix(address, "/") {
			e.assertValue(t, "REMOTE_ADDR", "")
			continue
		}
		if remote, _ := e["REMOTE_ADDR"].Value.(string); !strings.HasPrefix(remote, "127.0.0.") {
			t.Errorf("REMOTE_ADDR is %q", remote)
		}
		e.assertValue(t, "SERVER_PORT", address[strings.LastIndexByte(address, ':')+1:])
	}
	if !slices.Contains(s.addresses, path) {
		t.Errorf("%q does not name %s", s.addresses, path)
	}
}

// TestUnixSocketAgain: a socket left by a program that was killed does not stop the next one.
func TestUnixSocketAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "site.sock")
	first := start(t, app(t, "hello.py"), "--listen", "unix:"+path)
	first.getOK("/")
	first.signal(syscall.SIGKILL)
	eventually(t, stopWithin, "the first is gone", func() bool { return len(sessionMembers(first.pid())) == 0 })
	first.ended()
	second := start(t, app(t, "hello.py"), "--listen", "unix:"+path)
	second.getOK("/")
}

// TestAddressInUse: a clear error, and nothing left behind.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	first := start(t, app(t, "hello.py"))
	second := startWith(t, launch{notReady: true}, app(t, "hello.py"), "--listen", first.address())
	if !second.awaitExit(readyWithin) {
		t.Fatal("still running")
	}
	if second.err == nil {
		t.Error("exit status 0")
	}
	second.ended()
	if !strings.Contains(second.log.String(), "in use") {
		t.Errorf("no word of the address: %s", second.log)
	}
	first.getOK("/")
}

// TestListenKey: listen in the site file, without an option.
func TestListenKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "site.sock")
	site := siteOf(t, `
listen = ["unix:`+path+`"]

[[mount]]
path = "/"
script = {{app "hello.py"}}
`)
	s := startWith(t, launch{noListen: true}, "--config", site)
	if s.address() != path {
		t.Errorf("serves at %q, want %q", s.addresses, path)
	}
	s.getOK("/")
}
