package refresh

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

func generate(t *testing.T, text string) (*site.Site, []units.File) {
	t.Helper()
	s, err := site.Parse("blog", "/etc/wsgi/blog.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	files, err := units.Generate(s, units.Options{Wsgid: "/usr/bin/wsgid"})
	if err != nil {
		t.Fatal(err)
	}
	return s, files
}

func write(t *testing.T, directory string, files []units.File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(directory, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if f.Link != "" {
			err = os.Symlink(f.Link, path)
		} else {
			err = os.WriteFile(path, f.Content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

const mount = "[[mount]]\npath = \"/\"\nscript = \"/srv/app.py\"\n"

func TestAsGenerated(t *testing.T) {
	t.Parallel()
	const before = "listen = \"127.0.0.1:8000\"\n[group.web]\nuser = \"joe\"\nthreads = 5\n" + mount
	for _, c := range []struct {
		name, now string
		same      bool
	}{
		{"nothing changed", before, true},
		{"a key that is not of the unit", "listen = \"127.0.0.1:8000\"\n[group.web]\nuser = \"joe\"\nthreads = 6\n" + mount, true},
		{"another user", "listen = \"127.0.0.1:8000\"\n[group.web]\nuser = \"jane\"\nthreads = 5\n" + mount, false},
		{"another group", "listen = \"127.0.0.1:8000\"\n[group.web]\nuser = \"joe\"\nthreads = 5\n[group.api]\nuser = \"joe\"\n" + mount + "group = \"web\"\n[[mount]]\npath = \"/api\"\nscript = \"/srv/api.py\"\ngroup = \"api\"\n", false},
		{"the group has another name", "listen = \"127.0.0.1:8000\"\n[group.api]\nuser = \"joe\"\nthreads = 5\n" + mount, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, files := generate(t, before)
			write(t, dir, files)
			s, now := generate(t, c.now)
			if same, err := asGenerated(dir, s.Name, now); err != nil || same != c.same {
				t.Errorf("%v, %v", same, err)
			}
		})
	}
}

// What is left of a group that is gone makes a difference, too.
func TestAsGeneratedLess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, two := generate(t, "[group.web]\n[group.api]\n"+mount+"group = \"web\"\n[[mount]]\npath = \"/api\"\nscript = \"/srv/api.py\"\ngroup = \"api\"\n")
	write(t, dir, two)
	s, one := generate(t, "[group.web]\n"+mount)
	if same, err := asGenerated(dir, s.Name, one); err != nil || same {
		t.Errorf("%v, %v", same, err)
	}
	// Another site whose name begins with this one's does not.
	clean := t.TempDir()
	write(t, clean, one)
	if err := os.WriteFile(filepath.Join(clean, "wsgi-blog2:web@.service"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if same, err := asGenerated(clean, s.Name, one); err != nil || !same {
		t.Errorf("%v, %v", same, err)
	}
}

func TestAsGeneratedNothing(t *testing.T) {
	t.Parallel()
	s, files := generate(t, mount)
	if same, err := asGenerated(filepath.Join(t.TempDir(), "none"), s.Name, files); err != nil || same {
		t.Errorf("%v, %v", same, err)
	}
}

// A site that runs cannot be given other sockets, nor its groups others than they have.
func TestSameSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const before = "listen = \"127.0.0.1:8000\"\nsocket-prefix = \"/run/x\"\n"
	_, files := generate(t, before+mount)
	write(t, dir, files)
	for text, restart := range map[string]string{
		before + "[group.main]\nuser = \"joe\"\n" + mount:                      "",
		before + "[group.new]\n" + mount:                                       "",
		"listen = \"127.0.0.1:8001\"\nsocket-prefix = \"/run/x\"\n" + mount:    "wsgi@blog.socket",
		before + "socket-mode = \"0666\"\n" + mount:                            "wsgi@blog.socket",
		"socket-prefix = \"/run/x\"\n" + mount:                                 "wsgi@blog.socket",
		"listen = \"127.0.0.1:8000\"\nsocket-prefix = \"/run/y\"\n" + mount:    "'wsgi-blog:*@*.socket'",
		"listen = \"127.0.0.1:8000\"\n" + mount:                                "'wsgi-blog:*@*.socket'",
		"listen = \"127.0.0.1:8000\"\n[group.new]\n" + mount + "group=\"new\"": "",
	} {
		s, now := generate(t, text)
		err := sameSockets(dir, s, now)
		if (err == nil) != (restart == "") {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && !strings.Contains(err.Error(), "systemctl restart "+restart+";") {
			t.Errorf("%q: %v does not say what to run", text, err)
		}
	}
}

// TestLostSockets: a slot is noticed to whose socket no path leads any more, or at whose
// path nobody listens.
func TestLostSockets(t *testing.T) {
	t.Parallel()
	runtime := t.TempDir()
	if err := os.Mkdir(filepath.Join(runtime, "wsgi"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, _ := generate(t, "[group.web]\n"+mount)
	o := units.Options{Wsgid: "/usr/bin/wsgid", Runtime: runtime, User: true}
	listen := func(path string) *net.UnixListener {
		t.Helper()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		return l
	}
	a, b := units.SlotSocket(s, o, "web", "a"), units.SlotSocket(s, o, "web", "b")
	first := listen(a)
	listen(b)
	for _, c := range []struct {
		name string
		lose func() error
		want []string
	}{
		{"all are there", func() error { return nil }, nil},
		{"one has no path", func() error { return os.Remove(b) }, []string{"wsgi-blog:web@b.socket"}},
		{"the other one does not listen", first.Close, []string{"wsgi-blog:web@a.socket", "wsgi-blog:web@b.socket"}},
	} {
		if err := c.lose(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lostSockets(s, o) {
			got = append(got, l.socket)
			if l.service != strings.TrimSuffix(l.socket, "socket")+"service" {
				t.Errorf("%s belongs to %s", l.socket, l.service)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

func TestListens(t *testing.T) {
	t.Parallel()
	const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 1001 /run/wsgi/blog:web.a.sock
0000000000000000: 00000003 00000000 00000000 0001 03 1002 /run/wsgi/blog:web.b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 1003 /run/wsgi/blog:web.b.sock.old
0000000000000000: 00000003 00000000 00000000 0001 03 1004
`
	for path, want := range map[string]bool{
		"/run/wsgi/blog:web.a.sock": true,
		"/run/wsgi/blog:web.b.sock": false, // somebody is connected, and nobody listens any more
		"/run/wsgi/blog:web.c.sock": false,
	} {
		if got := listens(table, path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
