package serve_test

import (
	"encoding/json"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// variable is one value of the environ as the application saw it.
type variable struct {
	Type  string
	Value any
}

type environ map[string]variable

func readEnviron(t *testing.T, body string) environ {
	t.Helper()
	var e environ
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return e
}

// ask sends one request as it stands and returns the environ it became.
func (s *server) ask(t *testing.T, request string) environ {
	t.Helper()
	c := s.raw()
	defer c.Close()
	c.send(request)
	return readEnviron(t, c.expect(http.StatusOK).body)
}

// assertValue asserts one value; nil means that the key must be absent.
func (e environ) assertValue(t *testing.T, key string, want any) {
	t.Helper()
	got, present := e[key]
	switch {
	case want == nil && present:
		t.Errorf("%s is %v, want it absent", key, got.Value)
	case want != nil && !present:
		t.Errorf("%s is absent, want %q", key, want)
	case want != nil && !reflect.DeepEqual(got.Value, want):
		t.Errorf("%s is %q, want %q", key, got.Value, want)
	}
}

// TestEnvironOfRequest: what the bytes of a request become, PEP 3333 "environ
// Variables", RFC 3875 section 4.1 and the header rules of mod_wsgi 6.
func TestEnvironOfRequest(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "environ.py"))
	type want map[string]any
	tests := []struct {
		name, request string
		want          want
	}{
		{"plain", get("/a/b?c=d&e=%20"), want{
			"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/a/b", "QUERY_STRING": "c=d&e=%20",
			"SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "test", "REQUEST_URI": "/a/b?c=d&e=%20",
			"wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1",
		}},
		{"no query", get("/"), want{"PATH_INFO": "/", "QUERY_STRING": ""}},
		{"empty query", get("/?"), want{"QUERY_STRING": "", "REQUEST_URI": "/?"}},
		{"question mark in query", get("/?a?b"), want{"QUERY_STRING": "a?b"}},
		{"percent decoding", get("/a%20b%2Fc"), want{"PATH_INFO": "/a b/c", "REQUEST_URI": "/a%20b%2Fc"}},
		{"decoded once", get("/%2541"), want{"PATH_INFO": "/%41"}},
		{"plus is a plus", get("/a+b"), want{"PATH_INFO": "/a+b"}},
		{"utf-8 path as latin-1", get("/caf%C3%A9"), want{"PATH_INFO": "/caf\u00c3\u00a9"}},
		{"any byte in path", get("/%FF"), want{"PATH_INFO": "/\u00ff"}},
		{"double slash", get("//a///b//"), want{"PATH_INFO": "/a/b/", "REQUEST_URI": "//a///b//"}},
		{"dot segments", get("/a/./b/../c"), want{"PATH_INFO": "/a/c", "REQUEST_URI": "/a/./b/../c"}},
		{"header", get("/", "X-Some-Header: value"), want{"HTTP_X_SOME_HEADER": "value"}},
		{"header spaces trimmed", get("/", "X-A: \t value \t"), want{"HTTP_X_A": "value"}},
		{"empty header", get("/", "X-A:"), want{"HTTP_X_A": ""}},
		{"latin-1 header", get("/", "X-A: caf\xe9"), want{"HTTP_X_A": "caf\u00e9"}},
		{"duplicates joined", get("/", "X-A: one", "x-a: two"), want{"HTTP_X_A": "one, two"}},
		{"cookies joined", get("/", "Cookie: a=1", "Cookie: b=2"), want{"HTTP_COOKIE": "a=1; b=2"}},
		{"underscore dropped", get("/", "X_A: spoof"), want{"HTTP_X_A": nil}},
		{"underscore does not join", get("/", "X-A: true", "X_A: spoof"), want{"HTTP_X_A": "true"}},
		{"other token characters dropped", get("/", "X.A: spoof"), want{"HTTP_X.A": nil, "HTTP_X_A": nil}},
		{"proxy dropped", get("/", "Proxy: http://evil"), want{"HTTP_PROXY": nil}},
		{"authorization kept", get("/", "Authorization: Basic eDp5"), want{"HTTP_AUTHORIZATION": "Basic eDp5"}},
		{"content", head("POST", "/", "Content-Length: 2", "Content-Type: a/b; c=d") + "ok", want{
			"CONTENT_LENGTH": "2", "CONTENT_TYPE": "a/b; c=d", "HTTP_CONTENT_LENGTH": nil, "HTTP_CONTENT_TYPE": nil,
		}},
		{"http/1.0", "GET / HTTP/1.0\r\n\r\n", want{"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": nil}},
		{"absolute-form", "GET http://other:8080/p?q HTTP/1.1\r\nHost: other:8080\r\n\r\n", want{
			"PATH_INFO": "/p", "QUERY_STRING": "q", "HTTP_HOST": "other:8080",
		}},
		{"method case", head("get", "/"), want{"REQUEST_METHOD": "get"}},
		{"unknown method", head("BREW", "/pot"), want{"REQUEST_METHOD": "BREW"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := s.in(t)
			e := s.ask(t, test.request)
			for key, value := range test.want {
				e.assertValue(t, key, value)
			}
		})
	}
}

