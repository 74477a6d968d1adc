package front

import (
	"fmt"
	"strings"
	"testing"
)

// TestConditions: RFC 9110, 13. TAG stands for the file's.
func TestConditions(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "", "")
	r, _ := ask(t, address, get("/s/a.txt", ""))
	tag := r.Header.Get("ETag")
	const before, after = "Thu, 29 Feb 2024 11:59:59 GMT", "Thu, 29 Feb 2024 12:00:01 GMT"
	for fields, want := range map[string]int{
		"If-None-Match: TAG":                                        304,
		"If-None-Match: W/TAG":                                      304,
		"If-None-Match: *":                                          304,
		"If-None-Match: \"x\", \"a,b\" , TAG":                       304,
		"If-None-Match: \"x\"\r\nIf-None-Match: TAG":                304,
		"If-None-Match: \"x\"":                                      200,
		"If-None-Match: ":                                           200,
		"If-None-Match: \"x":                                        200,
		"If-None-Match: nonsense, TAG":                              200,
		"If-Modified-Since: " + writtenText:                         304,
		"If-Modified-Since: " + after:                               304,
		"If-Modified-Since: Thursday, 29-Feb-24 12:00:00 GMT":       304,
		"If-Modified-Since: " + before:                              200,
		"If-Modified-Since: yesterday":                              200,
		"If-None-Match: \"x\"\r\nIf-Modified-Since: " + writtenText: 200,
		"If-Match: TAG":                                             200,
		"If-Match: *":                                               200,
		"If-Match: W/TAG":                                           412,
		"If-Match: \"x\"":                                           412,
		"If-Match: TAG\r\nIf-Unmodified-Since: " + before:           200,
		"If-Unmodified-Since: " + writtenText:                       200,
		"If-Unmodified-Since: " + before:                            412,
		"If-Unmodified-Since: 1":                                    200,
		"If-Match: \"x\"\r\nIf-None-Match: TAG":                     412,
		"If-None-Match: TAG\r\nRange: bytes=0-1":                    304,
	} {
		r, body := ask(t, address, get("/s/a.txt", strings.ReplaceAll(fields, "TAG", tag)+"\r\n"))
		if r.StatusCode != want {
			t.Errorf("%q: %s, want %d", fields, r.Status, want)
		}
		if r.StatusCode == 304 && (body != "" || r.Header.Get("ETag") != tag || r.Header.Get("Last-Modified") != writtenText || r.Header["Content-Length"] != nil) {
			t.Errorf("%q: %v %q", fields, r.Header, body)
		}
	}
}

// TestRanges: RFC 9110, 14, of a file that is sent at once and one that is sent with
// sendfile(2).
func TestRanges(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "", "")
	r, _ := ask(t, address, get("/s/a.txt", ""))
	tag := r.Header.Get("ETag")
	const whole = "0123456789"
	for _, test := range []struct {
		fields string
		status int
		want   string // body and Content-Range
	}{
		{"Range: bytes=0-0", 206, "0 bytes 0-0/10"},
		{"Range: bytes=2-4", 206, "234 bytes 2-4/10"},
		{"Range: Bytes= 7- ", 206, "789 bytes 7-9/10"},
		{"Range: bytes=8-100", 206, "89 bytes 8-9/10"},
		{"Range: bytes=0-9", 206, whole + " bytes 0-9/10"},
		{"Range: bytes=-3", 206, "789 bytes 7-9/10"},
		{"Range: bytes=-30", 206, whole + " bytes 0-9/10"},
		{"Range: bytes=9-99999999999999999999999999", 206, "9 bytes 9-9/10"},
		{"Range: bytes=-99999999999999999999999999", 206, whole + " bytes 0-9/10"},
		{"Range: bytes=10-", 416, " bytes */10"},
		{"Range: bytes=-0", 416, " bytes */10"},
		{"Range: bytes=99999999999999999999999999-", 416, " bytes */10"},
		{"Range: bytes=4-2", 200, whole + " "},
		{"Range: bytes=0-1,3-4", 200, whole + " "},
		{"Range: bytes=0-1\r\nRange: bytes=3-4", 200, whole + " "},
		{"Range: lines=0-1", 200, whole + " "},
		{"Range: bytes=a-b", 200, whole + " "},
		{"Range: bytes=--1", 200, whole + " "},
		{"Range: bytes=-", 200, whole + " "},
		{"Range: bytes", 200, whole + " "},
		{"Range: bytes=1-2\r\nIf-Range: TAG", 206, "12 bytes 1-2/10"},
		{"Range: bytes=1-2\r\nIf-Range: W/TAG", 200, whole + " "},
		{"Range: bytes=1-2\r\nIf-Range: \"x\"", 200, whole + " "},
		{"Range: bytes=1-2\r\nIf-Range: " + writtenText, 206, "12 bytes 1-2/10"},
		{"Range: bytes=1-2\r\nIf-Range: Thu, 29 Feb 2024 12:00:01 GMT", 200, whole + " "},
		{"Range: bytes=1-2\r\nIf-Match: TAG", 206, "12 bytes 1-2/10"},
	} {
		r, body := ask(t, address, get("/s/a.txt", strings.ReplaceAll(test.fields, "TAG", tag)+"\r\n"))
		if r.StatusCode == 416 {
			body = ""
		}
		if got := body + " " + r.Header.Get("Content-Range"); r.StatusCode != test.status || got != test.want {
			t.Errorf("%q: %s %q, want %d %q", test.fields, r.Status, got, test.status, test.want)
		}
	}
	for fields, want := range map[string]int{"Range: bytes=-5": 200, "Range: bytes=0-": 416} {
		if r, _ := ask(t, address, get("/s/empty.css", fields+"\r\n")); r.StatusCode != want {
			t.Errorf("of an empty file, %s: %s, want %d", fields, r.Status, want)
		}
	}
	r, body := ask(t, address, get("/s/big.bin", "Range: bytes=17-500000\r\n"))
	whole2 := strings.Repeat("0123456789abcdef", 40<<10)
	if r.StatusCode != 206 || body != whole2[17:500001] {
		t.Errorf("of the large file: %s, %d bytes", r.Status, len(body))
	}
	r, _ = ask(t, address, strings.Replace(get("/s/a.txt", "Range: bytes=1-2\r\n"), "GET", "HEAD", 1))
	if r.StatusCode != 200 || r.ContentLength != 10 {
		t.Errorf("HEAD: %s %d", r.Status, r.ContentLength)
	}
}

