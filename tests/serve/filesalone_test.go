package serve_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

const filesAloneSite = `
server-name = "www.example"
default-host = false

[[static]]
path = "/"
directory = "DIR"

[[vhost]]
server-name = "old.example"

[[vhost.redirect]]
path = "/"
to = "https://www.example/"
status = 301

[[vhost]]
server-name = "files.example"

[[vhost.static]]
path = "/files"
directory = "DIR"
`

// TestFilesAlone: hosts without an application are served, and no processes are started for
// them; asked to end, the server ends.
func TestFilesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, "a.txt", "text")
	s := startSite(t, strings.ReplaceAll(filesAloneSite, "DIR", dir))
	for _, c := range []struct {
		host, target string
		status       int
	}{
		{"www.example", "/a.txt", http.StatusOK},
		{"www.example", "/none", http.StatusNotFound},
		{"www.example", "/files/a.txt", http.StatusNotFound},
		{"files.example", "/files/a.txt", http.StatusOK},
		{"files.example", "/a.txt", http.StatusNotFound},
		{"other.example", "/a.txt", http.StatusMisdirectedRequest},
		{"old.example", "/a.txt", http.StatusMovedPermanently},
	} {
		req := s.request(t.Context(), http.MethodGet, c.target, http.NoBody)
		req.Host = c.host
		if a := s.do(req); a.err != nil || a.status != c.status || c.status == http.StatusOK && a.body != "text" {
			t.Errorf("%s of %s: status %d, %q, %v, want %d", c.target, c.host, a.status, a.body, a.err, c.status)
		}
	}
	if found := sessionMembers(s.cmd.Process.Pid); len(found) != 1 {
		t.Errorf("the processes are %v, want one", found)
	}
	s.stop()
}

// TestFilesAloneDrain: a download that is under way when the server is to end is finished.
func TestFilesAloneDrain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := strings.Repeat("0123456789abcdef", 1<<20) // more than the sockets hold
	writeFile(t, dir, "large", large)
	s := startSite(t, "[[static]]\npath = \"/\"\ndirectory = \""+dir+"\"\n")
	resp, err := s.client().Do(s.request(t.Context(), http.MethodGet, "/large", http.NoBody))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.signal(syscall.SIGTERM)
	s.awaitRefusal()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != large {
		t.Errorf("%d bytes, %v, want %d", len(body), err, len(large))
	}
	s.ended()
}
