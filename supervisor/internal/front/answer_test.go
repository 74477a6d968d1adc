package front

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

func TestOwnAnswers(t *testing.T) {
	f := newFront(t, func(s *site.Site) {
		s.Mounts = []*site.Mount{{Path: "/app", Group: "main"}}
		s.Policy.RequestBody = 1000
	})
	address := serveAt(t, f, "tcp")
	tests := []struct {
		name, request string
		status        int
		close         bool
	}{
		{"options", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200, false},
		{"connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 501, true},
		{"not mounted", "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404, false},
		{"not mounted, head", "HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404, false},
		{"above the root", "GET /app/../.. HTTP/1.1\r\nHost: h\r\n\r\n", 400, false},
		{"no length", "POST /app HTTP/1.0\r\n\r\n", 411, true},
		{"too large", "POST /app HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", 413, true},
		{"too large, waiting", "POST /app HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, true},
		{"too large, chunked", "POST /app HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + strings.Repeat("x", 1001), 413, true},
		{"refused by the engine", "GET / HTTP/1.1\r\n\r\n", 400, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, body := ask(t, address, test.request)
			if r.StatusCode != test.status || r.Close != test.close {
				t.Errorf("got %d, close %v; want %d, %v", r.StatusCode, r.Close, test.status, test.close)
			}
			id := r.Header.Get("X-Request-ID")
			if !validID([]byte(id)) {
				t.Errorf("request id %q", id)
			}
			if test.status != 200 && r.Request.Method != "HEAD" && !strings.Contains(body, id) {
				t.Errorf("the page does not name the request id: %q", body)
			}
			if test.status == 200 && !strings.Contains(r.Header.Get("Allow"), "OPTIONS") {
				t.Errorf("Allow: %q", r.Header.Get("Allow"))
			}
		})
	}
}

// A client that goes away while its request is queued ends it.
func TestGoneWhileQueued(t *testing.T) {
	f := newFront(t, nil)
	address := serveAt(t, f, "tcp")
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		conn, err := net.Dial(address.Network(), address.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		g := f.conf.Load().hosts.all[0].places.root.group
		eventually(t, "the request to be queued", func() bool { return g.Status().Queued == 1 })
		conn.Close()
		eventually(t, "the request to leave the queue", func() bool { return g.Status().Queued == 0 })
		eventually(t, "the connection to end", func() bool { return f.Open() == 0 })
	}
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

var accessLogTests = map[string][]string{
	"common": {
		`127.0.0.1 - - [TIME] "GET /a%20b?c HTTP/1.1" 404 78 id=ID queue=0.000ms worker=0.000ms total=MS process=- outcome=refused`,
		`127.0.0.1 - - [TIME] "-" 400 N id=ID queue=0.000ms worker=0.000ms total=MS process=- outcome=refused`,
	},
	"combined": {
		`127.0.0.1 - - [TIME] "GET /a%20b?c HTTP/1.1" 404 78 "http://r/\\" "\"caf\xe9\"" id=ID queue=0.000ms worker=0.000ms total=MS process=- outcome=refused`,
		`127.0.0.1 - - [TIME] "-" 400 N "-" "-" id=ID queue=0.000ms worker=0.000ms total=MS process=- outcome=refused`,
	},
	"json": {
		`{"time":"TIME","remote_addr":"127.0.0.1","remote_user":"","method":"GET","target":"/a%20b?c","protocol":"HTTP/1.1","host":"h","referer":"http://r/\\","user_agent":"\"caf\u00e9\"","request_id":"ID","status":404,"body_bytes":78,"queue_time":0.000000,"worker_time":0.000000,"total_time":S,"group":"","generation":0,"process":0,"pid":0,"outcome":"refused"}`,
		`{"time":"TIME","remote_addr":"127.0.0.1","remote_user":"","method":"","target":"","protocol":"HTTP/1.1","host":"","referer":"","user_agent":"","request_id":"ID","status":400,"body_bytes":N,"queue_time":0.000000,"worker_time":0.000000,"total_time":S,"group":"","generation":0,"process":0,"pid":0,"outcome":"refused"}`,
	},
}

// varying is what differs from run to run, and what stands for it.
var varying = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`), "[TIME]"},
	{regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`), `"time":"TIME"`},
	{regexp.MustCompile(`id=[0-9a-f]{16}`), "id=ID"},
	{regexp.MustCompile(`"request_id":"[0-9a-f]{16}"`), `"request_id":"ID"`},
	{regexp.MustCompile(`total=\d+\.\d{3}ms`), "total=MS"},
	{regexp.MustCompile(`"total_time":\d+\.\d{6}`), `"total_time":S`},
	{regexp.MustCompile(` 400 \d+`), " 400 N"},
	{regexp.MustCompile(`"status":400,"body_bytes":\d+`), `"status":400,"body_bytes":N`},
}

func TestAccessLog(t *testing.T) {
	for format, want := range accessLogTests {
		t.Run(format, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "access.log")
			f := newFront(t, func(s *site.Site) {
				s.Mounts = []*site.Mount{{Path: "/app", Group: "main"}}
				s.Server.AccessLog, s.Server.AccessLogFormat = path, format
			})
			address := serveAt(t, f, "tcp")
			_, page := ask(t, address, "GET /a%20b?c HTTP/1.1\r\nHost: h\r\nReferer: http://r/\\\r\nUser-Agent: \"caf\xe9\"\r\n\r\n")
			if len(page) != 78 {
				t.Errorf("the page is %q", page)
			}
			ask(t, address, "GET / HTTP/1.1\r\n\r\n")
			var lines []string
			eventually(t, "two lines", func() bool {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
				return bytes.Count(b, []byte("\n")) == 2
			})
			for i, line := range lines {
				for _, v := range varying {
					line = v.pattern.ReplaceAllString(line, v.as)
				}
				if line != want[i] {
					t.Errorf("got  %s\nwant %s", line, want[i])
				}
			}
		})
	}
}

