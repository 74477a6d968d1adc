package front

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// guarded is a front end whose places have rules of access.
func guarded(t testing.TB, secret string) *Front {
	text := `
server-name = "h"
auth-name = "r"
auth-user-script = "/srv/users.wsgi"
pass-authorization = false
[group.main]
[group.api]
[[mount]]
path = "/"
script = "/srv/app.py"
group = "main"
[[mount]]
path = "/api"
script = "/srv/app.py"
group = "api"
[[mount]]
path = "/blog"
script = "/srv/app.py"
group = "main"
map-head-to-get = "on"
[[location]]
path = "/api/digest"
auth-type = "digest"
[[location]]
path = "/hosts"
access-script = "/srv/hosts.wsgi"
[[location]]
path = "/basic"
auth-type = "basic"
[[location]]
path = "/basic/open"
require = "all granted"
[[location]]
path = "/blog/digest"
auth-type = "digest"
pass-authorization = true
`
	s, err := site.Parse("test", "test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(t, nil)
	f.conf.Store(newSettings(s, map[string]*group.Group{"main": f.conf.Load().hosts.all[0].places.root.group}, files{}, []byte(secret)))
	return f
}

// ours are the keys that only the worker's access control sees.
func ours(environ map[string]string) map[string]string {
	found := map[string]string{}
	for key, value := range environ {
		if strings.HasPrefix(key, "wsgid.") {
			found[key] = value
		}
	}
	return found
}

func TestGuard(t *testing.T) {
	f := guarded(t, "secret")
	tests := []struct {
		name, request string
		want          map[string]string
	}{
		{"no rule", "GET / HTTP/1.1\r\nAuthorization: Basic x\r\n", nil},
		{"opened again", "GET /basic/open/x HTTP/1.1\r\nAuthorization: Basic x\r\n", nil},
		{"host", "GET /hosts HTTP/1.1\r\nAuthorization: Basic x\r\n", map[string]string{"wsgid.access": "access\t/srv/hosts.wsgi\nopen"}},
		{"nobody yet", "GET /basic HTTP/1.1\r\n", map[string]string{"wsgid.access": "name\tr\nbasic\t/srv/users.wsgi\nany-user"}},
		{"another spelling", "GET /x/..//b%61sic/ HTTP/1.1\r\n", map[string]string{"wsgid.access": "name\tr\nbasic\t/srv/users.wsgi\nany-user"}},
		{"somebody", "GET /basic/x HTTP/1.1\r\nauthorization: Basic dTpw\r\n", map[string]string{
			"wsgid.access": "name\tr\nbasic\t/srv/users.wsgi\nany-user", "wsgid.authorization": "Basic dTpw",
		}},
		{"twice", "GET /basic HTTP/1.1\r\nAuthorization: Basic a\r\nX: y\r\nAUTHORIZATION: Basic b\r\n", map[string]string{
			"wsgid.access": "name\tr\nbasic\t/srv/users.wsgi\nany-user", "wsgid.authorization": "Basic a, Basic b",
		}},
		{"forged", "GET /hosts HTTP/1.1\r\nwsgid.access: open\r\nWsgid-Access: open\r\n", map[string]string{"wsgid.access": "access\t/srv/hosts.wsgi\nopen"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := environOf(t, sessionFor(t, f, test.request+"Host: h\r\n\r\n"))
			if found := ours(got); len(found) != len(test.want) {
				t.Errorf("the worker gets %q", found)
			}
			for key, value := range test.want {
				if got[key] != value {
					t.Errorf("%s is %q, want %q", key, got[key], value)
				}
			}
			if _, there := got["HTTP_AUTHORIZATION"]; there {
				t.Error("the application gets the credentials")
			}
		})
	}
}

// TestGuardOfDigest: the worker gets a key, the method of the client, and the
// application what pass-authorization says.
func TestGuardOfDigest(t *testing.T) {
	const request = "HEAD /blog/digest HTTP/1.1\r\nHost: h\r\nAuthorization: Digest a=b\r\n\r\n"
	f := guarded(t, "secret")
	got := environOf(t, sessionFor(t, f, request))
	if got["REQUEST_METHOD"] != "GET" || got["wsgid.method"] != "HEAD" || got["HTTP_AUTHORIZATION"] != "Digest a=b" {
		t.Errorf("method %q, the client's %q, Authorization %q", got["REQUEST_METHOD"], got["wsgid.method"], got["HTTP_AUTHORIZATION"])
	}
	key := got["wsgid.nonce-key"]
	if len(key) != 64 || strings.Contains(key, "secret") {
		t.Errorf("key %q", key)
	}
	if again := environOf(t, sessionFor(t, f, request))["wsgid.nonce-key"]; again != key {
		t.Error("the next request has another key")
	}
	if other := environOf(t, sessionFor(t, guarded(t, "other"), request))["wsgid.nonce-key"]; other == key {
		t.Error("another site has the same key")
	}
	if api := environOf(t, sessionFor(t, f, strings.Replace(request, "/blog", "/api", 1)))["wsgid.nonce-key"]; len(api) != 64 || api == key {
		t.Errorf("the key of another group is %q", api)
	}
}

func TestGuardDoesNotAllocate(t *testing.T) {
	f := guarded(t, "secret")
	frame := f.frames.get()
	for _, path := range []string{"/", "/basic", "/blog/digest"} {
		s := sessionFor(t, f, "GET "+path+" HTTP/1.1\r\nHost: h\r\nAuthorization: Digest a=b\r\n\r\n")
		if n := testing.AllocsPerRun(100, func() { s.build(t, frame) }); n > 0 {
			t.Errorf("%s: %v allocations for each request", path, n)
		}
	}
}

// TestLogUser: the access log has a user as one field, whatever its name is.
func TestLogUser(t *testing.T) {
	for user, want := range map[string]string{
		"": "-", "anna": "anna", "carl friedrich ": `carl\x20friedrich\x20`, "a\"b\\": `a\"b\\`, "\u00e9\n": `\xc3\xa9\x0a`,
	} {
		if got := string(appendUser(nil, user)); got != want {
			t.Errorf("%q is %s, want %s", user, got, want)
		}
	}
}
