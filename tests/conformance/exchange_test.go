package conformance_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// exchange is a request and what must be true of the response.
type exchange struct {
	name    string
	request string
	want    []check
}

// check looks at a response and says what is wrong with it, "" for nothing.
type check func(*reply) string

// play makes the exchanges, each as a subtest.
func play(t *testing.T, g *gateway, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			g := g.in(t)
			r := g.send(e.request)
			for _, c := range append([]check{whole}, e.want...) {
				if fault := c(r); fault != "" {
					t.Errorf("%.200q\n%s\nstatus %d, header %q, body %.500q", e.request, fault, r.status, r.header, r.body)
					return
				}
			}
		})
	}
}

// playTwice plays against the application as it is, and behind wsgiref.validate.
func playTwice(t *testing.T, c config, exchanges []exchange) {
	t.Helper()
	play(t, serve(t, c), exchanges)
	t.Run("validated", func(t *testing.T) {
		c.env = `VALIDATE = "yes"`
		g := serve(t, c)
		play(t, g, exchanges)
		if strings.Contains(g.log.String(), "AssertionError") {
			t.Errorf("the validator complained")
		}
	})
}

// whole is part of every exchange but those that are to be cut; see cut.
func whole(r *reply) string {
	if r.err != nil && r.header.Get("X-To-Be-Cut") == "" {
		return fmt.Sprint("the response was cut: ", r.err)
	}
	return ""
}

// cut is a response that a client can tell from a whole one.
func cut(r *reply) string {
	if r.err == nil {
		return "the response looks complete"
	}
	return ""
}

func status(n int) check {
	return func(r *reply) string {
		if r.status != n {
			return fmt.Sprint("want status ", n)
		}
		return ""
	}
}

func body(text string) check {
	return func(r *reply) string {
		if r.body != text {
			return fmt.Sprintf("want body %.500q", text)
		}
		return ""
	}
}

// header has all values of a field, in order; none means that it must be absent.
func header(name string, values ...string) check {
	return func(r *reply) string {
		if got := r.header.Values(name); !slices.Equal(got, values) {
			return fmt.Sprintf("%s is %q, want %q", name, got, values)
		}
		return ""
	}
}

// errorPage is an answer of wsgid itself: with the request's id, without a traceback.
func errorPage(n int) check {
	return func(r *reply) string {
		id := r.header.Get("X-Request-ID")
		switch {
		case r.status != n:
			return fmt.Sprint("want status ", n)
		case id == "" || !strings.Contains(r.body, id):
			return fmt.Sprintf("the page does not name the request %q", id)
		case strings.Contains(r.body, "Traceback"):
			return "the page shows the traceback"
		}
		return ""
	}
}

// value is what the application saw: JSON of the body, by key.
func value(key string, want any) check {
	return func(r *reply) string {
		seen := map[string]any{}
		if err := json.Unmarshal([]byte(r.body), &seen); err != nil {
			return fmt.Sprintf("body is no JSON: %v", err)
		}
		got, present := seen[key]
		switch {
		case want == nil && present:
			return fmt.Sprintf("%s is %#v, want none", key, got)
		case want != nil && !reflect.DeepEqual(got, want):
			return fmt.Sprintf("%s is %#v, want %#v", key, got, want)
		}
		return ""
	}
}

// none is a key that the application must not see.
func none(keys ...string) check {
	return func(r *reply) string {
		for _, key := range keys {
			if fault := value(key, nil)(r); fault != "" {
				return fault
			}
		}
		return ""
	}
}
