package serve_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestApplicationOutput: all an application writes is in the log, line by line, with the
// process it came from.
func TestApplicationOutput(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "log.py"), "--processes", "1")
	for _, route := range []string{"/print", "/stderr", "/errors", "/errorlines", "/logging", "/bytes", "/multi"} {
		t.Run(route, func(t *testing.T) {
			s := s.in(t)
			marker := "marker-of-" + strings.Trim(route, "/")
			s.getOK(route + "?say=" + marker)
			r := s.awaitRecord(marker, func(r record) bool { return strings.Contains(r.text("msg"), marker) })
			if r.text("group") == "" || r.text("pid") == "" {
				t.Errorf("%v has no group and pid", r)
			}
			if strings.Contains(route, "lines") || route == "/multi" {
				s.awaitText(marker + " 2")
				s.awaitText(marker + " 3")
			}
		})
	}
}

// TestUnicodeOutput: text outside ASCII arrives as it was, with any locale.
func TestUnicodeOutput(t *testing.T) {
	t.Parallel()
	s := startWith(t, launch{env: []string{"LC_ALL=C.UTF-8"}}, app(t, "log.py"))
	s.getOK("/print?say=caf%C3%A9")
	s.awaitRecord("café", func(r record) bool { return strings.Contains(r.text("msg"), "caf\u00e9") })
}

// accessLog serves hello.py with an access log of the format and returns the line of
// one request.
func accessLog(t *testing.T, format string, fields ...string) (*server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	s := startSite(t, `
access-log = "`+path+`"
access-log-format = "`+format+`"

[[mount]]
path = "/"
script = {{app "hello.py"}}
`)
	c := s.raw()
	c.send(get("/a%20b?c=d", fields...))
	c.expect(http.StatusOK)
	var line string
	eventually(t, logWithin, "a line in the access log", func() bool {
		content, err := os.ReadFile(path)
		line = string(content)
		return err == nil && strings.HasSuffix(line, "\n")
	})
	if count := strings.Count(line, "\n"); count != 1 {
		t.Fatalf("%d lines for one request: %q", count, line)
	}
	return s, strings.TrimSuffix(line, "\n")
}

// TestAccessLogText: the common and combined formats, as every log reader knows them, and
// behind them the request id, the times and the process.
func TestAccessLogText(t *testing.T) {
	t.Parallel()
	const common = `^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a%20b\?c=d HTTP/1\.1" 200 14`
	const ours = ` id=[0-9a-f]+ queue=[0-9.]+ms worker=[0-9.]+ms total=[0-9.]+ms process=\d+$`
	tests := map[string]string{
		"common":   common + ours,
		"combined": common + ` "http://from/" "agent \\"x\\""` + ours,
	}
	for format, pattern := range tests {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			_, line := accessLog(t, format, "Referer: http://from/", `User-Agent: agent "x"`)
			if !regexp.MustCompile(pattern).MatchString(line) {
				t.Errorf("%s does not match %s", line, pattern)
			}
		})
	}
}

// TestAccessLogInjection: no client can write a line of its own.
func TestAccessLogInjection(t *testing.T) {
	t.Parallel()
	_, line := accessLog(t, "combined", "User-Agent: caf\xe9\t\x80 \"\\ end")
	for _, b := range []byte(line) {
		if b < 0x20 || b > 0x7e {
			t.Errorf("byte %#x in %q", b, line)
		}
	}
}

// TestAccessLogJSON: one object a line with what the text formats cannot hold.
func TestAccessLogJSON(t *testing.T) {
	t.Parallel()
	_, line := accessLog(t, "json", "User-Agent: agent")
	var r record
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	for key, want := range map[string]string{"method": "GET", "status": "200"} {
		if got := r.text(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"request_id", "queue_time", "worker_time", "process", "pid", "body_bytes"} {
		if _, present := r[key]; !present {
			t.Errorf("no %s in %s", key, line)
		}
	}
}

// TestAccessLogOption: --access-log does what the key does.
func TestAccessLogOption(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	s := start(t, app(t, "hello.py"), "--access-log", path)
	s.getOK("/logged")
	eventually(t, logWithin, "a line in the access log", func() bool {
		content, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(content), `"GET /logged HTTP/1.1" 200`)
	})
}

// TestRequestID: every request has an id of its own; one from outside is believed from trusted proxies only.
func TestRequestID(t *testing.T) {
	t.Parallel()
	const site = `
[[mount]]
path = "/"
script = {{app "environ.py"}}
`
	idOf := func(s *server) string {
		id, _ := s.ask(t, get("/", "X-Request-ID: from-outside"))["mod_wsgi.request_id"].Value.(string)
		return id
	}
	t.Run("stranger", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, site)
		var seen []string
		for range 3 {
			id := idOf(s)
			if id == "" || id == "from-outside" || slices.Contains(seen, id) {
				t.Errorf("id %q after %q, want a new one", id, seen)
			}
			seen = append(seen, id)
		}
	})
	t.Run("trusted proxy", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "trusted-proxies = [\"127.0.0.0/8\"]\n"+site)
		if id := idOf(s); id != "from-outside" {
			t.Errorf("id %q, want the proxy's", id)
		}
	})
	t.Run("untrusted proxy", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "trusted-proxies = [\"192.0.2.1\"]\n"+site)
		if id := idOf(s); id == "" || id == "from-outside" {
			t.Errorf("id %q, want a new one", id)
		}
	})
}

// TestTextLog: --log-format text is for people; the same events, no JSON.
func TestTextLog(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "response.py"), "--log-format", "text")
	assertErrorPage(t, s.get("/raise-call"), http.StatusInternalServerError)
	s.awaitText("Failure: in the call")
	if lines, _, _ := s.log.snapshot(); len(records(lines)) > 0 {
		t.Errorf("JSON in %q", lines)
	}
}
