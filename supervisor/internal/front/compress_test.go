package front

import (
	"compress/gzip"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// player is a handler that plays the application: it has responses made in a goroutine, as
// groups do.
type player struct {
	*Front
	play func(r group.Response, serial uint64)
	done sync.WaitGroup
}

func (p *player) Handle(c *http1.Conn) {
	s := p.session(c)
	s.begin()
	if status, text, fields := s.objection(); status != 0 {
		s.answer(status, text, fields)
		return
	}
	s.addFields()
	r, serial := s.response(), c.Response.Serial()
	p.done.Go(func() { p.play(r, serial) })
}

func (*player) Gone(*http1.Conn) {}

// playAt serves a site whose responses are played.
func playAt(t *testing.T, text string, play func(r group.Response, serial uint64)) net.Addr {
	t.Helper()
	f := newFront(t, func(s *site.Site) { *s = *parseSite(t, text) })
	p := &player{Front: f, play: play}
	server := http1.NewServer(f.serverOptions(&f.options.Site.Server, f.conf.Load().hosts), p)
	t.Cleanup(func() {
		server.Close()
		p.done.Wait()
	})
	return listen(t, "tcp", server.Serve)
}

const compressSite = `compress = ["text/*", "Application/JSON"]
compress-minimum-size = 100
[[mount]]
path = "/"
module = "a"
`

// headOf is a head as it comes over the worker link, of lines "Name: value".
func headOf(line string, fields ...string) http1.Head {
	head := http1.Head{Block: []byte(line), MaxLine: 8190}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		addField(&head, name, value)
	}
	return head
}

func piece(text string) http1.Piece { return http1.Piece{Buf: []byte(text), End: len(text)} }

// TestCompress: what is compressed, and what the head says then.
func TestCompress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 100)
	for _, test := range []struct {
		name, accept string
		line         string
		fields       []string
		body         string
		packed       bool
		vary, tag    string
	}{
		{"plain", "gzip", "200 OK", []string{"Content-Type: text/html; charset=utf-8"}, long, true, "Accept-Encoding", ""},
		{"type in another case", "gzip", "200 OK", []string{"content-type: APPLICATION/json"}, long, true, "Accept-Encoding", ""},
		{"other type", "gzip", "200 OK", []string{"Content-Type: image/png"}, long, false, "", ""},
		{"no type", "gzip", "200 OK", nil, long, false, "", ""},
		{"small", "gzip", "200 OK", []string{"Content-Type: text/html"}, long[:99], false, "", ""},
		{"not taken", "", "200 OK", []string{"Content-Type: text/html", `ETag: "a"`}, long, false, "Accept-Encoding", `"a"`},
		{"refused", "gzip;q=0", "200 OK", []string{"Content-Type: text/html"}, long, false, "Accept-Encoding", ""},
		{"liked less", "gzip;q=0.5, identity", "200 OK", []string{"Content-Type: text/html"}, long, false, "Accept-Encoding", ""},
		{"among others", "br, x-gzip;q=0.1", "200 OK", []string{"Content-Type: text/html"}, long, true, "Accept-Encoding", ""},
		{"any", "*", "200 OK", []string{"Content-Type: text/html"}, long, true, "Accept-Encoding", ""},
		{"vary", "gzip", "200 OK", []string{"Content-Type: text/html", "Vary: Cookie"}, long, true, "Cookie, Accept-Encoding", ""},
		{"vary already", "gzip", "200 OK", []string{"Content-Type: text/html", "vary: accept-encoding, Cookie"}, long, true, "accept-encoding, Cookie", ""},
		{"vary on all", "gzip", "200 OK", []string{"Content-Type: text/html", "Vary: *"}, long, true, "*", ""},
		{"strong tag", "gzip", "200 OK", []string{"Content-Type: text/html", `ETag: "a"`, "Accept-Ranges: bytes"}, long, true, "Accept-Encoding", `W/"a"`},
		{"weak tag", "gzip", "200 OK", []string{"Content-Type: text/html", `ETag: W/"a"`}, long, true, "Accept-Encoding", `W/"a"`},
		{"length", "gzip", "200 OK", []string{"Content-Type: text/html", "Content-Length: 1000"}, long, true, "Accept-Encoding", ""},
		{"compressed already", "gzip", "200 OK", []string{"Content-Encoding: br", "Content-Type: text/html"}, long, false, "", ""},
		{"no-transform", "gzip", "200 OK", []string{"Content-Type: text/html", "Cache-Control: private, No-Transform"}, long, false, "", ""},
		{"part", "gzip", "206 Partial Content", []string{"Content-Type: text/html", "Content-Range: bytes 0-999/2000"}, long, false, "", ""},
		{"digest", "gzip", "200 OK", []string{"Content-Type: text/html", "Repr-Digest: x"}, long, false, "", ""},
		{"error", "gzip", "404 Not Found", []string{"Content-Type: text/html"}, long, true, "Accept-Encoding", ""},
		{"no content", "gzip", "204 No Content", []string{"Content-Type: text/html"}, "", false, "", ""},
		{"empty", "gzip", "200 OK", []string{"Content-Type: text/html"}, "", false, "", ""},
		{"not modified", "gzip", "304 Not Modified", []string{`ETag: "held"`}, "", false, "Accept-Encoding", `W/"held"`},
		{"not modified, strong", "gzip", "304 Not Modified", []string{`ETag: "other"`}, "", false, "Accept-Encoding", `"other"`},
	} {
		for _, way := range []string{"whole", "streamed", "head"} {
			t.Run(test.name+", "+way, func(t *testing.T) {
				t.Parallel()
				bodyless := test.line[0] != '4' && test.line[:3] != "200" && test.line[:3] != "206"
				if way == "head" && test.name == "empty" {
					return // what GET would have is not known
				}
				if way == "streamed" && (len(test.body) < 1000 || bodyless) {
					return // a stream says nothing of its size
				}
				address := playAt(t, compressSite, func(r group.Response, serial uint64) {
					head := headOf(test.line, test.fields...)
					if way != "streamed" {
						if err := r.Complete(serial, head, piece(test.body)); err != nil {
							t.Errorf("Complete: %v", err)
						}
						return
					}
					over, err := r.Start(serial, head, piece(test.body[:10]))
					for at := 10; at < len(test.body) && err == nil && !over; at += 330 {
						over, err = r.Data(serial, piece(test.body[at:at+330]))
					}
					if err == nil && !over {
						err = r.End(serial)
					}
					if err != nil {
						t.Errorf("streamed: %v", err)
					}
				})
				request := "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nIf-None-Match: W/\"held\", \"other\"\r\nAccept-Encoding: " + test.accept + "\r\n\r\n"
				if way == "head" {
					request = strings.Replace(request, "GET", "HEAD", 1)
				}
				r, body := ask(t, address, request)
				if got := r.Header.Get("Content-Encoding"); test.packed != (got == "gzip") || r.Header.Get("Vary") != test.vary || r.Header.Get("ETag") != test.tag {
					t.Errorf("Content-Encoding %q, Vary %q, ETag %q", got, r.Header.Get("Vary"), r.Header.Get("ETag"))
				}
				if test.packed && (r.Header.Get("Accept-Ranges") != "" || way == "head" && r.ContentLength >= 0) {
					t.Errorf("length %d, Accept-Ranges %q", r.ContentLength, r.Header.Get("Accept-Ranges"))
				}
				if test.packed && way != "head" {
					body = unzip(t, body)
				}
				if want := test.body; way != "head" && body != want {
					t.Errorf("body %.40q of %d bytes, want %d", body, len(body), len(want))
				}
			})
		}
	}
}

