package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const handlerSite = `
[group.web]
processes = 1
threads = 2

[group.docs]
processes = 1
threads = 2

[[mount]]
path = "/"
script = {{app "environ.py"}}
group = "web"

[[mount]]
path = "/go"
script = "DIR/handler.wsgi"
group = "docs"
application-group = ""

[[static]]
path = "/docs"
directory = "DIR/docs"
index = "index.rst"

[[handler]]
suffix = ".rst"
script = "DIR/handler.wsgi"
group = "docs"
application-group = ""
script-reloading = true
`

const handlerScript = `
def application(environ, start_response):
    start_response('200 OK', [('Location', environ['QUERY_STRING'])])
    return []

def handle_request(environ, start_response):
    with open(environ['SCRIPT_FILENAME']) as file:
        text = 'VERSION %s %s %s %s %s' % (environ['REQUEST_METHOD'], environ['SCRIPT_NAME'], environ['PATH_INFO'],
                                           file.read(), environ['wsgi.input'].read().decode())
    for key in ('mod_wsgi.handler_script', 'mod_wsgi.request_handler', 'mod_wsgi.callable_object'):
        text += '\n' + environ[key]
    for key in ('wsgid.file', 'wsgid.application', 'PATH_TRANSLATED'):
        assert key not in environ, key
    start_response('200 OK', [('Content-Type', 'text/plain; charset=utf-8')])
    return [text.encode()]
`

// TestHandler: files of a name are answered by a function, which opens them itself, beside
// others that are sent; when its script changes, so does the answer.
func TestHandler(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	docs := filepath.Join(dir, "docs")
	if err := os.Mkdir(docs, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "handler.wsgi", strings.Replace(handlerScript, "VERSION", "1", 1))
	for name, text := range map[string]string{"a.rst": "A", "index.rst": "INDEX", "caf\u00e9.rst": "CAFE", "plain.txt": "PLAIN"} {
		writeFile(t, docs, name, text)
	}
	s := startSite(t, strings.ReplaceAll(handlerSite, "DIR", dir))
	facts := "\n" + filepath.Join(dir, "handler.wsgi") + "\nrst\nhandle_request"
	for _, c := range []struct {
		method, target, body, want string
	}{
		{"GET", "/docs/a.rst", "", "1 GET /docs/a.rst  A " + facts},
		{"GET", "/docs/a.rst/b%20c?q", "", "1 GET /docs/a.rst /b c A " + facts},
		{"GET", "/docs/", "", "1 GET /docs/index.rst  INDEX " + facts},
		{"GET", "/go?/docs/a.rst/x", "", "1 GET /docs/a.rst /x A " + facts},
		{"GET", "/go?/docs", "", "1 GET /docs/index.rst  INDEX " + facts},
		{"GET", "/go?/docs/plain.txt", "", "PLAIN"},
		{"GET", "/docs/plain.txt", "", "PLAIN"},
		{"POST", "/docs/caf%C3%A9.rst", "BODY", "1 POST /docs/caf\u00c3\u00a9.rst  CAFE BODY" + facts},
	} {
		if a := s.do(s.request(t.Context(), c.method, c.target, strings.NewReader(c.body))); a.status != http.StatusOK || a.body != c.want {
			t.Errorf("%s %s: status %d, %q, want %q", c.method, c.target, a.status, a.body, c.want)
		}
	}
	if a := s.get("/docs/none.rst"); a.status != http.StatusNotFound {
		t.Errorf("a file that is not there: status %d", a.status)
	}
	s.ask(t, get("/elsewhere/a.rst")).assertValue(t, "PATH_INFO", "/elsewhere/a.rst")
	writeFile(t, dir, "handler.wsgi", strings.Replace(handlerScript, "VERSION", "2", 1))
	eventually(t, reloadWithin, "the changed handler", func() bool {
		return strings.HasPrefix(s.get("/docs/a.rst").body, "2 GET ")
	})
}
