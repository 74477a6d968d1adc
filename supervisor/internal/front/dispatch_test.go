package front

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

const dispatchSite = `
[group.main]
[group.more]
[[mount]]
path = "/"
module = "a"
group = "main"
application-group = ""
dispatch-script = "/srv/dispatch.py"
restrict-process = ["main", "more"]
[[mount]]
path = "/b"
module = "b"
group = "more"
application-group = ""
[[mount]]
path = "/own"
module = "a"
group = "main"
application-group = "own"
`

// TestDispatchChoice: what the functions return leads to a group and an application, or to
// an error that says which function chose what it may not.
func TestDispatchChoice(t *testing.T) {
	t.Parallel()
	s := parseSite(t, dispatchSite)
	v := s.Hosts()[0]
	d := newPlaces(s, v, nil, s.ApplicationNumbers()).root.dispatch
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		process, application *string
		number, want         string // of the application, or a part of the error
	}{
		{nil, nil, "", ""},
		{text("main"), nil, "", ""},
		{text("main"), text("own"), "", ""},
		{nil, text(site.GlobalApplications), "", ""},
		{text("more"), nil, "0", ""},
		{text("more"), text(""), "0", ""},
		{text("more"), text("own"), "", `application_group() chose "own", where no mount runs this application in group more`},
		{text("main.own"), nil, "", `process_group() chose "main.own", which is neither the mount's group`},
		{text(""), nil, "", `process_group() chose ""`},
	} {
		to, err := d.find(choice{process: c.process, application: c.application})
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("the error is %v, want %s", err, c.want)
		case c.want == "" && (err != nil || to.application != c.number):
			t.Errorf("the application is %+v, %v, want %q", to, err, c.number)
		}
	}
}

// TestGatewayTellsNothing: no variable of a gateway is taken for what the front end tells
// the processes.
func TestGatewayTellsNothing(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"wsgid.dispatch": true, "wsgid.callable": true, "wsgid.access": true, "HTTP-X": true, "wsgid": false, "UWSGI_X": false} {
		if got := settledHere([]byte(name)); got != want {
			t.Errorf("%s is left out: %t", name, got)
		}
	}
}
