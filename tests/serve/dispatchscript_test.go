package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dispatchSite = `
[group.web]
processes = 1
threads = 1

[group.admin]
processes = 1
threads = 2

[group.away]
processes = 1
threads = 1

[group.asks]
processes = 1
threads = 2

[[mount]]
path = "/"
script = "DIR/app.wsgi"
group = "web"
application-group = ""
dispatch-script = "DIR/dispatch.wsgi"
dispatch-group = "asks"
dispatch-timeout = "1s"
restrict-process = ["web", "admin"]

[[mount]]
path = "/own"
script = "DIR/app.wsgi"
group = "web"
application-group = "apart"
dispatch-script = "DIR/dispatch.wsgi"

[[mount]]
path = "/away"
script = "DIR/app.wsgi"
group = "away"

[[location]]
path = "/only"
restrict-process = "admin"

[[location]]
path = "/secret"
auth-type = "basic"
auth-name = "x"
auth-user-script = "DIR/users.wsgi"
`

const dispatchScript = `
import os, time, urllib.parse

def chosen(environ, name):
    for key in environ:
        assert not key.startswith('wsgid.') and key != 'wsgi.input', key
    assert environ['mod_wsgi.process_group'] == 'web'
    query = dict(urllib.parse.parse_qsl(environ['QUERY_STRING']))
    if query.get('sleep'):
        time.sleep(float(query['sleep']))
    if query.get('wait'):
        open('DIR/asked', 'w').close()
        while not os.path.exists('DIR/go'):
            time.sleep(0.01)
    if query.get('die'):
        os._exit(3)
    if query.get('raise'):
        raise ValueError('cannot choose')
    return query.get(name)

def process_group(environ):
    return chosen(environ, 'group')

def application_group(environ):
    return chosen(environ, 'application')

def callable_object(environ):
    return chosen(environ, 'callable')
`

const dispatchedApplication = `
def answer(environ, start_response, name):
    with open('DIR/called', 'a') as file:
        file.write(environ['PATH_INFO'] + '\n')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    assert not [key for key in environ if key.startswith('wsgid.')]
    return [' '.join((name, environ['mod_wsgi.process_group'], environ['mod_wsgi.application_group'] or '-', environ['mod_wsgi.callable_object'],
                      environ['PATH_INFO'], str(len(environ['wsgi.input'].read())), environ.get('REMOTE_USER', '-'))).encode()]

def application(environ, start_response):
    if environ['PATH_INFO'] == '/local':
        start_response('200 OK', [('Location', '/a?' + environ['QUERY_STRING'])])
        return []
    return answer(environ, start_response, 'usual')

class Other:
    def inner(environ, start_response):
        return answer(environ, start_response, 'other')
`

const dispatchUsers = `
def check_password(environ, user, password):
    return password == 'right'
`

func startDispatch(t *testing.T) (s *server, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"app.wsgi": dispatchedApplication, "dispatch.wsgi": dispatchScript, "users.wsgi": dispatchUsers,
	} {
		writeFile(t, dir, name, strings.ReplaceAll(text, "DIR", dir))
	}
	return startSite(t, strings.ReplaceAll(dispatchSite, "DIR", dir)), dir
}