func unzip(t *testing.T, body string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// TestCompressStatic: files are compressed where there is none that is already.
func TestCompressStatic(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "precompressed = true\ncompress = [\"text/*\", \"application/octet-stream\"]\ncompress-minimum-size = 0\nresponse-headers = \"Vary: X\"\n", "")
	for target, want := range map[string]string{"/s/a.txt": "0123456789", "/s/z.css": "", "/s/big.bin": strings.Repeat("0123456789abcdef", 40<<10), "/s/none": "-"} {
		r, body := ask(t, address, get(target, "Accept-Encoding: gzip\r\n"))
		if want == "-" {
			if r.StatusCode != 404 || r.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %s", target, r.Status)
			}
			continue
		}
		if r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Vary") != "X, Accept-Encoding" {
			t.Errorf("%s: %v", target, r.Header)
		}
		weak := strings.HasPrefix(r.Header.Get("ETag"), "W/")
		if weak != (want != "") || want == "" && body != "zipped" || want != "" && unzip(t, body) != want {
			t.Errorf("%s: %d bytes, ETag %s", target, len(body), r.Header.Get("ETag"))
		}
	}
	r, _ := ask(t, address, get("/s/a.txt", "Accept-Encoding: gzip\r\n"))
	tag := r.Header.Get("ETag")
	if again, _ := ask(t, address, get("/s/a.txt", "Accept-Encoding: gzip\r\nIf-None-Match: "+tag+"\r\n")); again.StatusCode != 304 || again.Header.Get("ETag") != tag {
		t.Errorf("If-None-Match: %s is answered %s %s", tag, again.Status, again.Header.Get("ETag"))
	}
	if r, body := ask(t, address, get("/s/a.txt", "Accept-Encoding: gzip\r\nRange: bytes=2-4\r\n")); r.StatusCode != 206 || body != "234" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("Range: %s %q", r.Status, body)
	}
}

// TestHeadWhereCompressed: HEAD is GET to the application where compression makes the head
// depend on the body, unless the site says otherwise.
func TestHeadWhereCompressed(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{"": "GET", "map-head-to-get = \"off\"\n": "HEAD", "map-head-to-get = \"on\"\ncompress = []\n": "GET"} {
		f := newFront(t, func(s *site.Site) { *s = *parseSite(t, compressSite+keys) })
		if got := environOf(t, sessionFor(t, f, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"))["REQUEST_METHOD"]; got != want {
			t.Errorf("with %q: %s, want %s", keys, got, want)
		}
	}
}

// TestCompressorsBounded: beyond so many at a time, responses are sent as they are.
func TestCompressorsBounded(t *testing.T) {
	t.Parallel()
	var p packer
	p.init()
	for range mostPacked {
		if !p.begin() {
			t.Fatal("fewer than mostPacked")
		}
	}
	if p.begin() {
		t.Error("more than mostPacked")
	}
	p.end()
	if !p.begin() {
		t.Error("none after an end")
	}
}
