package units

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

// TestPrefix: a socket-prefix at which sockets would not stay, or not be found, is
// refused, and any other one is in the units.
func TestPrefix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, prefix, listen string
		user                 bool
		want                 string // ListenStream= of the slots, or what is wrong
	}{
		{name: "a directory", prefix: "/run/own/", want: "/run/own/blog:main.%i.sock"},
		{name: "the beginning of a name", prefix: "/run/own/wsgi", want: "/run/own/wsgi.blog:main.%i.sock"},
		{name: "the root directory", prefix: "/", want: "/blog:main.%i.sock"},
		{name: "by the old name", prefix: "/var/run/wsgi", want: "/run/wsgi.blog:main.%i.sock"},
		{name: "beside the site's socket", prefix: "/run/wsgi/", want: "/run/wsgi/blog:main.%i.sock"},
		{name: "a percent sign", prefix: "/run/100%/", want: "/run/100%%/blog:main.%i.sock"},
		{name: "a user's home", prefix: "/home/joe/run/", user: true, want: "/home/joe/run/blog:main.%i.sock"},

		{name: "tmp", prefix: "/tmp/wsgi", want: "in a directory for temporary files"},
		{name: "var tmp", prefix: "/var/tmp/x/", want: "in a directory for temporary files"},
		{name: "a user's tmp", prefix: "/tmp/", user: true, want: "in a directory for temporary files"},
		{name: "private", prefix: "/run/wsgi/blog/", want: "in a directory that belongs to the supervisor of a site"},
		{name: "private, by the old name", prefix: "/var/run/wsgi/blog/x", want: "in a directory that belongs to the supervisor of a site"},
		{name: "home", prefix: "/home/joe/run/", want: "in a home directory"},
		{name: "another user's runtime directory", prefix: "/run/user/1000/", want: "in a home directory"},
		{name: "devices", prefix: "/dev/shm/", want: "below /dev, /proc or /sys"},
		{name: "too long", prefix: "/srv/" + strings.Repeat("x", 100) + "/", want: "is longer than 107 bytes\nhint: use shorter names for the site or its groups, or a shorter socket-prefix"},
		{name: "taken", prefix: "/run/own/", listen: "unix:/run/own/blog:main.b.sock", want: `"/run/own/blog:main.b.sock" would be the socket of a daemon group`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "socket-prefix = \"" + c.prefix + "\"\n"
			if c.listen != "" {
				text += "listen = \"" + c.listen + "\"\n"
			}
			s, err := site.Parse("blog", "/etc/wsgi/blog.toml", []byte(text+"[[mount]]\npath = \"/\"\nscript = \"/srv/app.py\"\n"))
			if err != nil {
				t.Fatal(err)
			}
			files, err := Generate(s, Options{Wsgid: "/usr/bin/wsgid", User: c.user})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v\nwant %s", err, c.want)
				}
				return
			}
			for _, f := range files {
				if f.Path == "wsgi-blog:main@.socket" && !strings.Contains(string(f.Content), "\nListenStream="+c.want+"\n") {
					t.Errorf("want %s in\n%s", c.want, f.Content)
				}
			}
			if s.Socket.Prefix != "" && strings.Contains(c.want, " ") {
				t.Errorf("%s is not refused", c.prefix)
			}
		})
	}
}
