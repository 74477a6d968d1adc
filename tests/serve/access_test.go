package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// accessSite has a place of every kind; the scripts are those of tests/apps/access.py.
const accessSite = `
auth-name = "Members \"only\""
auth-user-script = {{app "access.py"}}
pass-authorization = false

[group.main]
processes = 2

[[mount]]
path = "/"
script = {{app "environ.py"}}

[[location]]
path = "/hosts"
access-script = {{app "access.py"}}

[[location]]
path = "/basic"
auth-type = "basic"

[[location]]
path = "/basic/staff"
auth-group-script = {{app "access.py"}}
require = ["group staff", "user renamed"]

[[location]]
path = "/basic/passed"
pass-authorization = true

[[location]]
path = "/basic/open"
require = "all granted"

[[location]]
path = "/digest"
auth-type = "digest"

[[location]]
path = "/closed"
require = "all denied"
`

// withUser is a GET with the credentials of Basic; user "" sends none.
func (s *server) withUser(target, user, password string) answer {
	s.t.Helper()
	req := s.request(context.Background(), http.MethodGet, target, http.NoBody)
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	a := s.do(req)
	if a.err != nil {
		s.t.Fatalf("GET %s: %v", target, a.err)
	}
	return a
}

// TestAccess: who is let in, what the application is told, and what everybody else is.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := startSite(t, accessSite)
	tests := []struct {
		target, user, password string
		status                 int
		remote                 any // REMOTE_USER
	}{
		{"/", "", "", 200, nil},
		{"/", "anna", "s3cret", 200, nil},
		{"/hosts", "", "", 200, nil},
		{"/basic", "", "", 401, nil},
		{"/basic", "anna", "s3cret", 200, "anna"},
		{"/basic/x", "anna", "s3cret ", 401, nil},
		{"/basic", "nobody", "s3cret", 401, nil},
		{"/basic", "björn", "pässwort", 200, "bj\u00c3\u00b6rn"},
		{"/basic", "renamed", "", 200, "anna"},
		{"/basic", "raise", "x", 500, nil},
		{"/basic", "wrong", "x", 500, nil},
		{"/basic/staff", "anna", "s3cret", 200, "anna"},
		{"/basic/staff", "björn", "pässwort", 401, nil},
		{"/basic/staff", "", "", 401, nil},
		{"/basic/open", "", "", 200, nil},
		{"/closed", "anna", "s3cret", 403, nil},
	}
	for _, test := range tests {
		t.Run(test.target+"_"+test.user, func(t *testing.T) {
			a := s.in(t).withUser(test.target, test.user, test.password)
			challenge := a.header.Get("WWW-Authenticate")
			if want := `Basic realm="Members \"only\"", charset="UTF-8"`; test.status == 401 && challenge != want || test.status != 401 && challenge != "" {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
			if test.status != http.StatusOK {
				assertErrorPage(t, a, test.status)
				return
			}
			if a.status != http.StatusOK {
				t.Fatalf("status %d: %q", a.status, a.body)
			}
			e := readEnviron(t, a.body)
			e.assertValue(t, "REMOTE_USER", test.remote)
			var scheme any
			if test.remote != nil {
				scheme = "Basic"
			}
			e.assertValue(t, "AUTH_TYPE", scheme)
			e.assertValue(t, "HTTP_AUTHORIZATION", nil)
			for key := range e {
				if strings.HasPrefix(key, "wsgid.") {
					t.Errorf("the application gets %s", key)
				}
			}
		})
	}
	if e := readEnviron(t, s.withUser("/basic/passed", "anna", "s3cret").body); e["HTTP_AUTHORIZATION"].Value != "Basic YW5uYTpzM2NyZXQ=" {
		t.Errorf("with pass-authorization the application gets %v", e["HTTP_AUTHORIZATION"])
	}
	s.awaitText("RuntimeError: the users cannot be asked")
	s.awaitText("check_password() must return True, False, None or the name of a user, not int")
	s.awaitText("access: 401 from 127.0.0.1 for GET /basic/x: the password of user 'anna' is wrong")
}