// TestDispatchScript: the functions choose group, application group and callable of each
// request; what the site file does not allow, and what goes wrong, is answered 500 and told.
func TestDispatchScript(t *testing.T) {
	t.Parallel()
	s, _ := startDispatch(t)
	small, large := strings.Repeat("x", 1000), strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		target, body string
		want         string // of the answer, or of the log
		status       int
	}{
		{"/a", "", "usual web - application /a 0 -", 200},
		{"/a?group=web", small, "usual web - application /a 1000 -", 200},
		{"/a?group=admin", large, "usual admin - application /a 3145728 -", 200},
		{"/a?group=admin&callable=Other.inner", small, "other admin - Other.inner /a 1000 -", 200},
		{"/a?application=%25%7BGLOBAL%7D", "", "usual web - application /a 0 -", 200},
		{"/a?application=apart&callable=Other.inner", "", "other web apart Other.inner /a 0 -", 200},
		{"/own", "", "usual web apart application  0 -", 200},
		{"/own?application=%25%7BGLOBAL%7D", small, "usual web - application  1000 -", 200},
		{"/local?group=admin", small, "usual admin - application /a 0 -", 200},
		{"/local?application=apart", "", "usual web apart application /a 0 -", 200},
		{"/only?group=admin", "", "usual admin - application /only 0 -", 200},
		{"/only", "", "process_group() chose nothing, and restrict-process does not have the mount's group web", 500},
		{"/only?group=web", "", `process_group() chose "web", which is neither the mount's group nor one of restrict-process`, 500},
		{"/own?group=admin", small, `process_group() chose "admin", which is neither`, 500},
		{"/a?group=away", large, `process_group() chose "away", which is neither`, 500},
		{"/a?application=none", "", `application_group() chose "none", where no mount runs this application in group web`, 500},
		{"/a?group=admin&application=apart", "", `application_group() chose "apart", where no mount runs this application in group admin`, 500},
		{"/a?callable=none", "", "there is no 'none' in ", 500},
		{"/a?raise=1", large, "ValueError: cannot choose", 500},
		{"/own?raise=1", "", "cannot dispatch a request: the functions failed", 500},
		{"/a?die=1", small, "cannot dispatch a request: the functions failed", 500},
		{"/a?sleep=2", small, "the functions took longer than dispatch-timeout, 1s", 500},
		{"/a", "", "usual web - application /a 0 -", 200},
	} {
		a := s.do(s.request(t.Context(), http.MethodPost, c.target, strings.NewReader(c.body)))
		switch {
		case a.err != nil || a.status != c.status:
			t.Errorf("%s: status %d, %q, %v, want %d", c.target, a.status, a.body, a.err, c.status)
		case c.status == http.StatusOK && a.body != c.want:
			t.Errorf("%s: %q, want %q", c.target, a.body, c.want)
		case c.status != http.StatusOK:
			s.awaitRecord(c.want, func(r record) bool { return strings.Contains(r.text("msg"), c.want) })
			if !strings.Contains(a.body, a.header.Get("X-Request-Id")) {
				t.Errorf("%s: the page %q has not the id %q", c.target, a.body, a.header.Get("X-Request-Id"))
			}
		}
	}
	if a := s.get("/secret"); a.status != http.StatusUnauthorized {
		t.Errorf("/secret: status %d", a.status)
	}
	for _, group := range []string{"web", "admin"} {
		if a := s.withUser("/secret?group="+group, "anna", "right"); a.body != "usual "+group+" - application /secret 0 anna" {
			t.Errorf("/secret in %s: status %d, %q", group, a.status, a.body)
		}
	}
}

// TestDispatchAndBody: a body that is passed on while it arrives waits for the choice, and is
// not waited for where there is none.
func TestDispatchAndBody(t *testing.T) {
	t.Parallel()
	s, _ := startDispatch(t)
	for query, want := range map[string]string{"group=admin": "usual admin - application /a 4 -", "group=away": "cannot be found out"} {
		c := s.raw()
		c.send(head("POST", "/a?"+query, "Content-Length: 4", "Expect: 100-continue"))
		a := c.response("POST")
		if a.status == http.StatusContinue {
			c.send("body")
			a = c.response("POST")
		}
		if a.err != nil || !strings.Contains(a.body, want) {
			t.Errorf("%s: status %d, %q, %v, want %q", query, a.status, a.body, a.err, want)
		}
	}
}

// TestDispatchAndGone: a request whose client has gone while it was dispatched does not reach
// the application.
func TestDispatchAndGone(t *testing.T) {
	t.Parallel()
	s, dir := startDispatch(t)
	c := s.raw()
	c.send(get("/gone?wait=1"))
	eventually(t, answerWithin, "the question", func() bool {
		_, err := os.Stat(filepath.Join(dir, "asked"))
		return err == nil
	})
	c.Close()
	s.getOK("/a") // the server has looked at its connections
	writeFile(t, dir, "go", "")
	s.stop()
	called, err := os.ReadFile(filepath.Join(dir, "called"))
	if err != nil || string(called) != "/a\n" {
		t.Errorf("the application was called for %q, %v", called, err)
	}
}
