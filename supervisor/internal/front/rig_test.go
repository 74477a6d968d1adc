package front

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// within bounds every wait of these tests.
const within = 10 * time.Second

// newFront returns a front end of a site with mounts at / and /blog, whose
// group has no processes.
// The mounts get the top level's keys, unless they come with their own.
func newFront(t testing.TB, change func(*site.Site)) *Front {
	t.Helper()
	s := site.Default("test")
	s.Mounts = []*site.Mount{{Path: "/", Group: "main"}, {Path: "/blog", Group: "main"}, {Path: "/blog/archive", Group: "main"}}
	if change != nil {
		change(s)
	}
	for _, m := range s.Mounts {
		if m.Policy.OddHeaders == "" {
			m.Policy = s.Policy
		}
	}
	events, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	g := group.New(group.Options{Site: s, Group: s.Groups[0], Logger: logger, Loops: []*loop.Loop{events}})
	f, err := New(Options{Site: s, Groups: map[string]*group.Group{"main": g}, Software: "test", Logger: logger, LogTrouble: logger, Loops: []*loop.Loop{events}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Stop(t.Context())
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		events.Close()
	})
	return f
}

// serveAt serves f and returns the address.
func serveAt(t testing.TB, f *Front, network string) net.Addr {
	t.Helper()
	return listen(t, network, f.Serve)
}

// listen has a socket served until the test ends, before what was cleaned up for it
// earlier, and returns the address.
func listen(t testing.TB, network string, serve func(*http1.Listener) error) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	source, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := http1.NewListener(source)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return source.Addr()
}

// ask sends a request and returns the response with its body.
func ask(t testing.TB, address net.Addr, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.DialTimeout(address.Network(), address.String(), within)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(within))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return r, string(body)
}

// sessionFor parses a request into a session without a connection.
func sessionFor(t testing.TB, f *Front, request string) *session {
	t.Helper()
	c := &http1.Conn{
		Listener: &http1.Listener{Port: "8080"}, Port: "8080",
		Remote: netip.MustParseAddrPort("192.0.2.7:4711"),
	}
	limits := http1.DefaultLimits()
	if err := c.Request.Parse([]byte(request), &limits); err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return f.session(c)
}

// environOf is the environ that a request gets, by key; a key that is there
// twice fails the test.
func environOf(t testing.TB, s *session) map[string]string {
	t.Helper()
	s.begin()
	status, text, _ := s.objection()
	if status == 0 && s.place.static != nil {
		var done bool
		if done, status, text, _ = s.fileOrApplication(); done {
			t.Fatal("a file was served")
		}
	}
	if status != 0 {
		t.Fatalf("%d %s", status, text)
	}
	frame := &group.Frame{}
	s.buildEnviron(frame)
	return decode(t, frame.Bytes[wire.HeaderSize:])
}

func decode(t testing.TB, b []byte) map[string]string {
	t.Helper()
	m := map[string]string{}
	parts := bytes.Split(b, []byte{0})
	if len(parts)%2 != 1 || len(parts[len(parts)-1]) != 0 {
		t.Fatalf("%q is not pairs of NUL-ended strings", b)
	}
	for i := 0; i+1 < len(parts); i += 2 {
		key := string(parts[i])
		if _, twice := m[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		m[key] = string(parts[i+1])
	}
	return m
}
