package http1

import (
	"errors"
	"strings"
	"testing"
)

// getLikeWrk is what a load generator sends, getLikeBrowser what a browser does: 20
// fields, near 1 KiB.
const getLikeWrk = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"

var getLikeBrowser = strings.Join([]string{
	"GET /shop/articles/4711?ref=start&page=2 HTTP/1.1",
	"Host: www.example.com",
	"Connection: keep-alive",
	"Cache-Control: max-age=0",
	`sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"`,
	"sec-ch-ua-mobile: ?0",
	`sec-ch-ua-platform: "Linux"`,
	"Upgrade-Insecure-Requests: 1",
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
	"Sec-Fetch-Site: same-origin",
	"Sec-Fetch-Mode: navigate",
	"Sec-Fetch-User: ?1",
	"Sec-Fetch-Dest: document",
	"Referer: https://www.example.com/shop/",
	"Accept-Encoding: gzip, deflate, br, zstd",
	"Accept-Language: de-DE,de;q=0.9,en;q=0.8",
	"Cookie: session=8d1f0b6a5c3e4e0f9a7b6c5d4e3f2a1b; csrftoken=Zm9vYmFyYmF6cXV4; theme=dark; seen=1",
	`If-None-Match: W/"5f3a-1923c0ffee0"`,
	"If-Modified-Since: Tue, 22 Oct 2024 10:00:00 GMT",
	"Priority: u=0, i",
}, "\r\n") + "\r\n\r\n"

func BenchmarkGetLikeWrk(b *testing.B)     { benchmarkHead(b, getLikeWrk) }
func BenchmarkGetLikeBrowser(b *testing.B) { benchmarkHead(b, getLikeBrowser) }

// benchmarkHead measures what one request costs: finding its end and parsing it.
func benchmarkHead(b *testing.B, head string) {
	buf := []byte(head)
	lim := DefaultLimits()
	var s Scanner
	var r Request
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if err := scanAndParse(&s, &r, buf, &lim); err != nil {
			b.Fatal(err)
		}
	}
}

func scanAndParse(s *Scanner, r *Request, buf []byte, lim *Limits) error {
	s.Reset()
	end, err := s.Scan(buf, lim)
	if err != nil {
		return err
	}
	return r.Parse(buf[:end], lim)
}

// BenchmarkSplitHead measures a head that arrives in two parts, which goes through the
// byte-by-byte grammar.
func BenchmarkSplitHead(b *testing.B) {
	buf := []byte(getLikeBrowser)
	lim := DefaultLimits()
	var s Scanner
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		s.Reset()
		if end, err := s.Scan(buf[:len(buf)-1], &lim); end != 0 || err != nil {
			b.Fatal(end, err)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	body := []byte(strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if n, err := countChunked(body); n != 16*4096 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func countChunked(body []byte) (total int, err error) {
	var c Chunked
	for len(body) > 0 && !c.Done() {
		data, n, err := c.Next(body)
		if err != nil {
			return total, err
		}
		total, body = total+len(data), body[n:]
	}
	return total, nil
}

// TestAllocations proves that a valid request costs no garbage, whole or in parts.
func TestAllocations(t *testing.T) {
	lim := DefaultLimits()
	var s Scanner
	var r Request
	heads := map[string]string{
		"wrk":      getLikeWrk,
		"browser":  getLikeBrowser,
		"absolute": "GET http://[::1]:80?a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		"upload":   "POST /%41 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: TE, close\r\n\r\n",
	}
	for name, head := range heads {
		buf := []byte(head)
		noAllocations(t, name, func() error { return scanAndParse(&s, &r, buf, &lim) })
		noAllocations(t, name+" in parts", func() error {
			s.Reset()
			if _, err := s.Scan(buf[:len(buf)/2], &lim); err != nil {
				return err
			}
			end, err := s.Scan(buf, &lim)
			if err != nil {
				return err
			}
			return r.Parse(buf[:end], &lim)
		})
	}
	body := []byte("5;a=\"b\"\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n")
	noAllocations(t, "chunked body", func() error {
		_, err := countChunked(body)
		return err
	})
}

func noAllocations(t *testing.T, name string, exchange func() error) {
	t.Helper()
	var err error
	n := testing.AllocsPerRun(100, func() { err = errors.Join(err, exchange()) })
	if err != nil || n != 0 {
		t.Errorf("%s: %v allocations, error %v", name, n, err)
	}
}