// TestPrecompressed: the coding that the client likes best, of those that are there.
func TestPrecompressed(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "precompressed = true", "")
	for _, test := range []struct{ target, accept, want, coding string }{
		{"/s/z.css", "", "plain", ""},
		{"/s/z.css", "Accept-Encoding: gzip, deflate, br\r\n", "broken", "br"},
		{"/s/z.css", "Accept-Encoding: gzip\r\n", "zipped", "gzip"},
		{"/s/z.css", "Accept-Encoding: X-GZIP\r\n", "zipped", "gzip"},
		{"/s/z.css", "Accept-Encoding: br;q=0.5, gzip;q=0.501\r\n", "zipped", "gzip"},
		{"/s/z.css", "Accept-Encoding: br;q=0, gzip;Q=0.001\r\n", "zipped", "gzip"},
		{"/s/z.css", "Accept-Encoding: *\r\n", "broken", "br"},
		{"/s/z.css", "Accept-Encoding: *;q=0\r\n", "plain", ""},
		{"/s/z.css", "Accept-Encoding: identity, gzip;q=0.5\r\n", "plain", ""},
		{"/s/z.css", "Accept-Encoding: gzip;q=2.5, br;q=x\r\n", "plain", ""},
		{"/s/old.css", "Accept-Encoding: gzip\r\n", "plain", ""},
		{"/s/a.txt", "Accept-Encoding: gzip\r\n", "0123456789", ""},
	} {
		r, body := ask(t, address, get(test.target, test.accept))
		if body != test.want || r.Header.Get("Content-Encoding") != test.coding || r.Header.Get("Vary") != "Accept-Encoding" || strings.Contains(r.Header.Get("Content-Type"), "gzip") {
			t.Errorf("%s with %q: %q %v, want %q", test.target, test.accept, body, r.Header, test.want)
		}
	}
	if r, _ := ask(t, address, get("/s/only.css", "Accept-Encoding: gzip\r\n")); r.StatusCode != 404 {
		t.Errorf("without the plain one: %s", r.Status)
	}
	plain, _ := ask(t, address, get("/s/z.css", ""))
	zipped, _ := ask(t, address, get("/s/z.css", "Accept-Encoding: gzip\r\n"))
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("the compressed file has the ETag of the plain one")
	}
}

// FuzzRange: a range lies inside of the file, and what it is printed as means itself.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=9223372036854775807-", "bytes=0-1,2-3", "bytes= 1-2"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 {
			return
		}
		got, outcome := parseRange([]byte(value), size)
		if outcome != satisfiable {
			return
		}
		if got.first < 0 || got.end > size || got.length() <= 0 {
			t.Fatalf("%q of %d bytes: %+v", value, size, got)
		}
		again, outcome := parseRange(fmt.Appendf(nil, "bytes=%d-%d", got.first, got.end-1), size)
		if outcome != satisfiable || again != got {
			t.Fatalf("%q of %d bytes: %+v, then %+v", value, size, got, again)
		}
	})
}
