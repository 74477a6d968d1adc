package serve_test

import (
	"net/http"
	"strings"
	"testing"
)

const longFieldSource = `
def application(environ, start_response):
    size = int(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Long", "x" * size)])
    return [b"ok"]
`

// TestHeaderBufferSize: a response header line of that length goes through, a longer one
// is answered 500, and the log says why.
func TestHeaderBufferSize(t *testing.T) {
	t.Parallel()
	script := writeFile(t, t.TempDir(), "app.py", longFieldSource)
	s := startSite(t, `
[group.web]
header-buffer-size = "8K"

[[mount]]
path = "/"
script = "`+script+`"
group = "web"
`)
	if a := s.get("/?8000"); a.status != http.StatusOK || len(a.header.Get("X-Long")) != 8000 {
		t.Errorf("8000 bytes: status %d, %d bytes", a.status, len(a.header.Get("X-Long")))
	}
	assertErrorPage(t, s.get("/?9000"), http.StatusInternalServerError)
	s.awaitText("is longer than header-buffer-size (8192 bytes)")
}

// TestResponseBufferSize: what a client does not read is held in memory up to that size,
// so that the thread serves others; beyond it the thread waits.
func TestResponseBufferSize(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]int{"64M": http.StatusOK, "64K": http.StatusGatewayTimeout} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, strings.Replace(`
response-spool-limit = 0

[group.web]
processes = 1
threads = 1
response-buffer-size = "SIZE"
queue-timeout = "2s"

[[mount]]
path = "/"
script = {{app "stream.py"}}
group = "web"
`, "SIZE", size, 1))
			c := s.raw()
			c.send(get("/download?n=40000000")) // more than the kernel's buffers take, too
			c.head(http.MethodGet)              // and no more of it
			if a := s.get("/download?n=10"); a.status != want {
				t.Errorf("another client: status %d, want %d", a.status, want)
			}
			c.Close()
		})
	}
}
