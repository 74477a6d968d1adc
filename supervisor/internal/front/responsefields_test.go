package front

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// TestRedirectHTTPS: a request goes where it would have come over TLS, with the method
// that it has.
func TestRedirectHTTPS(t *testing.T) {
	f := newFront(t, func(s *site.Site) {
		s.Policy.RedirectHTTPS = true
		s.Policy.TrustedProxies.Unix, s.Policy.TrustedHeaders = true, []string{"X-Forwarded-Proto"}
		s.TLS = &site.TLS{Listen: []site.Listener{{Network: "unix", Address: "/none"}, {Network: "tcp", Address: ":8443"}}}
	})
	source, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := http1.NewListener(source)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, test := range []struct {
		request string
		status  int
		want    string
	}{
		{"GET /a%20b?c HTTP/1.1\r\nHost: H.example:80\r\n\r\n", 301, "https://H.example:8443/a%20b?c"},
		{"HEAD / HTTP/1.0\r\n\r\n", 301, "https://localhost:8443/"},
		{"POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n", 308, "https://[::1]:8443/"},
		{"GET http://h.example/x?y HTTP/1.1\r\nHost: h.example\r\n\r\n", 301, "https://h.example:8443/x?y"},
	} {
		s := sessionFor(t, f, test.request)
		s.conn.Listener = plain
		s.begin()
		status, _, fields := s.objection()
		if status != test.status || fields != "Location: "+test.want+"\r\n" {
			t.Errorf("%q: %d %q", test.request, status, fields)
		}
		s.conn.Secure = true
		s.begin()
		if status, _, _ := s.objection(); status != 0 {
			t.Errorf("%q over TLS: %d", test.request, status)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	f := newFront(t, func(s *site.Site) {
		s.Mounts = []*site.Mount{{Path: "/app", Group: "main"}}
		s.Policy.ResponseHeaders = []string{"X-Frame-Options: DENY", "X-Powered-By:"}
		s.Policy.HSTS = 366 * 24 * time.Hour
	})
	address := serveAt(t, f, "tcp")
	r, _ := ask(t, address, "GET /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n")
	if r.StatusCode != 404 || r.Header.Get("X-Frame-Options") != "DENY" || r.Header.Values("X-Powered-By") != nil || r.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	fields := newResponseFields(&f.options.Site.Policy).secure
	var text []string
	for _, x := range fields {
		text = append(text, string(x.Name)+": "+string(x.Value))
	}
	if got := strings.Join(text, "\n"); got != "X-Frame-Options: DENY\nX-Powered-By: \nStrict-Transport-Security: max-age=31622400" {
		t.Errorf("over TLS: %s", got)
	}
}
