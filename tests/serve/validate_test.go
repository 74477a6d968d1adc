package serve_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestValidator runs applications behind wsgiref.validate, which raises where the
// server breaks PEP 3333.
func TestValidator(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "pep3333.py"))
	long := strings.Repeat("0123456789abcde\n", 1<<12)
	tests := []struct {
		target, sent, want string
	}{
		{"/", "", "valid\n"},
		{"/?a=b&c", "", "valid\n"},
		{"/echo", "hello", "hello"},
		{"/echo", "", ""},
		{"/echo", long, long},
		{"/lines", "one\ntwo\nthree", "one\ntwo\nthree"},
		{"/generate", "", "one two three"},
		{"/write", "", "one two three"},
		{"/errors", "", ""},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			s := s.in(t)
			a := s.post(test.target, test.sent)
			if a.status != http.StatusOK || a.body != test.want {
				t.Errorf("status %d, %d bytes %.80q, want 200, %d bytes %.80q",
					a.status, len(a.body), a.body, len(test.want), test.want)
			}
		})
	}
	for _, method := range []string{http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		t.Run(method, func(t *testing.T) {
			s := s.in(t)
			a := s.do(s.request(t.Context(), method, "/", http.NoBody))
			if a.err != nil || a.status != http.StatusOK {
				t.Errorf("status %d, %v, body %q", a.status, a.err, a.body)
			}
		})
	}
	// The validator's complaint, if any, is an exception: it would be in the log.
	if count := s.logCount("AssertionError"); count != 0 {
		t.Errorf("the validator complained %d times", count)
	}
}

// TestErrorsStream asserts that what the validator lets through arrives in the log.
func TestErrorsStream(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "pep3333.py"))
	s.getOK("/errors")
	for _, line := range []string{"checked by the validator", "line one", "line two"} {
		s.awaitText(line)
	}
}
