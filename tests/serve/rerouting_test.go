package serve_test

import (
	"strings"
	"testing"
)

const reroutingSite = `
[group.main]
processes = 1
threads = 1

[[mount]]
path = "/"
script = {{app "environ.py"}}

[[mount]]
path = "/app"
script = {{app "environ.py"}}
application-group = "second"

[[redirect]]
path = "/old"
to = "/new"
status = 301

[[redirect]]
path-match = "^/moved/(.*)$"
to = "/user/$1"
status = 307

[[rewrite]]
path-match = "^/user/(?P<name>[a-z]+)$"
to = "/app/profile?name=${name}"
query = "append"

[[vhost]]
server-name = "other.example"

[[vhost.mount]]
path = "/"
script = {{app "environ.py"}}

[[vhost.redirect]]
path = "/old"
to = "https://www.example.org/"

[[vhost.rewrite]]
path = "/app"
to = "/"
`

// TestRerouting: curl follows redirects, with its method where the status keeps that, and
// applications see what a rewrite makes of an address; each host has its own.
func TestRerouting(t *testing.T) {
	t.Parallel()
	s := startSite(t, reroutingSite)
	const proves = "curl follows redirects to rewritten addresses"
	base := "http://" + s.address()
	e := readEnviron(t, s.curl(proves, "--location", base+"/old/a%20b?c=d"))
	for key, want := range map[string]any{"REQUEST_URI": "/new/a%20b?c=d", "PATH_INFO": "/new/a b", "QUERY_STRING": "c=d", "REDIRECT_URL": nil} {
		e.assertValue(t, key, want)
	}
	e = readEnviron(t, s.curl(proves, "--location", "--data", "x=y", base+"/moved/joe?c=d"))
	for key, want := range map[string]any{
		"REQUEST_METHOD": "POST", "REQUEST_URI": "/user/joe?c=d", "SCRIPT_NAME": "/app", "PATH_INFO": "/profile", "QUERY_STRING": "name=joe&c=d",
		"CONTENT_LENGTH": "3", "REDIRECT_URL": "/user/joe", "REDIRECT_QUERY_STRING": "c=d", "REDIRECT_STATUS": "200", "mod_wsgi.application_group": "second",
	} {
		e.assertValue(t, key, want)
	}
	for _, test := range []struct{ host, target, want string }{
		{"any.example", "/old", "301 " + base + "/new"},
		{"other.example", "/old/x?y", "302 https://www.example.org/x?y"},
		{"other.example", "/moved/x", "200 "},
		{"any.example", "/old/%0d%0aX-Evil:%201", "301 " + base + "/new/%0D%0AX-Evil:%201"},
	} {
		// Not following: curl 7.88 cannot use such a connection of HTTP/2 again.
		for _, protocol := range []string{"--http1.1", "--http2-prior-knowledge"} {
			out := s.curl(proves, protocol, "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", "--header", "Host: "+test.host, base+test.target)
			if strings.TrimSpace(out) != strings.TrimSpace(test.want) {
				t.Errorf("%s %s%s: %s, want %s", protocol, test.host, test.target, out, test.want)
			}
		}
	}
	readEnviron(t, s.curl(proves, "--header", "Host: other.example", base+"/app/x")).assertValue(t, "PATH_INFO", "/x")
}
