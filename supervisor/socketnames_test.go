package supervisor

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

// namesRig is a directory of names, and makes the supervisors that use it.
type namesRig struct {
	t   *testing.T
	dir string
}

func (r namesRig) supervisor(rotation bool, beside map[string]Place, left map[string]Place) *socketNames {
	r.t.Helper()
	o := Options{
		Site:        &site.Site{SocketRotation: rotation, Groups: []*site.Group{{Name: "web"}, {Name: "api"}}},
		SocketNames: r.dir, Beside: beside,
		SocketPath: func(group, slot string) string { return "/run/wsgi/blog:" + group + "." + slot + ".sock" },
	}
	return newSocketNames(o, left, slog.New(slog.DiscardHandler))
}

// has wants these names and no others, as "NAME SLOT".
func (r namesRig) has(when string, want ...string) {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(r.dir, e.Name()))
		if err != nil {
			continue // no name of a socket
		}
		got = append(got, e.Name()+" "+target[len(target)-len("a.sock"):len(target)-len(".sock")])
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: %q, not %q", when, got, want)
	}
}

func TestSocketNamesOfGenerations(t *testing.T) {
	t.Parallel()
	r := namesRig{t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(r.dir, "state.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := r.supervisor(true, nil, nil)
	n.serves("web", 1, "a")
	n.serves("api", 1, "a")
	r.has("at the start", "web.1.sock a", "api.1.sock a")
	n.serves("web", 2, "b")
	r.has("while generation 1 drains", "web.1.sock a", "web.2.sock b", "api.1.sock a")
	n.ended("web", 1)
	r.has("after it", "web.2.sock b", "api.1.sock a")
	n.rotate(false)
	r.has("with one name", "web.sock b", "api.sock a")
	n.rotate(true)
	r.has("and back", "web.2.sock b", "api.1.sock a")
	n.gone("api")
	r.has("without api", "web.2.sock b")
	n.clear()
	r.has("at the end")
}

func TestSocketNamesOfGroups(t *testing.T) {
	t.Parallel()
	r := namesRig{t, t.TempDir()}
	n := r.supervisor(false, nil, nil)
	n.serves("web", 1, "a")
	r.has("at the start", "web.sock a")
	n.serves("web", 2, "b")
	r.has("while generation 1 drains", "web.sock b")
	n.ended("web", 1)
	r.has("after it", "web.sock b")
	n.ended("web", 2)
	r.has("asleep", "web.sock b")
	n.serves("web", 3, "a")
	r.has("awake", "web.sock a")
	n.gone("web")
	r.has("without the group")
}

// A supervisor that follows finds the leaders that were left, or not.
func TestSocketNamesThatWereLeft(t *testing.T) {
	t.Parallel()
	r := namesRig{t, t.TempDir()}
	killed := r.supervisor(true, nil, nil)
	killed.serves("web", 4, "b")
	killed.serves("web", 5, "a")
	killed.serves("api", 7, "b")
	n := r.supervisor(true, nil, map[string]Place{"web": {Slot: "a", Generation: 5}, "api": {Slot: "b", Generation: 7}})
	r.has("before anything is known", "web.5.sock a", "api.7.sock b")
	n.serves("web", 5, "a")
	n.serves("api", 8, "b")
	r.has("where one was there", "web.5.sock a", "api.8.sock b")
	n.clear()
	r.supervisor(true, nil, map[string]Place{"web": {Slot: "a", Generation: 5}})
	r.has("of a leader that has ended already")
}

// At a hand-over each supervisor names its own generations, and the name of a group
// goes to the new one.
func TestSocketNamesAtHandOver(t *testing.T) {
	t.Parallel()
	for _, each := range []bool{true, false} {
		r := namesRig{t, t.TempDir()}
		old := r.supervisor(each, nil, nil)
		old.serves("web", 1, "a")
		next := r.supervisor(each, map[string]Place{"web": {Slot: "a", Generation: 1}}, map[string]Place{"web": {Slot: "b", Generation: 1}})
		next.serves("web", 2, "b")
		if each {
			r.has("before", "web.1.sock a")
		} else {
			r.has("before", "web.sock a")
		}
		old.yield()
		next.own()
		if each {
			r.has("while the old one drains", "web.1.sock a", "web.2.sock b")
		}
		old.ended("web", 1)
		old.clear()
		if each {
			r.has("after it", "web.2.sock b")
		} else {
			r.has("after it", "web.sock b")
		}
	}
}
