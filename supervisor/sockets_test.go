package supervisor

import (
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

func TestSocketsLaunch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &Sockets{Prefix: func(group string) string { return dir + "/blog:" + group }, Site: "blog"}
	_, err := s.Launch(t.Context(), "web", "a")
	if err == nil || !strings.Contains(err.Error(), "no such file") || !strings.Contains(err.Error(), "wsgi-blog:web@a.socket") {
		t.Errorf("without a socket: %v", err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "blog:web.a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := s.Launch(t.Context(), "web", "a")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := s.Unit("web", "b"); got != "wsgi-blog:web@b.service" {
		t.Errorf("unit %s", got)
	}
}

func TestSocketsCheckUser(t *testing.T) {
	t.Parallel()
	me := uint32(os.Getuid())
	other, err := user.Lookup("daemon")
	if err != nil {
		t.Skip("there is no user daemon: whether a leader of another user is refused is not proved")
	}
	n, err := strconv.ParseUint(other.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	daemon := uint32(n)
	for _, c := range []struct {
		name, user, byDefault string
		uid                   uint32
		ok                    bool
	}{
		{"own systemd", "", "", me, true},
		{"own systemd, another user", "", "", me + 1, false},
		{"named", "daemon", "wsgi-app", daemon, true},
		{"named, another", "daemon", "wsgi-app", daemon + 1, false},
		{"by default", "", "daemon", daemon, true},
		{"root", "daemon", "", 0, false},
		{"by number", "#" + other.Uid, "", daemon, true},
		{"by number, another", "#" + other.Uid, "", daemon + 1, false},
		{"the front end's own number", "#" + strconv.FormatUint(uint64(me), 10), "", me, false},
		{"root, unknown name", "nobody-knows", "", 0, false},
		{"unknown name", "nobody-knows", "", 4711, true},
	} {
		s := &Sockets{DefaultUser: c.byDefault}
		if err := s.CheckUser(&site.Group{User: c.user}, c.uid); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
