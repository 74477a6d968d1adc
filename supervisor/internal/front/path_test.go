package front

import (
	"bytes"
	"errors"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

func TestCleanPath(t *testing.T) {
	tests := []struct {
		raw, want string
		err       error
	}{
		{raw: "/", want: "/"},
		{raw: "/a/b", want: "/a/b"},
		{raw: "/a/b/", want: "/a/b/"},
		{raw: "//", want: "/"},
		{raw: "///a///b//", want: "/a/b/"},
		{raw: "/.", want: "/"},
		{raw: "/./", want: "/"},
		{raw: "/a/.", want: "/a/"},
		{raw: "/a/./b", want: "/a/b"},
		{raw: "/a/..", want: "/"},
		{raw: "/a/../", want: "/"},
		{raw: "/a/../b", want: "/b"},
		{raw: "/a/b/../../c", want: "/c"},
		{raw: "/a//..", want: "/"},
		{raw: "/a//../b", want: "/b"},
		{raw: "/.a", want: "/.a"},
		{raw: "/..a/...", want: "/..a/..."},
		{raw: "/a.", want: "/a."},
		{raw: "/a..", want: "/a.."},
		{raw: "/a/..b", want: "/a/..b"},
		{raw: "/%2e", want: "/"},
		{raw: "/a/%2E%2e/b", want: "/b"},
		{raw: "/a%2f%2fb", want: "/a/b"},
		{raw: "/a/.%2e", want: "/"},
		{raw: "/a%2f..%2fb", want: "/b"},
		{raw: "/%41%7a%20%25", want: "/Az %"},
		{raw: "/%252e%252e/a", want: "/%2e%2e/a"}, // decoded once
		{raw: "/%c3%A9", want: "/\xc3\xa9"},
		{raw: "/..", err: errEscape},
		{raw: "/../a", err: errEscape},
		{raw: "/a/../..", err: errEscape},
		{raw: "/%2e%2e/", err: errEscape},
		{raw: "//..", err: errEscape},
		{raw: "/%", err: errEncoding},
		{raw: "/%4", err: errEncoding},
		{raw: "/%4g", err: errEncoding},
		{raw: "/%%41", err: errEncoding},
	}
	for _, test := range tests {
		got, err := cleanPath([]byte("kept"), []byte(test.raw))
		if !errors.Is(err, test.err) || err == nil && string(got) != "kept"+test.want {
			t.Errorf("%q: got %q, %v; want %q, %v", test.raw, got, err, "kept"+test.want, test.err)
		}
	}
}

// A clean path is clean: cleaning it again changes nothing, and it has no
// segment that somebody behind us could resolve.
func FuzzCleanPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "/%2e%2e/x", "//a/.//..", "/%252e/..", "/a%2f..%2f", "/..%00", "/\xff/."} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 || raw[0] != '/' {
			return // the parser lets no other through
		}
		clean, err := cleanPath(nil, raw)
		if err != nil {
			return
		}
		if clean[0] != '/' {
			t.Errorf("%q becomes %q", raw, clean)
		}
		for _, bad := range []string{"//", "/./", "/../"} {
			if bytes.Contains(append(bytes.Clone(clean), '/'), []byte(bad)) && !(bad == "//" && bytes.HasSuffix(clean, []byte("/")) && !bytes.Contains(clean, []byte(bad))) {
				t.Errorf("%q becomes %q, with %s in it", raw, clean, bad)
			}
		}
		again, err := cleanPath(nil, encodeAll(clean))
		if err != nil || !bytes.Equal(again, clean) {
			t.Errorf("%q becomes %q and then %q, %v", raw, clean, again, err)
		}
	})
}

func encodeAll(path []byte) []byte {
	const digits = "0123456789ABCDEF"
	var b []byte
	for _, c := range path {
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return b
}

func TestPlaces(t *testing.T) {
	s := site.Default("test")
	s.Groups = append(s.Groups, site.NewGroup("other"))
	s.Mounts = []*site.Mount{{Path: "/a", Group: "main"}, {Path: "/a/b", Group: "other"}, {Path: "/abc", Group: "main"}}
	groups := map[string]*group.Group{"main": {}, "other": {}}
	places := newPlaces(s, s.Hosts()[0], groups, nil)
	for path, want := range map[string]string{
		"/a": "/a", "/a/": "/a", "/a/x": "/a", "/ab": "none", "/a/b": "/a/b", "/a/bc": "/a", "/a/b/c": "/a/b", "/abc": "/abc", "/": "none", "/A": "none",
	} {
		got := "none"
		r := places.find([]byte(path))
		if r != nil {
			got = r.path
		}
		if got != want {
			t.Errorf("%s: mount %s, want %s", path, got, want)
		}
		if want == "/a/b" && r.group != groups["other"] {
			t.Errorf("%s: the group of another mount", path)
		}
	}
	s.Mounts = append(s.Mounts, &site.Mount{Path: "/", Group: "main"})
	if r := newPlaces(s, s.Hosts()[0], groups, nil).find([]byte("/x")); r == nil || r.path != "" {
		t.Errorf("/x: %+v", r)
	}
}

// TestLocations: a location holds for its path and what is below, an inner one wins
// over an outer one, and every one over the mount.
func TestLocations(t *testing.T) {
	const text = `limit-request-body = 1
[[mount]]
path = "/"
module = "a"
[[mount]]
path = "/b"
module = "a"
limit-request-body = 2
[[location]]
path = "/b/c/d"
limit-request-body = 4
[[location]]
path = "/b/c"
limit-request-body = 3
[[location]]
path = "/x"
limit-request-body = 5
[[location]]
path = "/b/e"
chunked-request = false
`
	s, err := site.Parse("test", "test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all := newHosts(s, map[string]*group.Group{"main": {}}, nil)
	places := all.all[0].places
	for path, want := range map[string]int64{"/": 1, "/bc": 1, "/b": 2, "/b/cd": 2, "/b/c": 3, "/b/c/x": 3, "/b/c/d": 4, "/b/c/d/e": 4, "/b/e": 2, "/x/y": 5} {
		p := places.find([]byte(path))
		if p == nil || p.policy.RequestBody != want {
			t.Errorf("%s: %+v, want limit-request-body %d", path, p, want)
		}
		if script := p.script; script != "" && script != "/b" {
			t.Errorf("%s: SCRIPT_NAME is %q", path, script)
		}
	}
	if n := all.smallestBody(); n != 1 {
		t.Errorf("the smallest limit is %d", n)
	}
}
