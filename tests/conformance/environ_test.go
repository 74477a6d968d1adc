package conformance_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
)

// testEnviron: PEP 3333 "environ Variables", and which fields become variables.
func testEnviron(t *testing.T) {
	playTwice(t, config{app: "environ.py"}, []exchange{
		{"request line", get("/a/b?c=d&e=f%20g"), []check{
			value("REQUEST_METHOD", "GET"), value("SCRIPT_NAME", ""), value("PATH_INFO", "/a/b"),
			value("QUERY_STRING", "c=d&e=f%20g"), value("REQUEST_URI", "/a/b?c=d&e=f%20g"), value("SERVER_PROTOCOL", "HTTP/1.1"),
		}},
		{"no query", get("/"), []check{value("QUERY_STRING", ""), value("REQUEST_URI", "/")}},
		{"decoded path", get("/caf%C3%A9/%20x"), []check{value("PATH_INFO", "/caf\u00c3\u00a9/ x"), value("REQUEST_URI", "/caf%C3%A9/%20x")}},
		{"content", request("POST", "/", "ab", "Content-Type: text/x; a=b"), []check{
			value("CONTENT_TYPE", "text/x; a=b"), value("CONTENT_LENGTH", "2"), none("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"),
		}},
		{"no content", get("/"), []check{value("CONTENT_TYPE", nil)}},
		{"fields", get("/", "X-One: 1", "User-Agent: me"), []check{value("HTTP_X_ONE", "1"), value("HTTP_USER_AGENT", "me"), value("HTTP_HOST", "site.example")}},
		{"repeated fields", get("/", "X-Multi: a", "X-Other: c", "x-multi: b"), []check{value("HTTP_X_MULTI", "a, b"), value("HTTP_X_OTHER", "c")}},
		{"cookies", get("/", "Cookie: a=1", "Cookie: b=2"), []check{value("HTTP_COOKIE", "a=1; b=2")}},
		{"latin-1 field", get("/", "X-Caf: \xe9"), []check{value("HTTP_X_CAF", "\u00e9")}},
		{"underscores", get("/", "X_One: spoofed"), []check{none("HTTP_X_ONE")}},
		{"Proxy", get("/", "Proxy: http://evil"), []check{none("HTTP_PROXY")}},
		{"host and port", "GET / HTTP/1.1\r\nHost: other.example:8080\r\n\r\n", []check{value("SERVER_NAME", "other.example"), value("HTTP_HOST", "other.example:8080")}},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", []check{value("SERVER_PROTOCOL", "HTTP/1.0"), none("HTTP_HOST")}},
		{"types", get("/", "X-One: 1"), []check{cgiIsStr, value("dict", true)}},
		{"wsgi keys", get("/"), []check{
			value("wsgi.version", []any{1.0, 0.0}), value("wsgi.url_scheme", "http"), value("wsgi.run_once", false),
			value("wsgi.multithread", true), value("wsgi.multiprocess", false), value("wsgi.input_terminated", true),
		}},
		{"nothing of the server's", get("/"), []check{none("HTTPS", "PATH", "LD_LIBRARY_PATH", "GATEWAY_INTERFACE", "SERVER_SIGNATURE", "PATH_TRANSLATED", "REMOTE_HOST")}},
		{"nothing of the last request", get("/"), []check{none("left.behind")}},
		{"not in the process", get("/"), []check{value("process", map[string]any{"HTTP_HOST": nil, "REQUEST_METHOD": nil})}},
	})
	t.Run("connection", testEnvironOfConnection)
	t.Run("mount", func(t *testing.T) {
		play(t, serve(t, config{app: "environ.py", path: "/app"}), []exchange{
			{"below", get("/app/x/y"), []check{value("SCRIPT_NAME", "/app"), value("PATH_INFO", "/x/y"), value("REQUEST_URI", "/app/x/y")}},
			{"exactly", get("/app"), []check{value("SCRIPT_NAME", "/app"), value("PATH_INFO", "")}},
			{"with a slash", get("/app/"), []check{value("SCRIPT_NAME", "/app"), value("PATH_INFO", "/")}},
			{"beside", get("/apple"), []check{errorPage(404)}},
		})
	})
	t.Run("Authorization", func(t *testing.T) {
		g := serve(t, config{app: "environ.py", more: "[[location]]\npath = \"/hidden\"\npass-authorization = false\n"})
		play(t, g, []exchange{
			{"passed", get("/", "Authorization: Basic eDp5"), []check{value("HTTP_AUTHORIZATION", "Basic eDp5")}},
			{"hidden", get("/hidden", "Authorization: Basic eDp5"), []check{none("HTTP_AUTHORIZATION")}},
		})
	})
	t.Run("concurrency", func(t *testing.T) {
		for keys, want := range map[string][2]bool{
			"threads = 1":                {false, false},
			"threads = 2":                {true, false},
			"processes = 1":              {true, true}, // written: as in mod_wsgi
			"processes = 2\nthreads = 1": {false, true},
		} {
			t.Run(strings.ReplaceAll(keys, "\n", ", "), func(t *testing.T) {
				play(t, serve(t, config{app: "environ.py", group: keys}), []exchange{
					{"keys", get("/"), []check{value("wsgi.multithread", want[0]), value("wsgi.multiprocess", want[1])}},
				})
			})
		}
	})
}

// testEnvironOfConnection: SERVER_PORT is the listener's, REMOTE_ADDR the client's.
func testEnvironOfConnection(t *testing.T) {
	g := serve(t, config{app: "environ.py"})
	_, port, err := net.SplitHostPort(g.address)
	if err != nil {
		t.Fatal(err)
	}
	play(t, g, []exchange{
		{"ends", get("/"), []check{value("SERVER_PORT", port), value("REMOTE_ADDR", "127.0.0.1")}},
		{"port of Host", "GET / HTTP/1.1\r\nHost: h:1\r\n\r\n", []check{value("SERVER_PORT", port)}},
	})
}

// cgiIsStr: variables of CGI are of type str itself (PEP 3333, "A Note On String Types").
func cgiIsStr(r *reply) string {
	var seen struct{ Types map[string]string }
	if err := json.Unmarshal([]byte(r.body), &seen); err != nil || len(seen.Types) == 0 {
		return "no types in the body"
	}
	for key, kind := range seen.Types {
		if !strings.Contains(key, ".") && kind != "str" {
			return key + " is a " + kind
		}
	}
	return ""
}
