package confine_test

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/confine"
)

const profile = `
abi <abi/3.0>,
@{PROC}=/proc/
@{pid}={[1-9],[1-9][0-9]}
@{run}=/run/ /var/run/
@{etc} = /etc
# a comment
profile one flags=(attach_disconnected) {
  network inet stream,
  network netlink raw,
  deny network packet,
  unix (send, receive)
    peer=(label=other),
  /usr/lib{,32,64}/**.so* mr,
  /usr/{local/,}bin/wsgid mrix, # itself
  @{PROC}/@{pid}/{stat,maps} r,
  @{run}/wsgi/** rw,
  deny @{run}/wsgi/*:*.sock w,
  owner /srv/** wk,
  /data/ r,
  /data/* r,
  @{etc}/host? r,
  /dot.ted/[a-c] r,
}
`

func TestLacks(t *testing.T) {
	p, err := confine.Parse(profile)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, wanted, lacks string }{
		{"/usr/lib64/x/y.so.6", "rm", ""},
		{"/usr/lib64/x/y.so.6", "rw", "w"},
		{"/usr/lib64/x/y.txt", "r", "r"},
		{"/usr/local/bin/wsgid", "rmx", ""},
		{"/usr/bin/wsgid", "x", ""},
		{"/usr/bin/wsgid2", "x", "x"},
		{"/proc/12/stat", "r", ""},
		{"/proc/123/stat", "r", "r"},
		{"/proc/12/mem", "r", "r"},
		{"/run/wsgi/blog.sock", "rw", ""},
		{"/var/run/wsgi/blog/control", "w", ""},
		{"/run/wsgi/blog:web.a.sock", "rw", "w"},
		{"/run/wsgi/", "r", "r"},
		{"/srv/blog/data", "wk", ""},
		{"/srv/blog/data", "r", "r"},
		{"/data/", "r", ""},
		{"/data/a", "r", ""},
		{"/data/a/b", "r", "r"},
		{"/etc/hosts", "r", ""},
		{"/etc/host", "r", "r"},
		{"/dot.ted/b", "r", ""},
		{"/dotxted/b", "r", "r"},
	} {
		if got := p.Lacks(c.path, c.wanted); got != c.lacks {
			t.Errorf("%s %s: lacks %q, want %q", c.path, c.wanted, got, c.lacks)
		}
	}
	for _, c := range []struct {
		family, kind string
		want         bool
	}{
		{"inet", "stream", true},
		{"inet", "dgram", false},
		{"inet6", "stream", false},
		{"netlink", "raw", true},
		{"unix", "stream", false}, // of a peer's, not of its own
		{"packet", "raw", false},
	} {
		if got := p.AllowsSocket(c.family, c.kind); got != c.want {
			t.Errorf("%s %s: %v", c.family, c.kind, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"@{nothing}/x r,\n", "rlimit nofile <= 10,\n"} {
		if _, err := confine.Parse(text); err == nil || !strings.Contains(err.Error(), "cannot understand") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
