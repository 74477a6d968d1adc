package http1

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// packet makes a uwsgi packet of names and values in turn.
func packet(vars ...string) []byte {
	var block []byte
	for _, s := range vars {
		block = binary.LittleEndian.AppendUint16(block, uint16(len(s)))
		block = append(block, s...)
	}
	head := binary.LittleEndian.AppendUint16([]byte{uwsgiRequest}, uint16(len(block)))
	return append(append(head, 0), block...)
}

// fromNginx is what nginx 1.22 sends with its stock uwsgi_params for a POST whose body
// was chunked.
var fromNginx = []string{
	"QUERY_STRING", "q=1", "REQUEST_METHOD", "POST", "CONTENT_TYPE", "text/plain", "CONTENT_LENGTH", "3",
	"REQUEST_URI", "/u/%78?q=1", "PATH_INFO", "/u/x", "DOCUMENT_ROOT", "/usr/share/nginx/html", "SERVER_PROTOCOL", "HTTP/1.1",
	"REQUEST_SCHEME", "http", "REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "40450", "SERVER_PORT", "18080", "SERVER_NAME", "",
	"HTTP_HOST", "127.0.0.1", "HTTP_USER_AGENT", "test", "HTTP_ACCEPT", "*/*", "HTTP_CONTENT_TYPE", "text/plain",
	"HTTP_CONTENT_LENGTH", "4", "HTTP_TRANSFER_ENCODING", "chunked", "HTTP_X_DASH", "y", "HTTP_CONNECTION", "keep-alive",
}

func TestParseUwsgi(t *testing.T) {
	tests := []struct {
		name string
		vars []string
		want string
	}{
		{
			"nginx", fromNginx,
			`POST /u/%78?q=1 path "/u/x" decoded query "q=1" host "127.0.0.1" length 3
Content-Type: text/plain
HOST: 127.0.0.1
USER-AGENT: test
ACCEPT: */*
X-DASH: y
DOCUMENT_ROOT=/usr/share/nginx/html
SERVER_PROTOCOL=HTTP/1.1
REQUEST_SCHEME=http
REMOTE_ADDR=127.0.0.1
REMOTE_PORT=40450
SERVER_PORT=18080
SERVER_NAME=
`,
		},
		{
			"a GET, whose empty values count as absent",
			[]string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/a%2fb", "CONTENT_LENGTH", "", "CONTENT_TYPE", "", "QUERY_STRING", "", "HTTP_HOST", ""},
			`GET /a%2fb path "/a%2fb" query "" host ""` + "\n",
		},
		{
			"a path that was rewritten",
			[]string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/old?x", "PATH_INFO", "/new", "QUERY_STRING", "y=%"},
			`GET /old?x path "/new" decoded query "y=%" host ""` + "\n",
		},
		{
			"a decoded path with any byte",
			[]string{"REQUEST_METHOD", "GET", "PATH_INFO", "/a\nb%41\xff"},
			`GET  path "/a\nb%41\xff" decoded query "" host ""` + "\n",
		},
		{
			"a mount in front",
			[]string{"REQUEST_METHOD", "GET", "PATH_INFO", "/x", "SCRIPT_NAME", "/app"},
			`GET  path "/app/x" decoded query "" host ""` + "\n",
		},
		{
			"a mount that the path has",
			[]string{"REQUEST_METHOD", "GET", "PATH_INFO", "/app/x", "SCRIPT_NAME", "/app"},
			`GET  path "/app/x" decoded query "" host ""` + "\n",
		},
		{
			"orders to uWSGI",
			[]string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/", "UWSGI_FILE", "/tmp/evil.py", "UWSGI_SETENV", "A=b", "HTTP_PROXY", "p"},
			"GET / path \"/\" query \"\" host \"\"\nPROXY: p\n",
		},
		{
			"Apache's signature",
			[]string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/", "SERVER_SIGNATURE", "<address>Apache</address>\n"},
			"GET / path \"/\" query \"\" host \"\"\nSERVER_SIGNATURE=<address>Apache</address>\n\n",
		},
		{
			"two fields of one name",
			[]string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/", "HTTP_X_A", "1", "HTTP_X_A", "2"},
			"GET / path \"/\" query \"\" host \"\"\nX-A: 1\nX-A: 2\n",
		},
	}
	lim := DefaultLimits()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			input := packet(test.vars...)
			var r Request
			for range 2 { // the second time reads what the first has changed in place
				if err := r.ParseUwsgi(input, &lim); err != nil {
					t.Fatal(err)
				}
				if got := inWords(&r); got != test.want {
					t.Errorf("got\n%swant\n%s", got, test.want)
				}
				if !r.Close || !r.Gateway || r.Minor != 0 || r.Chunked {
					t.Errorf("framing: %+v", r)
				}
			}
		})
	}
}

