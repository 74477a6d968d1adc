package http1

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// status returns the status of a refusal, 0 for none.
func status(t *testing.T, err error) int {
	t.Helper()
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("%v is not an *Error", err)
	}
	if refusal == nil {
		return 0
	}
	return refusal.Status
}

// TestLimits takes each bound exactly, and one less than a request needs.
func TestLimits(t *testing.T) {
	const head = "GET /abc HTTP/1.1\r\nHost: abcde\r\nA: b\r\n\r\n"
	exact := Limits{Line: 17, Fields: 2, FieldSize: 11, Head: len(head)}
	tests := []struct {
		name   string
		change func(*Limits)
		want   int
	}{
		{"exact", func(*Limits) {}, 0},
		{"line", func(l *Limits) { l.Line-- }, 414},
		{"line shorter than a method", func(l *Limits) { l.Line = 2 }, 414},
		{"line of a method", func(l *Limits) { l.Line = 4 }, 414},
		{"line without its version", func(l *Limits) { l.Line = 9 }, 414},
		{"fields", func(l *Limits) { l.Fields-- }, 431},
		{"field size", func(l *Limits) { l.FieldSize-- }, 431},
		{"head", func(l *Limits) { l.Head-- }, 431},
		{"nothing allowed", func(l *Limits) { *l = Limits{} }, 431},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lim := exact
			test.change(&lim)
			var r Request
			if got := status(t, r.Parse([]byte(head), &lim)); got != test.want {
				t.Errorf("whole: status %d, want %d", got, test.want)
			}
			if got := status(t, scanPrefixes(head, &lim)); got != test.want {
				t.Errorf("byte by byte: status %d, want %d", got, test.want)
			}
		})
	}
}

// scanPrefixes scans all of head but its last byte as it arrives byte by byte, and then
// scans and parses the whole.
func scanPrefixes(head string, lim *Limits) error {
	var s Scanner
	for n := range len(head) {
		if end, err := s.Scan([]byte(head[:n]), lim); end != 0 || err != nil {
			return err
		}
	}
	var r Request
	end, err := s.Scan([]byte(head), lim)
	if err != nil {
		return err
	}
	return r.Parse([]byte(head[:end]), lim)
}

// TestScanRefusesEarly gives beginnings that nothing can save any more. Scan must not
// wait for the rest.
func TestScanRefusesEarly(t *testing.T) {
	tests := []struct {
		input string
		want  int
	}{
		{"\x16", 400},
		{"\x00", 400},
		{"\n", 400},
		{"\r\r", 400},
		{" ", 400},
		{"G\n", 400},
		{strings.Repeat("A", maxMethod+1), 501},
		{"GET /\x01", 400},
		{"GET /" + strings.Repeat("a", 8186), 414},
		{"GET / HTTP/2", 505},
		{"GET / h", 400},
		{"PRI * ", 505},
		{"GET / HTTP/1.1\n", 400},
		{"GET / HTTP/1.1\r\n ", 400},
		{"GET / HTTP/1.1\r\nA ", 400},
		{"GET / HTTP/1.1\r\nA: \x00", 400},
		{"GET / HTTP/1.1\r\nA: b\n", 400},
		{"GET / HTTP/1.1\r\n" + strings.Repeat("a", 8191), 431},
		{"GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 100) + "A", 431},
	}
	lim := DefaultLimits()
	for _, test := range tests {
		var s Scanner
		if end, err := s.Scan([]byte(test.input[:len(test.input)-1]), &lim); end != 0 || err != nil {
			t.Errorf("%.40q but its last byte: end %d, error %v", test.input, end, err)
		}
		if _, err := s.Scan([]byte(test.input), &lim); status(t, err) != test.want {
			t.Errorf("%.40q: error %v, want status %d", test.input, err, test.want)
		}
	}
}

// TestPipelinedHeads finds the ends of requests that arrived together.
func TestPipelinedHeads(t *testing.T) {
	first := "GET /1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
	second := "\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"
	buf := []byte(first + second + "GET")
	lim := DefaultLimits()
	var s Scanner
	var r Request
	for _, want := range []string{first, second} {
		end, err := s.Scan(buf, &lim)
		if err != nil || end != len(want) {
			t.Fatalf("end %d, error %v, want %d", end, err, len(want))
		}
		if err := r.Parse(buf[:end], &lim); err != nil {
			t.Fatal(err)
		}
		buf = buf[end:]
		s.Reset()
	}
	if string(r.Path) != "/2" || string(r.Host) != "b" || len(r.Fields) != 1 {
		t.Errorf("second request read as %s", describe(&r))
	}
	if end, err := s.Scan(buf, &lim); end != 0 || err != nil {
		t.Errorf("third: end %d, error %v", end, err)
	}
}

// TestParseForgets checks that nothing of one request, refused or not, is left in the
// next.
func TestParseForgets(t *testing.T) {
	lim := DefaultLimits()
	plain := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	var fresh, used Request
	if err := fresh.Parse(plain, &lim); err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{
		"POST http://b/x?y HTTP/1.1\r\nHost: b\r\nContent-Type: c\r\nContent-Length: 5\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: b\r\nConnection: keep-alive\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: b\r\nHost: c\r\nTransfer-Encoding: gzip\r\n\r\n",
	} {
		_ = used.Parse([]byte(before), &lim) // its outcome is the corpus's business
		if err := used.Parse(plain, &lim); err != nil {
			t.Fatalf("after %q: %v", before, err)
		}
		if got, want := describe(&used), describe(&fresh); got != want {
			t.Errorf("after %q:\n%swant:\n%s", before, got, want)
		}
	}
}

// TestParseRefusesOtherThanAHead gives Parse what Scan never measures off.
func TestParseRefusesOtherThanAHead(t *testing.T) {
	lim := DefaultLimits()
	for _, head := range []string{
		"", "\r\n", "\r\n\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n", "GET /\r\n\r\n", "GET / H\r\n\r\n", "\r\n\r\n\r\n\r\n",
	} {
		var r Request
		if err := r.Parse([]byte(head), &lim); status(t, err) != 400 {
			t.Errorf("%q: %v", head, err)
		}
	}
}

// TestValueEnd puts every byte at every place of a stretch and compares the fast search
// with the set it stands for.
func TestValueEnd(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for _, fill := range []byte{'a', '\t', 0xff, 0x80, ' '} {
				b := bytes.Repeat([]byte{fill}, 20)
				b[at] = byte(c)
				want := at
				if valueBytes[c] {
					want = len(b)
				}
				if got := valueEnd(b, 0); got != want {
					t.Fatalf("byte %#x at %d among %#x: %d, want %d", c, at, fill, got, want)
				}
			}
		}
	}
}

