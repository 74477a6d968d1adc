package serve_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chunked is text in chunked coding, RFC 9112 section 7.1, in chunks of size bytes.
func chunked(text string, size int) string {
	var b strings.Builder
	for part := range slices.Chunk([]byte(text), size) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// TestInput: every way to read wsgi.input, PEP 3333 "Input and Error Streams", with a
// Content-Length and in chunks that split the body where it hurts.
func TestInput(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	tests := []struct {
		target, body string
		want         []string
	}{
		{"/read", "abc", []string{"abc"}},
		{"/read", "", []string{""}},
		{"/read?n=2", "abcde", []string{"ab", "cd", "e"}},
		{"/read?n=100", "abcde", []string{"abcde"}},
		{"/zero", "abc", []string{"", "abc"}},
		{"/negative", "abc", []string{"abc"}},
		{"/readline", "a\nbc\n\nd", []string{"a\n", "bc\n", "\n", "d"}},
		{"/readline", "no newline", []string{"no newline"}},
		{"/readline", "\n", []string{"\n"}},
		{"/readline", "", []string{}},
		{"/readline?n=2", "abc\nd\n", []string{"ab", "c\n", "d\n"}},
		{"/readlines", "a\nb\nc", []string{"a\n", "b\n", "c"}},
		{"/readlines", "", []string{}},
		{"/iterate", "a\r\nb\n", []string{"a\r\n", "b\n"}},
		{"/past-end", "a\nb", []string{"a\nb", "", "", ""}},
		{"/past-end", "", []string{"", "", "", ""}},
		{"/mixed", "one\ntwo three\nfour", []string{"one\n", "two", " three\n", "four"}},
		{"/read", "\x00\xff\x80", []string{"\x00\u00ff\u0080"}},
	}
	for _, test := range tests {
		bodies := map[string]string{
			"length":  head("POST", test.target, fmt.Sprintf("Content-Length: %d", len(test.body))) + test.body,
			"chunked": head("POST", test.target, "Transfer-Encoding: chunked") + chunked(test.body, 2),
		}
		for framing, request := range bodies {
			t.Run(framing+test.target, func(t *testing.T) {
				s := s.in(t)
				c := s.raw()
				c.send(request)
				var got []string
				a := c.expect(http.StatusOK)
				if err := json.Unmarshal([]byte(a.body), &got); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("body %q: got %q, want %q", test.body, got, test.want)
				}
			})
		}
	}
}

// TestInputLineHint: readlines(hint) may return more or less than the hint, but loses nothing.
func TestInputLineHint(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	body := "aa\nbb\ncc\ndd\n"
	var got []string
	a := s.post("/readlines?n=4", body)
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "") != body || len(got) < 3 {
		t.Errorf("got %q, want at least two lines and the rest", got)
	}
}

// TestInputDigest: bodies of many sizes arrive whole, up to several times every buffer on the way.
func TestInputDigest(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"))
	client := s.client()
	for _, size := range []int{0, 1, 11, 1024, 8191, 8192, 8193, 65535, 65536, 65537, 1 << 20, 5<<20 + 3} {
		body := strings.Repeat("0123456789abcdef!", size/17+1)[:size]
		sum := sha256.Sum256([]byte(body))
		want := fmt.Sprintf("%s %d", hex.EncodeToString(sum[:]), size)
		for _, known := range []bool{true, false} {
			req := s.request(t.Context(), http.MethodPost, "/sha256", strings.NewReader(body))
			if !known {
				req.ContentLength = -1 // has net/http send it in chunks
			}
			a := exchange(client, req)
			if a.err != nil || a.body != want {
				t.Errorf("%d bytes, length known %v: %q, %v, want %q", size, known, a.body, a.err, want)
			}
		}
	}
}

// TestInputCutShort: a body that its client never completes is an exception in
// read() or never reaches the application; it is not a short body that looks
// whole, on none of the ways a body can take.
func TestInputCutShort(t *testing.T) {
	t.Parallel()
	const expect, chunks = "Expect: 100-continue", "Transfer-Encoding: chunked"
	large := strings.Repeat("x", 200_000)
	tests := []struct {
		name, part string
		fields     []string
		streamed   bool // without a spool
	}{
		{"length", "hello", []string{"Content-Length: 100"}, false},
		{"large length", large, []string{"Content-Length: 300000"}, false},
		{"chunked", "5\r\nhello\r\n", []string{chunks}, false},
		{"inside a chunk", "5\r\nhel", []string{chunks}, false},
		{"before the last line", "5\r\nhello\r\n0\r\n", []string{chunks}, false},
		{"large chunk", "30d40\r\n" + large + "\r\n", []string{chunks}, false},
		{"awaited length", "hello", []string{"Content-Length: 100", expect}, false},
		{"awaited chunked", "5\r\nhello\r\n", []string{chunks, expect}, false},
		{"streamed length", large, []string{"Content-Length: 300000"}, true},
		{"streamed chunked", "30d40\r\n" + large + "\r\n", []string{chunks}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spool := "1G"
			if test.streamed {
				spool = "0"
			}
			s := startSite(t, `
request-spool-limit = "`+spool+`"

[[mount]]
path = "/"
script = {{app "input.py"}}
`)
			log := filepath.Join(t.TempDir(), "outcome")
			c := s.raw()
			c.send(head("POST", "/error?log="+log, test.fields...) + test.part)
			c.Close()
			if body := s.getOK("/ignore"); body != "ignored" {
				t.Errorf("the next request: %q", body)
			}
			s.stop() // whatever ran has ended
			if outcome, err := os.ReadFile(log); err == nil && strings.Contains(string(outcome), "complete") {
				t.Error("the application took a cut body for a complete one")
			}
		})
	}
}

// TestInputUnread: an application that leaves the body alone costs at most the connection.
func TestInputUnread(t *testing.T) {
	t.Parallel()
	s := start(t, app(t, "input.py"), "--threads", "1", "--processes", "1")
	for _, size := range []int{10, 100_000, 4 << 20} {
		body := strings.Repeat("x", size)
		for _, target := range []string{"/ignore", "/refuse"} {
			c := s.raw()
			go func() { _, _ = c.Write([]byte(head("POST", target, fmt.Sprintf("Content-Length: %d", size)) + body)) }()
			a := c.response(http.MethodPost)
			if want := map[string]int{"/ignore": 200, "/refuse": 413}[target]; a.status != want || a.err != nil {
				t.Errorf("%s with %d bytes: status %d, %v, want %d", target, size, a.status, a.err, want)
			}
		}
	}
	if body := s.getOK("/ignore"); body != "ignored" {
		t.Errorf("the thread after that: %q", body)
	}
}