func inWords(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s path %q", r.Method, r.Target, r.Path)
	if r.Decoded {
		b.WriteString(" decoded")
	}
	fmt.Fprintf(&b, " query %q host %q", r.Query, r.Host)
	if r.HasContentLength {
		fmt.Fprintf(&b, " length %d", r.ContentLength)
	}
	b.WriteByte('\n')
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	for _, v := range r.Vars {
		fmt.Fprintf(&b, "%s=%s\n", v.Name, v.Value)
	}
	return b.String()
}

func TestParseUwsgiRefuses(t *testing.T) {
	get := []string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/"}
	with := func(more ...string) []byte { return packet(append(get[:len(get):len(get)], more...)...) }
	long := strings.Repeat("x", 9000)
	tests := []struct {
		name   string
		packet []byte
		want   string
	}{
		{"no method", packet("REQUEST_URI", "/"), "400: uwsgi packet without REQUEST_METHOD"},
		{"no path", packet("REQUEST_METHOD", "GET"), "400: uwsgi packet without REQUEST_URI and PATH_INFO"},
		{"method", packet("REQUEST_METHOD", "G T", "REQUEST_URI", "/"), "400: method is not a token"},
		{"long method", packet("REQUEST_METHOD", strings.Repeat("M", 33), "REQUEST_URI", "/"), "501: method too long"},
		{"method twice", with("REQUEST_METHOD", "PUT"), "400: uwsgi variable given twice"},
		{"path twice", with("PATH_INFO", "/a", "PATH_INFO", "/b"), "400: uwsgi variable given twice"},
		{"relative path", with("PATH_INFO", "a"), "400: PATH_INFO does not begin with a slash"},
		{"NUL in the path", with("PATH_INFO", "/a\x00b"), "400: NUL in a uwsgi variable"},
		{"line end in a value", with("REMOTE_USER", "a\nb"), "400: control byte in a uwsgi variable"},
		{"NUL in a variable of the application's", with("DOCUMENT_ROOT", "/a\x00b"), "400: NUL in a uwsgi variable"},
		{"NUL in a value", with("HTTP_A", "a\x00wsgi.errors\x00"), "400: control byte in a field value"},
		{"NUL in a name", with("A\x00B", "x"), "400: name of a uwsgi variable is not one of CGI"},
		{"dot in a name", with("wsgi.url_scheme", "https"), "400: name of a uwsgi variable is not one of CGI"},
		{"empty name", with("", "x"), "400: malformed uwsgi packet"},
		{"length", with("CONTENT_LENGTH", "+3"), "400: invalid Content-Length"},
		{"length twice", with("CONTENT_LENGTH", "3", "CONTENT_LENGTH", "3"), "400: more than one Content-Length"},
		{"type twice", with("CONTENT_TYPE", "a/b", "CONTENT_TYPE", "a/b"), "400: more than one Content-Type"},
		{"host twice", with("HTTP_HOST", "a", "HTTP_HOST", "a"), "400: more than one Host"},
		{"host", with("HTTP_HOST", "a/b"), "400: invalid Host"},
		{"query", with("QUERY_STRING", "a b"), "400: malformed request head"},
		{"raw path", packet("REQUEST_METHOD", "GET", "REQUEST_URI", "/a b"), "400: byte in the path that must be percent-encoded"},
		{"large field", with("HTTP_A", long), "431: header field too large"},
		{"cut name", append([]byte{0, 4, 0, 0}, 9, 0, 'A', 'B'), "400: malformed uwsgi packet"},
		{"no value", append([]byte{0, 4, 0, 0}, 2, 0, 'A', 'B'), "400: malformed uwsgi packet"},
		{"half a length", append([]byte{0, 1, 0, 0}, 2), "400: malformed uwsgi packet"},
	}
	lim := DefaultLimits()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r Request
			if err := r.ParseUwsgi(test.packet, &lim); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	var many []string
	for range lim.Fields + 1 {
		many = append(many, "HTTP_A", "x")
	}
	var r Request
	if err := r.ParseUwsgi(with(many...), &lim); err == nil || err.Error() != "431: too many header fields" {
		t.Errorf("many fields: %v", err)
	}
	if _, err := uwsgiPacket([]byte{0, 0xff, 0xff, 0}, &lim); err == nil || err.Error() != "431: uwsgi packet too large" {
		t.Errorf("a large packet: %v", err)
	}
}