// taker is a handler that receives a body as a session does, and says what
// became of it.
type taker struct {
	*Front
	took chan bodySpool
	errs chan error
}

func (k *taker) Handle(c *http1.Conn) {
	s := &session{front: k.Front, conn: c}
	s.begin()
	s.place = k.conf.Load().hosts.all[0].places.root
	b := bodySpool{session: s, frame: &group.Frame{Bytes: make([]byte, wire.HeaderSize)}}
	err := b.fill(make([]byte, 1000))
	k.took <- b
	k.errs <- err
	c.Response.Abort(c.Response.Serial())
}

func (*taker) Gone(*http1.Conn) {}
func (*taker) Done(*http1.Conn) {}

// Whatever the limits are, memory and file together hold what was received.
func TestSpooledBodies(t *testing.T) {
	tests := []struct {
		name                string
		memory, spool, size int64
		inMemory, inFile    int64
		more                bool
	}{
		{name: "memory", memory: 5000, spool: 9000, size: 5000, inMemory: 5000},
		{name: "file", memory: 5000, spool: 9000, size: 5001, inFile: 5001},
		{name: "file, full", memory: 5000, spool: 9000, size: 9000, inFile: 9000, more: true}, // the end of the chunks is still to come
		{name: "more than the file takes", memory: 5000, spool: 9000, size: 9001, inFile: 9000, more: true},
		{name: "no file", memory: 5000, spool: 0, size: 9000, more: true},
		{name: "file smaller than memory", memory: 5000, spool: 1500, size: 6000, inFile: 1500, more: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFront(t, func(s *site.Site) {
				s.Server.RequestBuffer, s.Server.RequestSpool = test.memory, test.spool
				s.Server.SpoolDirectory = t.TempDir()
			})
			k := &taker{Front: f, took: make(chan bodySpool, 1), errs: make(chan error, 1)}
			server := http1.NewServer(http1.Options{Limits: http1.DefaultLimits(), MaxConnections: 10, Logger: f.logger}, k)
			t.Cleanup(server.Close)
			conn, err := net.Dial("tcp", listen(t, "tcp", server.Serve).String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			content := bytes.Repeat([]byte("0123456789abcde"), int(test.size)/15+1)[:test.size]
			_, err = conn.Write(append([]byte("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), chunked(content)...))
			if err != nil {
				t.Fatal(err)
			}
			var b bodySpool
			select {
			case b = <-k.took:
			case <-time.After(within):
				t.Fatal("the body does not arrive")
			}
			if err := <-k.errs; err != nil {
				t.Fatal(err)
			}
			var inFile []byte
			if b.file != nil {
				defer b.file.Close()
				if inFile, err = io.ReadAll(io.NewSectionReader(b.file, 0, 1<<20)); err != nil {
					t.Fatal(err)
				}
			}
			if int64(len(b.memory)) != test.inMemory || int64(len(inFile)) != test.inFile || b.more != test.more || b.size != test.inMemory+test.inFile {
				t.Errorf("%d bytes in memory, %d in the file, more %v, size %d", len(b.memory), len(inFile), b.more, b.size)
			}
			if !bytes.HasPrefix(content, append(bytes.Clone(inFile), b.memory...)) {
				t.Error("it is not what was sent")
			}
		})
	}
}

func chunked(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		n := min(len(b), 0x200)
		out = append(out, strings.ToLower(hex(n))+"\r\n"...)
		out = append(append(out, b[:n]...), "\r\n"...)
		b = b[n:]
	}
	return append(out, "0\r\n\r\n"...)
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

// A body that the client cuts off ends the exchange, and does not look whole.
func TestBodyCutOff(t *testing.T) {
	f := newFront(t, func(s *site.Site) { s.Server.RequestBuffer = 100 })
	address := serveAt(t, f, "tcp")
	for _, start := range []string{
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nhalf",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
	} {
		conn, err := net.Dial(address.Network(), address.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, start); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the connection", func() bool { return f.Open() == 1 })
		conn.Close()
		eventually(t, "the connection to end", func() bool { return f.Open() == 0 })
		if n := f.conf.Load().hosts.all[0].places.root.group.Status().Queued; n != 0 {
			t.Errorf("%q: %d requests reached the queue", start, n)
		}
	}
}
