package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	// gibibyte is the size of the long bodies.
	gibibyte = 1 << 30

	// growthLimit is what a process may gain while such a body passes, in KiB.
	growthLimit = 64 << 10
)

// zeros is an endless body; a limited part of it is sent without being held.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// flatMemory asserts that the processes that lived before gain less than
// growthLimit while the exchange runs.
func (s *server) flatMemory(exchange func()) {
	s.t.Helper()
	if strings.Contains(os.Getenv(buildFlagsVariable), "-race") {
		s.t.Skip("built with -race: not proved that memory stays flat")
	}
	before := s.memory()
	done := make(chan struct{})
	highest := make(chan map[int]int)
	go func() { highest <- s.watchMemory(done) }()
	exchange()
	close(done)
	for pid, size := range <-highest {
		if growth := size - before[pid]; growth > growthLimit {
			s.t.Errorf("%s grew by %d KiB to %d KiB", commandLine(pid), growth, size)
		}
	}
}

// watchMemory samples until done; processes may come and go.
func (s *server) watchMemory(done <-chan struct{}) map[int]int {
	highest := map[int]int{}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		for _, p := range sessionMembers(s.pid()) {
			if size, err := proportionalSize(p.pid); err == nil {
				highest[p.pid] = max(highest[p.pid], size)
			}
		}
		select {
		case <-ticker.C:
		case <-done:
			return highest
		}
	}
}

// TestLargeUpload: 1 GiB with a length and in chunks through flat memory.
func TestLargeUpload(t *testing.T) {
	longTest(t, "a 1 GiB upload passes in flat memory")
	s := start(t, app(t, "stream.py"), "--processes", "1", "--threads", "2")
	s.post("/upload", strings.Repeat("x", 1<<20)) // warm
	for _, length := range []int64{gibibyte, -1} {
		t.Run(fmt.Sprintf("length=%d", length), func(t *testing.T) {
			s := s.in(t)
			s.flatMemory(func() {
				req := s.request(t.Context(), http.MethodPost, "/upload", io.LimitReader(zeros{}, gibibyte))
				req.ContentLength = length
				client := s.client()
				client.Timeout = 2 * time.Minute
				if a := exchange(client, req); a.err != nil || a.body != fmt.Sprintf("%d\n", gibibyte) {
					t.Errorf("status %d, body %q, %v", a.status, a.body, a.err)
				}
			})
		})
	}
}

// TestLargeDownload: 1 GiB with a length and without.
func TestLargeDownload(t *testing.T) {
	longTest(t, "a 1 GiB download passes in flat memory")
	s := start(t, app(t, "stream.py"), "--processes", "1", "--threads", "2")
	s.getOK("/download?n=1000000")
	for _, route := range []string{"/download", "/sized"} {
		t.Run(route, func(t *testing.T) {
			s := s.in(t)
			s.flatMemory(func() {
				if n := s.drain(fmt.Sprintf("%s?n=%d", route, gibibyte)); n != gibibyte {
					t.Errorf("%d bytes", n)
				}
			})
		})
	}
}

// drain counts the bytes of a response without holding them.
func (s *server) drain(target string) int64 {
	s.t.Helper()
	client := s.client()
	client.Timeout = 2 * time.Minute
	resp, err := client.Do(s.request(context.Background(), http.MethodGet, target, http.NoBody))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		s.t.Errorf("after %d bytes: %v", n, err)
	}
	return n
}

// TestDuplex: an application may answer while it still reads: 32 MiB echoed block by block, more
// than every buffer on the way together.
func TestDuplex(t *testing.T) {
	t.Parallel()
	s := startSite(t, `
request-spool-limit = 0
response-spool-limit = 0

[[mount]]
path = "/"
script = {{app "stream.py"}}
`)
	const size = 32 << 20
	client := s.client()
	req := s.request(t.Context(), http.MethodPost, "/echo", io.LimitReader(zeros{}, size))
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size {
		t.Errorf("%d bytes, %v, want %d", n, err, size)
	}
}

// TestIdleConnections: 2000 connections, idle or with half a request, block nobody and cost
// the front end a few KiB each.
func TestIdleConnections(t *testing.T) {
	longTest(t, "2000 idle and half-sent connections cost little")
	const count, each = 2000, 24 // KiB a connection at most, with the kernel's answer in it
	s := start(t, app(t, "hello.py"), "--processes", "1", "--threads", "2")
	s.getOK("/")
	before := memoryOf(t, s.pid())
	parts := []string{
		"",
		"GET / HT",
		"GET / HTTP/1.1\r\nHost: test\r\nX-A: ",
		"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nhalf",
	}
	var served []*rawConn
	for i := range count {
		c := s.raw()
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		if i%5 == 4 {
			c.send(get("/"))
			served = append(served, c)
		} else {
			c.send(parts[i%5])
		}
	}
	for _, c := range served {
		c.expect(http.StatusOK)
	}
	if a := s.get("/"); a.status != http.StatusOK || a.took > 2*time.Second {
		t.Errorf("another client: status %d after %v", a.status, a.took)
	}
	if growth := memoryOf(t, s.pid()) - before; growth > count*each {
		t.Errorf("the front end grew by %d KiB, %d KiB a connection", growth, growth/count)
	}
}
