package site

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const applicationsSite = `[group.web]
threads = 7
[group.all]
[group.one]
[[mount]]
path = "/"
script = "/srv/a.py"
group = "web"
application-group = ""
[[mount]]
path = "/b"
script = "/srv/b.py"
group = "web"
application-group = "%{GLOBAL}"
[[mount]]
path = "/again"
script = "/srv/a.py"
group = "web"
[[mount]]
path = "/own"
module = "own"
group = "web"
application-group = "own"
[[mount]]
path = "/z"
script = "/srv/z.py"
group = "all"
application-group = "z"
[[mount]]
path = "/y"
script = "/srv/y.py"
group = "all"
application-group = "y"
[[mount]]
path = "/y2"
script = "/srv/y2.py"
group = "all"
application-group = "y"
[[mount]]
path = "/one"
script = "/srv/a.py"
group = "one"
`

// TestApplicationGroups: %{GLOBAL} shares the processes of the group, a name has its
// own, with the keys of the group; without an application that shares them, the
// group's own processes are those of the first name.
func TestApplicationGroups(t *testing.T) {
	t.Parallel()
	s := mustParse(t, applicationsSite)
	var got []string
	for _, g := range s.Groups {
		var scripts []string
		for _, a := range s.Applications(g.Name) {
			scripts = append(scripts, a.Script+a.Module)
		}
		got = append(got, fmt.Sprintf("%s of %q for %q: %s x %d", g.Name, g.Of, g.ApplicationGroup, strings.Join(scripts, " "), g.Threads))
	}
	want := []string{
		`all of "" for "y": /srv/y.py /srv/y2.py x 5`,
		`all.z of "all" for "z": /srv/z.py x 5`,
		`one of "" for "": /srv/a.py x 5`,
		`web of "" for "": /srv/a.py /srv/b.py x 7`,
		`web.own of "web" for "own": own x 7`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("groups are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	numbers := map[string]int{}
	for m, n := range s.ApplicationNumbers() {
		numbers[m.Path] = n
	}
	if got, want := fmt.Sprint(numbers), "map[/:0 /again:0 /b:1 /y:0 /y2:1]"; got != want {
		t.Errorf("numbers are %s, want %s", got, want)
	}
	again := mustParse(t, string(s.Encode()))
	sameSite(t, again, s)
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}