// TestAccessScript: a host that is refused is answered before its body is read, and
// the connection serves the next request.
func TestAccessScript(t *testing.T) {
	t.Parallel()
	s := startSite(t, accessSite)
	c := s.raw()
	defer c.Close()
	large := strings.Repeat("x", 300<<10)
	c.send(fmt.Sprintf("POST /hosts HTTP/1.1\r\nHost: h\r\nCookie: no\r\nContent-Length: %d\r\n\r\n%s", len(large), large))
	assertErrorPage(t, c.response(http.MethodPost), http.StatusForbidden)
	c.send(fmt.Sprintf("POST /hosts HTTP/1.1\r\nHost: h\r\nCookie: yes\r\nContent-Length: %d\r\n\r\n%s", len(large), large))
	readEnviron(t, c.expect(http.StatusOK).body).assertValue(t, "CONTENT_LENGTH", fmt.Sprint(len(large)))
}

// TestAccessLogUser: the access log names whom access control has let in, and nobody
// for other requests of the same connection.
func TestAccessLogUser(t *testing.T) {
	t.Parallel()
	for format, wants := range map[string][]string{
		"common": {"127.0.0.1 - anna [", "127.0.0.1 - - ["},
		"json":   {`"remote_user":"anna"`, `"remote_user":""`},
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "access.log")
			s := startSite(t, fmt.Sprintf("access-log = %q\naccess-log-format = %q\n%s", log, format, accessSite))
			c := s.raw()
			defer c.Close()
			c.send("GET /basic HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YW5uYTpzM2NyZXQ=\r\n\r\n")
			c.expect(http.StatusOK)
			c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			c.expect(http.StatusOK)
			var lines []string
			eventually(t, logWithin, "two lines in the log", func() bool {
				text, err := os.ReadFile(log)
				lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
				return err == nil && len(lines) == 2
			})
			for i, want := range wants {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %d is %s, want %s", i, lines[i], want)
				}
			}
		})
	}
}

