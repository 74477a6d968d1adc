package site

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const dispatchText = `
[group.web]
[group.admin]
[group.other]
[group.asks]

[[mount]]
path = "/"
module = "a"
group = "web"
application-group = ""
dispatch-script = "/srv/dispatch.py"
dispatch-group = "asks"
restrict-process = ["web", "admin"]

[[mount]]
path = "/own"
module = "a"
group = "web"
application-group = "apart"
dispatch-script = "/srv/dispatch.py"

[[mount]]
path = "/b"
module = "b"
group = "admin"
application-group = ""

[[mount]]
path = "/c"
module = "c"
group = "web"
application-group = "third"

[[mount]]
path = "/other"
module = "a"
group = "other"

[[location]]
path = "/only"
restrict-process = "admin"
`

// TestDispatchTargets: a request can go where the application runs, and restrict-process
// allows it.
func TestDispatchTargets(t *testing.T) {
	t.Parallel()
	s := mustParse(t, dispatchText)
	want := map[string][]string{
		"/":      {`web "" -> web -1`, `admin "" -> admin 0`, `web "apart" -> web.apart -1`},
		"/own":   {`web "apart" -> web.apart -1`, `web "" -> web -1`},
		"/only":  {`admin "" -> admin 0`},
		"/b":     nil,
		"/c":     nil,
		"/other": nil,
	}
	for _, p := range s.Places() {
		var got []string
		for _, target := range s.DispatchTargets(p) {
			got = append(got, fmt.Sprintf("%s %q -> %s %d", target.Process, target.Application, target.Group, target.Number))
		}
		if !slices.Equal(got, want[p.Path]) {
			t.Errorf("%s goes to %q, want %q", p.Path, got, want[p.Path])
		}
	}
	for group, scripts := range map[string][]string{"web": nil, "web.apart": {"/srv/dispatch.py"}, "asks": {"/srv/dispatch.py"}, "other": nil} {
		if got := s.DispatchScripts(group); !slices.Equal(got, scripts) {
			t.Errorf("%s calls the functions of %q, want %q", group, got, scripts)
		}
	}
	for group, want := range map[string]bool{"web": true, "web.apart": true, "admin": true, "web.third": false, "other": false, "asks": false} {
		if got := s.IsDispatched(group); got != want {
			t.Errorf("requests are dispatched to %s: %t", group, got)
		}
	}
}

// TestLoadedFiles: it differs if and only if the processes have to have loaded others.
func TestLoadedFiles(t *testing.T) {
	t.Parallel()
	before := mustParse(t, dispatchText)
	for _, c := range []struct{ old, now, changed string }{
		{"/srv/dispatch.py", "/srv/dispatcher.py", "asks web.apart"},
		{`module = "b"`, `module = "bb"`, "admin"},
		{`module = "c"`, `module = "cc"`, ""}, // a reload of one application loads it anyway
		{`path = "/b"`, `path = "/bb"`, ""},
		{"[group.other]", "[group.other]\nthreads = 7", ""},
	} {
		after := mustParse(t, strings.ReplaceAll(dispatchText, c.old, c.now))
		var changed []string
		for _, g := range after.Groups {
			if before.LoadedFiles(g.Name) != after.LoadedFiles(g.Name) {
				changed = append(changed, g.Name)
			}
		}
		if got := strings.Join(changed, " "); got != c.changed {
			t.Errorf("%s: others are loaded in %q, want %q", c.now, got, c.changed)
		}
	}
	if text := mustParse(t, minimal).LoadedFiles("main"); text != "" {
		t.Errorf("one application alone has the text %q", text)
	}
}
