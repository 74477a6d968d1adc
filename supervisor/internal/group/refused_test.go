package group

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func refusedFrame(parts ...string) []byte {
	return raw(wire.Refused, wire.Last, (len(parts)-1)/2, strings.Join(parts, "\x00"), "")
}

// What access control refuses is answered with a page of the site, and the thread
// goes on.
func TestRefused(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	for _, test := range []struct {
		parts  []string
		status int
		fields string
	}{
		{[]string{"401", "WWW-Authenticate", `Basic realm="caf` + "\xe9" + `"`}, 401, "WWW-Authenticate: Basic realm=\"caf\xe9\"\r\n"},
		{[]string{"403"}, 403, ""},
		{[]string{"400"}, 400, ""},
		{[]string{"503", "Retry-After", "1"}, 503, "Retry-After: 1\r\n"},
	} {
		c := r.request("/x")
		w[0][0].take(wire.Request)
		w[0][0].send(refusedFrame(test.parts...))
		c.answered(test.status)
		if !strings.Contains(c.text, "id/x") || c.fields != IDField("id/x")+test.fields {
			t.Errorf("%q: page %q, fields %q", test.parts, c.text, c.fields)
		}
	}
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
	if r.logged(abnormal) > 0 {
		t.Error("a refusal is logged as an abnormal end")
	}
}

// A worker cannot make a header of its own by a refusal, nor another answer.
func TestBrokenRefusal(t *testing.T) {
	for _, frame := range [][]byte{
		refusedFrame("401", "WWW-Authenticate", "Basic\r\nSet-Cookie: a=b"),
		refusedFrame("401", "Set-Cookie", "a=b"),
		refusedFrame("401", "WWW-Authenticate"),
		refusedFrame("200"),
		refusedFrame("302", "Location", "/"),
		refusedFrame(""),
		raw(wire.Refused, wire.Last, 0, "403", "body"),
		append(raw(wire.Response, 0, 0, "200 OK", ""), refusedFrame("403")...),
	} {
		r := newRig(t, nil)
		_, w := r.start(1, 1)
		c := r.request("/x")
		w[0][0].take(wire.Request)
		w[0][0].send(frame)
		await(t, "the end", c.done)
		if !c.aborted && c.status != 502 {
			t.Errorf("%q: aborted %v, status %d", frame, c.aborted, c.status)
		}
		r.once(abnormal, "id/x", "broken frame: a refusal")
	}
}

// Whom access control lets in is known to the access log, and only for that request.
func TestUser(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	first := r.request("/x")
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.User, 0, 0, "anna", ""))
	w[0][0].answer("x")
	first.answered(200)
	if got := first.x.User(); got != "anna" {
		t.Errorf("the user is %q", got)
	}
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
	if got := next.x.User(); got != "" {
		t.Errorf("the next request is that of %q", got)
	}
	first.x.Reset()
	if got := first.x.User(); got != "" {
		t.Errorf("%q is not forgotten", got)
	}
}

func TestBrokenUser(t *testing.T) {
	for _, frames := range [][]byte{
		raw(wire.User, 0, 0, "anna", "body"),
		append(raw(wire.Response, 0, 0, "200 OK", ""), raw(wire.User, 0, 0, "anna", "")...),
	} {
		r := newRig(t, nil)
		_, w := r.start(1, 1)
		c := r.request("/x")
		w[0][0].take(wire.Request)
		w[0][0].send(frames)
		await(t, "the end", c.done)
		if got := c.x.User(); got != "" {
			t.Errorf("the user is %q", got)
		}
		r.once(abnormal, "id/x", "broken frame: a user")
	}
}

// A name that comes when the client has its answer is nobody's.
func TestLateUser(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.RequestTimeout = 50 * time.Millisecond })
	_, w := r.start(1, 1)
	c := r.request("/x")
	w[0][0].take(wire.Request)
	c.answered(504)
	// The frame behind it shows when it has been read.
	w[0][0].send(raw(wire.User, 0, 0, "anna", ""), raw(99, 0, 0, "", ""))
	r.once("a worker broke the rules", "kind 99")
	if got := c.x.User(); got != "" {
		t.Errorf("the user is %q", got)
	}
}
