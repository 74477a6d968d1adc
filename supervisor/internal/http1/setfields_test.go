package http1

import (
	"testing"
)

// TestSetFields: what the server's administrator says comes in place of what the
// application says, in its answers and in the engine's own, and for one exchange only.
func TestSetFields(t *testing.T) {
	set := []Field{{[]byte("X-Frame-Options"), []byte("DENY")}, {[]byte("X-Powered-By"), nil}, {[]byte("Server"), []byte("ours")}}
	a := &app{early: func(x *exchange) bool {
		if x.target != "/plain" {
			x.conn.Response.SetFields(set)
		}
		return true
	}, answer: func(x *exchange) {
		if x.target == "/error" {
			x.conn.Response.Error(x.serial, 404, "no\n", "X-A: b\r\n")
			return
		}
		_ = x.complete("200 OK", "ok", "x-frame-options", "ALLOW", "X-A", "b", "X-POWERED-BY", "snake oil", "X-Frame-Options", "SAMEORIGIN")
	}}
	s := serve(t, a, nil)
	c := s.dial(t)
	for target, want := range map[string]map[string][]string{
		"/":      {"X-Frame-Options": {"DENY"}, "X-A": {"b"}, "X-Powered-By": nil},
		"/error": {"X-Frame-Options": {"DENY"}, "X-A": {"b"}, "X-Powered-By": nil},
		"/plain": {"X-Frame-Options": {"ALLOW", "SAMEORIGIN"}, "X-A": {"b"}, "X-Powered-By": {"snake oil"}},
	} {
		r := c.exchange(getTarget(target))
		for name, values := range want {
			got := r.header.Values(name)
			if len(got) != len(values) || len(got) > 0 && got[0] != values[0] {
				t.Errorf("%s: %s is %q, want %q", target, name, got, values)
			}
		}
	}
}
