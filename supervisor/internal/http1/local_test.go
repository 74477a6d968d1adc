package http1

import (
	"errors"
	"testing"
)

// TestLocal: a response of status 200 with a path as its Location is made elsewhere; others
// go to the client.
func TestLocal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status, location string
		local            bool
	}{
		{"200 OK", "/there", true},
		{"200 OK", "http://h/there", false},
		{"200 OK", "", false},
		{"201 Created", "/there", false},
		{"302 Found", "/there", false},
	} {
		for _, whole := range []bool{true, false} {
			s := serve(t, &app{answer: func(x *exchange) {
				r := &x.conn.Response
				first := head(test.status, "Location", test.location, "X-First", "1")
				r.SetLocal(func(location []byte) func() {
					if string(location) != test.location {
						t.Errorf("location %q", location)
					}
					return func() {
						if !r.Again(x.serial, func() { r.SetLocal(nil) }) {
							t.Error("the exchange is over")
						}
						if err := x.complete("404 Not Found", "second", "Location", "/there"); err != nil {
							t.Error(err)
						}
					}
				})
				if whole {
					if err := r.Complete(x.serial, first, tight("first")); err != nil {
						t.Error(err)
					}
					return
				}
				over, err := r.Start(x.serial, first, tight("first"))
				if err != nil || over != test.local {
					t.Errorf("Start: over %t, %v", over, err)
				}
				if err := r.End(x.serial); test.local != errors.Is(err, ErrGone) {
					t.Errorf("End: %v", err)
				}
			}}, nil)
			c := s.dial(t)
			for range 2 {
				got := c.exchange(get)
				want := map[bool]string{true: "second", false: "first"}[test.local]
				if got.body != want || (got.header.Get("X-First") == "") != test.local {
					t.Errorf("%s, %q, whole %t: %d %q %v", test.status, test.location, whole, got.status, got.body, got.header)
				}
			}
			s.stop()
		}
	}
}