// TestUwsgiConnection: the two protocols are told apart on one socket, a packet may
// arrive in any pieces, and the answer ends with the connection.
func TestUwsgiConnection(t *testing.T) {
	echo := func(x *exchange) {
		if err := x.stream(head("200 OK"), x.method+" ", x.target+" ", string(x.body)); err != nil {
			t.Error(err)
		}
	}
	s := serveUnix(t, &app{answer: echo}, func(o *Options) { o.Uwsgi = func(c *Conn) bool { return c.Listener.Unix } })
	post := append(packet(fromNginx...), "abc"...)
	const want = "HTTP/1.1 200 OK\r\nServer: test\r\nConnection: close\r\n\r\nPOST /u/%78?q=1 abc"
	for name, pieces := range map[string][][]byte{
		"at once":           {post},
		"byte by byte":      bytes.SplitAfter(post, []byte{}),
		"head, then body":   {post[:len(post)-3], post[len(post)-3:]},
		"header, then rest": {post[:4], post[4:]},
	} {
		t.Run(name, func(t *testing.T) {
			if got := converse(t, s.address, pieces...); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	t.Run("HTTP", func(t *testing.T) {
		if got := converse(t, s.address, []byte("GET /x HTTP/1.0\r\n\r\n")); !strings.HasSuffix(got, "GET /x ") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("not after HTTP", func(t *testing.T) {
		got := converse(t, s.address, []byte("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), post)
		if !strings.Contains(got, "HTTP/1.1 400 Bad Request") || !strings.HasSuffix(got, "method is not a token\n") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		got := converse(t, s.address, packet("REQUEST_METHOD", "GET"))
		if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("where it is not allowed", func(t *testing.T) {
		plain := serve(t, &app{answer: echo}, nil)
		if got := converse(t, plain.address, post); !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") {
			t.Errorf("got %q", got)
		}
	})
}

// converse sends pieces one by one and returns all that comes back. Its own side stays
// open, as that of a server in front does.
func converse(t *testing.T, address net.Addr, pieces ...[]byte) string {
	t.Helper()
	conn, err := net.Dial(address.Network(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range pieces {
		if _, err := conn.Write(p); err != nil {
			break // refused before the end
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return dateLine.ReplaceAllString(string(answer), "")
}

// FuzzParseUwsgi: no packet makes the parser fail otherwise than with an *Error, and
// what it accepts holds to the rules that the rest of the engine relies on.
func FuzzParseUwsgi(f *testing.F) {
	f.Add(packet(fromNginx...))
	f.Add(packet("REQUEST_METHOD", "GET", "PATH_INFO", "/x", "SCRIPT_NAME", "/app"))
	f.Add([]byte{30, 1, 0, 0, 7})
	f.Fuzz(func(t *testing.T, input []byte) {
		lim := DefaultLimits()
		n, err := uwsgiPacket(input, &lim)
		if err != nil || n == 0 {
			return
		}
		var r Request
		if err := r.ParseUwsgi(input[:n], &lim); err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		first := inWords(&r)
		for _, f := range append(r.Fields, r.Vars...) {
			if bytes.IndexByte(f.Value, 0) >= 0 || !isToken(f.Name) {
				t.Fatalf("field %q: %q", f.Name, f.Value)
			}
		}
		for _, f := range r.Fields {
			if valueEnd(f.Value, 0) != len(f.Value) {
				t.Fatalf("field %q: %q", f.Name, f.Value)
			}
		}
		if !isToken(r.Method) || len(r.Path) == 0 || r.Chunked || bytes.IndexByte(r.Path, 0) >= 0 || valueEnd(r.Target, 0) != len(r.Target) {
			t.Fatalf("accepted: %s", first)
		}
		if err := r.ParseUwsgi(input[:n], &lim); err != nil || inWords(&r) != first {
			t.Fatalf("read again: %v\n%swas\n%s", err, inWords(&r), first)
		}
	})
}
