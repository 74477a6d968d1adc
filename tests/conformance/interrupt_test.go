package conformance_test

import (
	"testing"
	"time"
)

// testInterruptTimeout: an exception ends a request that takes too long, the client has
// its 504 whatever the application makes of it, and the process serves on.
func testInterruptTimeout(t *testing.T) {
	g := serve(t, config{app: "interrupts.py", group: "processes = 1\nthreads = 2\nrequest-timeout = 1\ninterrupt-timeout = 30"})
	pid := g.send(get("/pid")).body
	for _, test := range []struct {
		path, noted string
		cut         bool
	}{
		{path: "/spin"},
		{path: "/broad"},
		{path: "/caught", noted: "mod_wsgi.RequestTimeout"},
		{path: "/raised", noted: "RequestTimeout"},
		{path: "/other", noted: "another"},
		{path: "/cleaned", noted: "cleaned up"},
		{path: "/begun", cut: true},
	} {
		t.Run(test.path[1:], func(t *testing.T) {
			g := g.in(t)
			want := []check{errorPage(504)}
			if test.cut {
				want = []check{status(200), body("one"), cut}
			}
			play(t, g, []exchange{{"response", get(test.path), want}})
			g.awaitNotes(test.noted)
			play(t, g, []exchange{{"same process", get("/pid"), []check{status(200), body(pid)}}})
		})
	}
	t.Run("not within its time", func(t *testing.T) {
		g := serve(t, config{app: "interrupts.py", group: "processes = 1\nthreads = 2\nrequest-timeout = 0.5\ninterrupt-timeout = 0.5"})
		before := g.send(get("/pid")).body
		play(t, g, []exchange{{"sleeping", get("/sleeping"), []check{errorPage(504)}}})
		for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
			if r := g.send(get("/pid")); r.status == 200 && r.body != before {
				return
			}
			if time.Now().After(end) {
				t.Fatal("the process was not replaced")
			}
		}
	})
}

// awaitNotes waits until the application has noted a text. "" is not waited for: what was
// noted all the same, the next test finds in front of what it expects.
func (g *gateway) awaitNotes(want string) {
	g.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		got := g.send(get("/notes")).body
		if got == want {
			return
		}
		if got != "" || time.Now().After(end) {
			g.t.Errorf("noted %q, want %q", got, want)
			return
		}
	}
}