// TestEnvironKeys: what every environ holds and what none may.
func TestEnvironKeys(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "environ.py"), "--processes", "2", "--threads", "3")
	e := s.ask(t, get("/"))
	types := map[string]string{
		"REQUEST_METHOD": "str", "SCRIPT_NAME": "str", "PATH_INFO": "str", "QUERY_STRING": "str",
		"SERVER_NAME": "str", "SERVER_PORT": "str", "SERVER_PROTOCOL": "str",
		"REMOTE_ADDR": "str", "REMOTE_PORT": "str", "REQUEST_URI": "str",
		"wsgi.version": "tuple", "wsgi.url_scheme": "str", "wsgi.multithread": "bool",
		"wsgi.multiprocess": "bool", "wsgi.run_once": "bool", "wsgi.input_terminated": "bool",
	}
	for key, name := range types {
		if e[key].Type != name {
			t.Errorf("%s is of type %q, want %q", key, e[key].Type, name)
		}
	}
	for _, key := range []string{"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} {
		if _, present := e[key]; !present {
			t.Errorf("%s is absent", key)
		}
	}
	for key, v := range e {
		if !strings.Contains(key, ".") && v.Type != "str" {
			t.Errorf("%s is of type %q: PEP 3333 has CGI variables be str", key, v.Type)
		}
	}
	for _, key := range []string{"HTTPS", "PATH", "LD_LIBRARY_PATH", "HOME", "GATEWAY_INTERFACE"} {
		e.assertValue(t, key, nil)
	}
	_, port, err := net.SplitHostPort(s.address())
	if err != nil {
		t.Fatal(err)
	}
	e.assertValue(t, "SERVER_PORT", port)
	e.assertValue(t, "wsgi.version", []any{1.0, 0.0})
	e.assertValue(t, "wsgi.input_terminated", true)
	e.assertValue(t, "wsgi.run_once", false)
}

// TestConcurrencyKeys: wsgi.multithread and wsgi.multiprocess as mod_wsgi means them.
// multiprocess says whether another process may serve the same application at the
// same time, which mod_wsgi answers with "processes was given".
func TestConcurrencyKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		processes, threads        string
		multiprocess, multithread bool
	}{
		{"2", "5", true, true},
		{"2", "1", true, false},
		{"1", "5", true, true},
		{"1", "1", true, false},
	}
	for _, test := range tests {
		t.Run(test.processes+"x"+test.threads, func(t *testing.T) {
			t.Parallel()
			s := start(t, app(t, "environ.py"), "--processes", test.processes, "--threads", test.threads)
			e := s.ask(t, get("/"))
			e.assertValue(t, "wsgi.multiprocess", test.multiprocess)
			e.assertValue(t, "wsgi.multithread", test.multithread)
		})
	}
}