// curl runs curl and returns its standard output; proves says what is lost without it.
func (s *server) curl(proves string, args ...string) string {
	s.t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		s.t.Skip("there is no curl: not proved that " + proves)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, "curl", append([]string{"--silent", "--show-error", "--noproxy", "*"}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("curl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestAccessOfCurl: another program than ours reads the challenges.
func TestAccessOfCurl(t *testing.T) {
	t.Parallel()
	s := startSite(t, accessSite)
	const proves = "curl --basic and --digest are let in"
	base := "http://" + s.address()
	for _, test := range []struct {
		scheme, user, target string
		args                 []string
		status               string
	}{
		{"--basic", "anna:s3cret", "/basic", nil, "200"},
		{"--basic", "anna:wrong", "/basic", nil, "401"},
		{"--anyauth", "anna:s3cret", "/basic", nil, "200"},
		{"--digest", "anna:s3cret", "/digest/a%20b?c=d,e&f=%22", nil, "200"},
		{"--digest", "anna:s3cret", "/digest", []string{"--data", "x=y"}, "200"},
		{"--digest", "anna:s3cret", "/digest", []string{"--head"}, "200"},
		{"--digest", "björn:pässwort", "/digest", nil, "200"},
		{"--digest", "anna:wrong", "/digest", nil, "401"},
		{"--digest", "nobody:s3cret", "/digest", nil, "401"},
		{"--anyauth", "anna:s3cret", "/digest", nil, "200"},
	} {
		args := append([]string{test.scheme, "--user", test.user, "--output", os.DevNull, "--write-out", "%{http_code}"}, test.args...)
		if got := s.curl(proves, append(args, base+test.target)...); got != test.status {
			t.Errorf("%s %s %s %q: %s, want %s", test.scheme, test.user, test.target, test.args, got, test.status)
		}
	}
	readEnviron(t, s.curl(proves, "--digest", "--user", "anna:s3cret", base+"/digest")).assertValue(t, "AUTH_TYPE", "Digest")
}

// digestClient is urllib's, which keeps a nonce for all its requests. It makes one for
// every line that it reads, and prints the status and how often it was challenged.
const digestClient = `
import sys, urllib.request
class Handler(urllib.request.HTTPDigestAuthHandler):
    challenges = 0
    def http_error_401(self, *args):
        self.challenges += 1
        return super().http_error_401(*args)
    def retry_http_digest_auth(self, req, auth):
        self.auth = auth
        return super().retry_http_digest_auth(req, auth)
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, sys.argv[1], 'anna', 's3cret')
handler = Handler(passwords)
known = None
for line in sys.stdin:
    request = urllib.request.Request(sys.argv[1] + line.strip())
    if known:
        request.add_unredirected_header('Authorization', 'Digest ' + handler.get_authorization(request, known))
    before = handler.challenges
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
    answer = opener.open(request, timeout=20)
    if handler.challenges > before:
        known = urllib.request.parse_keqv_list(filter(None, urllib.request.parse_http_list(handler.auth.split(' ', 1)[1])))
    print(answer.status, handler.challenges, flush=True)
`

// TestNonceOutlivesGeneration: a client goes on with its nonce when other processes
// serve.
func TestNonceOutlivesGeneration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := writeFile(t, dir, "app.py", answering("one"))
	s := startSite(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\nauth-type = \"digest\"\nauth-name = \"r\"\nauth-user-script = {{app \"access.py\"}}\n"+
		"[[mount]]\npath = \"/\"\nscript = %q\nscript-reloading = true\n", script))
	client := exec.Command(python(), "-c", digestClient, "http://"+s.address())
	client.Stderr = os.Stderr
	lines, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lines.Close()
		_ = client.Wait() // what it printed was read
	})
	ask := func(target string) string {
		t.Helper()
		if _, err := io.WriteString(lines, target+"\n"); err != nil {
			t.Fatal(err)
		}
		var status, challenges string
		if _, err := fmt.Fscan(answers, &status, &challenges); err != nil {
			t.Fatal(err)
		}
		return status + " " + challenges
	}
	for _, target := range []string{"/a", "/b?c=d"} {
		if got := ask(target); got != "200 1" {
			t.Fatalf("%s: status and challenges %s", target, got)
		}
	}
	now := time.Now().Add(time.Second)
	if err := os.Chtimes(script, now, now); err != nil {
		t.Fatal(err)
	}
	s.awaitText("new generation serves")
	if got := ask("/c"); got != "200 1" {
		t.Errorf("after a new generation: status and challenges %s", got)
	}
}

// TestAccessScriptReloading: a changed script is followed, a broken one is not.
func TestAccessScriptReloading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	checks := func(password string) string {
		return fmt.Sprintf("def check_password(environ, user, password):\n    return password == %q\n", password)
	}
	script := writeFile(t, dir, "users.wsgi", checks("one"))
	s := startSite(t, fmt.Sprintf("listen = \"127.0.0.1:0\"\n[[mount]]\npath = \"/\"\nscript = {{app \"hello.py\"}}\nscript-reloading = true\n"+
		"[[location]]\npath = \"/in\"\nauth-type = \"basic\"\nauth-name = \"r\"\nauth-user-script = %q\n", script))
	if a := s.withUser("/in", "u", "one"); a.status != http.StatusOK {
		t.Fatalf("status %d", a.status)
	}
	replace(t, dir, "users.wsgi", checks("two"))
	eventually(t, reloadWithin, "the changed script", func() bool { return s.withUser("/in", "u", "two").status == http.StatusOK })
	replace(t, dir, "users.wsgi", "check_password = None\n")
	s.awaitText("there is no function check_password() in " + script)
	if a := s.withUser("/in", "u", "two"); a.status != http.StatusOK {
		t.Errorf("status %d while the script is broken", a.status)
	}
	if a := s.withUser("/in", "u", "one"); a.status != http.StatusUnauthorized {
		t.Errorf("status %d for what the script said first", a.status)
	}
}
