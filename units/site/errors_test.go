package site

import "testing"

// TestErrorAt finds the line of a key, or of what it would be in.
func TestErrorAt(t *testing.T) {
	t.Parallel()
	const text = `listen = [":80",
  "127.0.0.1:81"]
[group."v1.0"]
user = "joe"
env-file = "/etc/x.env"
[[mount]]
path = "/"
module = "m"
`
	s, err := Parse("blog", "/etc/wsgi/blog.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if key := s.Groups[0].Key(); key != `group."v1.0"` {
		t.Errorf("the key of the group is %s", key)
	}
	flags := Default("blog")
	for _, c := range []struct {
		site      *Site
		key, want string
	}{
		{s, "listen", "/etc/wsgi/blog.toml:1: listen: m"},
		{s, "listen[1]", "/etc/wsgi/blog.toml:2: listen: m"},
		{s, "listen[7]", "/etc/wsgi/blog.toml:1: listen: m"},
		{s, `group."v1.0".user`, `/etc/wsgi/blog.toml:4: group."v1.0".user: m`},
		{s, `group."v1.0".home`, `/etc/wsgi/blog.toml:3: group."v1.0": m`},
		{s, `group."v1.0".env-file[0]`, `/etc/wsgi/blog.toml:5: group."v1.0".env-file: m`},
		{s, "mount[0].script", "/etc/wsgi/blog.toml:6: mount: m"},
		{s, "mount[0].module", "/etc/wsgi/blog.toml:8: mount.module: m"},
		{s, "socket-user", "/etc/wsgi/blog.toml: socket-user: m"},
		{s, "", "/etc/wsgi/blog.toml: m"},
		{flags, "group.main.user", "group.main.user: m"},
	} {
		if got := c.site.ErrorAt(c.key, "m", "").Error(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.key, got, c.want)
		}
	}
}

// TestSortErrors: the site file first, then the others by name, each by line.
func TestSortErrors(t *testing.T) {
	t.Parallel()
	list := Errors{{File: "b.env", Line: 1}, {File: "x.d/1.toml", Line: 2}, {File: "x.toml", Line: 9, Msg: "a"}, {File: "x.toml", Line: 9, Msg: "b"}, {File: "x.toml"}}
	list.Sort("x.toml")
	const want = "x.toml: \nx.toml:9: a\nx.toml:9: b\nb.env:1: \nx.d/1.toml:2: "
	if got := list.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