// TestIPv6 compares with net/netip on all short combinations of the parts that addresses
// are made of.
func TestIPv6(t *testing.T) {
	parts := []string{":", "::", "1:", "abcd", "1:2:3:4:5:6", ":7:8", "00000", "1.2.3.4", ".5", "256"}
	var combine func(prefix string, depth int)
	combine = func(prefix string, depth int) {
		_, err := netip.ParseAddr(prefix)
		if got, want := validIPv6([]byte(prefix)), err == nil && strings.Contains(prefix, ":"); got != want {
			t.Errorf("%q: %t, net/netip: %v", prefix, got, err)
		}
		if depth == 0 {
			return
		}
		for _, p := range parts {
			combine(prefix+p, depth-1)
		}
	}
	combine("", 4)
}

// TestChunkedReset gives a used decoder a second body under small limits.
func TestChunkedReset(t *testing.T) {
	var c Chunked
	if _, _, err := decode(&c, []byte("x")); status(t, err) != 400 {
		t.Fatalf("bad size: %v", err)
	}
	const body = "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n"
	exact := Limits{Fields: 2, FieldSize: 4, Head: 14}
	tests := []struct {
		name   string
		change func(*Limits)
		want   int
	}{
		{"exact", func(*Limits) {}, 0},
		{"fields", func(l *Limits) { l.Fields-- }, 431},
		{"field size", func(l *Limits) { l.FieldSize-- }, 431},
		{"section", func(l *Limits) { l.Head-- }, 431},
	}
	for _, test := range tests {
		lim := exact
		test.change(&lim)
		c.Reset(&lim)
		got, rest, err := decode(&c, []byte(body+"rest"))
		if status(t, err) != test.want || string(got) != "a" {
			t.Errorf("%s: body %q, error %v, want status %d", test.name, got, err, test.want)
		}
		if test.want == 0 && (!c.Done() || string(rest) != "rest") {
			t.Errorf("%s: rest %q", test.name, rest)
		}
	}
}

// TestChunkedInPlace checks that payload is a part of the input, with no room to append
// into what follows.
func TestChunkedInPlace(t *testing.T) {
	p := []byte("3\r\nabc\r\n0\r\n\r\n")
	var c Chunked
	data, n, err := c.Next(p)
	if err != nil || n != 6 || string(data) != "abc" {
		t.Fatalf("data %q, n %d, error %v", data, n, err)
	}
	if &data[0] != &p[3] || cap(data) != len(data) {
		t.Errorf("data is not exactly p[3:6]")
	}
}
