package serve_test

import (
	"bufio"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// gate is a UNIX socket at which applications wait: a test learns from it that a
// request runs, and in which process, and decides when it goes on.
type gate struct {
	t        *testing.T
	path     string
	listener *net.UnixListener
}

// visitor is one application that waits at a gate.
type visitor struct {
	t    *testing.T
	conn net.Conn
	pid  int
}

// gateWithin bounds the time until an application arrives.
const gateWithin = 20 * time.Second

func newGate(t *testing.T) *gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return &gate{t: t, path: path, listener: listener}
}

// query is the query string that sends an application to the gate.
func (g *gate) query() string { return "at=" + url.QueryEscape(g.path) }

// arrive waits for the next application.
func (g *gate) arrive() *visitor {
	g.t.Helper()
	_ = g.listener.SetDeadline(time.Now().Add(gateWithin))
	conn, err := g.listener.Accept()
	if err != nil {
		g.t.Fatalf("no application at the gate: %v", err)
	}
	g.t.Cleanup(func() { conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(gateWithin))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		g.t.Fatalf("an application left the gate: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		g.t.Fatal(err)
	}
	return &visitor{t: g.t, conn: conn, pid: pid}
}

// tryArrive is the connection of an application that arrives within the time, or nil.
func (g *gate) tryArrive(within time.Duration) net.Conn {
	_ = g.listener.SetDeadline(time.Now().Add(within))
	conn, err := g.listener.Accept()
	if err != nil {
		return nil
	}
	return conn
}

// assertNobody asserts that no application arrives within the time.
func (g *gate) assertNobody(within time.Duration) {
	g.t.Helper()
	if conn := g.tryArrive(within); conn != nil {
		conn.Close()
		g.t.Error("a request reached the application that should not have")
	}
}

// release lets the application go on.
func (v *visitor) release() { v.conn.Close() }
