package sd

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for anything at most.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		os.Exit(child(what))
	}
	os.Exit(m.Run())
}

// environment makes the getenv of "NAME=value" strings.
func environment(variables ...string) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if value, found := strings.CutPrefix(v, name+"="); found {
				return value
			}
		}
		return ""
	}
}

// shortDir is a directory whose path leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fakeManager is a test in the place of systemd's end of the notification socket.
// It reads without the net package, whose waits a synctest bubble cannot see.
type fakeManager struct {
	t    *testing.T
	path string
	fd   int
}

func manage(t *testing.T) *fakeManager {
	t.Helper()
	m := &fakeManager{t: t, path: filepath.Join(shortDir(t), "notify")}
	m.bind(m.path)
	return m
}

// bind makes the socket. A path that begins with "@" is an abstract one.
func (m *fakeManager) bind(path string) {
	m.t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		m.t.Fatal(err)
	}
	m.path, m.fd = path, fd
	m.t.Cleanup(func() { unix.Close(fd) })
}

// notifier is one for this manager; what it logs goes to the buffer.
func (m *fakeManager) notifier() (*Notifier, *logbook) {
	m.t.Helper()
	log := &logbook{}
	n, err := NewNotifier(environment("NOTIFY_SOCKET="+m.path), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { n.Close() })
	return n, log
}

// datagrams returns what has arrived.
func (m *fakeManager) datagrams() []string {
	m.t.Helper()
	var all []string
	for {
		text, fds := m.receive()
		if text == "" {
			return all
		}
		closeAll(fds)
		all = append(all, text)
	}
}

// receive returns a datagram and its descriptors; "" when there is none.
func (m *fakeManager) receive() (string, []int) {
	m.t.Helper()
	buffer, control := make([]byte, 8192), make([]byte, unix.CmsgSpace(4*4))
	n, c, _, _, err := unix.Recvmsg(m.fd, buffer, control, unix.MSG_CMSG_CLOEXEC)
	if err == unix.EAGAIN {
		return "", nil
	}
	if err != nil {
		m.t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:c])
	if err != nil {
		m.t.Fatal(err)
	}
	var fds []int
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			m.t.Fatal(err)
		}
		fds = append(fds, some...)
	}
	return string(buffer[:n]), fds
}

// await is receive that waits.
func (m *fakeManager) await() (string, []int) {
	m.t.Helper()
	poll := []unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, int(patience/time.Millisecond))
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			m.t.Fatalf("no datagram came: %v", err)
		}
		return m.receive()
	}
}

// overwhelm fills the socket's queue with datagrams of others: of several,
// because what one may have in it is bounded too.
func (m *fakeManager) overwhelm() {
	m.t.Helper()
	for range 1000 {
		if m.overwhelmFromOne() == 0 {
			return
		}
	}
	m.t.Fatal("the queue of a datagram socket does not fill up")
}

// overwhelmFromOne returns how many datagrams there was room for.
func (m *fakeManager) overwhelmFromOne() int {
	m.t.Helper()
	other, err := openNotifySocket(m.path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer other.close()
	for n := 0; ; n++ {
		if err := other.send("other", nil); busy(err) {
			return n
		} else if err != nil {
			m.t.Fatal(err)
		}
	}
}

// own leaves out what overwhelm sent.
func own(datagrams []string) []string {
	var all []string
	for _, d := range datagrams {
		if d != "other" {
			all = append(all, d)
		}
	}
	return all
}

// logbook is a writer that counts lines.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte("\n"))
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%q", l.text.String())
}
