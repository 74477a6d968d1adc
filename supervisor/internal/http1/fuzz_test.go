package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzParse holds the engine to a second opinion: a request that it accepts is
// accepted by net/http and read the same. It also checks that the parser and the byte-by-byte
// grammar agree on what is well-formed, and that arrival in two parts changes nothing.
func FuzzParse(f *testing.F) {
	for _, input := range corpusInputs(f, "heads") {
		if len(input) < 2000 { // the engine stalls for minutes on making large ones smaller
			f.Add(input, uint16(len(input)/2))
		}
	}
	for _, body := range corpusInputs(f, "chunked") {
		f.Add(slices.Concat([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), body), uint16(20))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		whole := readHead(input)
		if got := readHead(input[:min(int(cut), len(input))], input); got != whole {
			t.Fatalf("cut after %d bytes:\n%swhole:\n%s", cut, got, whole)
		}
		lim := DefaultLimits()
		var s Scanner
		end, err := s.Scan(input, &lim)
		if err != nil || end == 0 {
			return
		}
		var r Request
		err = r.Parse(input[:end], &lim)
		checkGrammar(t, input[:end], &lim, err)
		if err == nil {
			compare(t, &r, input, end)
		}
	})
}

// checkGrammar demands that a head that the parser accepts satisfies the grammar, and
// that a refused one has a reason: the parser's own stand-in for "the grammar
// says why" must never come out.
func checkGrammar(t *testing.T, head []byte, lim *Limits, parsed error) {
	t.Helper()
	var g grammar
	if err := g.check(head, lim); parsed == nil && (err != nil || g.at != atEnd) {
		t.Fatalf("accepted against the grammar: %v", err)
	}
	if parsed != nil && (parsed.Error() == errSyntax().Error() || strings.Contains(parsed.Error(), "not complete")) {
		t.Fatalf("refused without a reason: %v", parsed)
	}
}

// stricter reports what net/http refuses by its own choice although the request is
// valid: reading on would prove nothing.
func stricter(r *Request, err error) bool {
	announced := strings.Contains(err.Error(), "bad trailer key") // it refuses the announcement, we the trailer itself
	return announced && r.Chunked
}

// stricterChunks reports what net/http's decoder refuses in chunked bodies that are
// valid: it gives up on lines and trailer sections near its 4 KiB buffer, and takes no
// whitespace between a chunk-size and ";" (which RFC 9112, 7.1.1 and RFC 9110, 5.6.3 ask a recipient
// to take).
func stricterChunks(encoded []byte) bool {
	return len(encoded) > 4000 || bytes.Contains(encoded, []byte(" ;")) || bytes.Contains(encoded, []byte("\t;"))
}

func compare(t *testing.T, r *Request, input []byte, end int) {
	t.Helper()
	// net/http skips no empty line before a request.
	if rest, ok := bytes.CutPrefix(input, []byte("\r\n")); ok {
		input, end = rest, end-2
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(input)))
	if err != nil {
		if !stricter(r, err) {
			t.Fatalf("net/http refuses what we accept: %v", err)
		}
		return
	}
	compareLine(t, r, req)
	compareURL(t, r, req.URL)
	compareFields(t, r, req.Header)
	compareFraming(t, r, req)
	compareBody(t, r, req, input[end:])
}

func same(t *testing.T, what string, ours, theirs any) {
	t.Helper()
	if ours != theirs {
		t.Fatalf("%s: we read %#v, net/http %#v", what, ours, theirs)
	}
}

func compareLine(t *testing.T, r *Request, req *http.Request) {
	t.Helper()
	same(t, "method", string(r.Method), req.Method)
	same(t, "target", string(r.Target), req.RequestURI)
	same(t, "host", string(r.Host), req.Host)
	same(t, "major version", 1, req.ProtoMajor)
	same(t, "minor version", int(r.Minor), min(req.ProtoMinor, 1)) // we count 1.2 and later as 1.1
}

func compareURL(t *testing.T, r *Request, u *url.URL) {
	t.Helper()
	if r.Form == AuthorityForm {
		same(t, "authority", string(r.Target), u.Host)
		return
	}
	path, err := url.PathUnescape(string(r.Path))
	if err != nil {
		t.Fatalf("cannot decode accepted path: %v", err)
	}
	if u.Path == "" {
		u.Path = "/" // of an absolute-form without a path
	}
	same(t, "path", path, u.Path)
	same(t, "query", string(r.Query), u.RawQuery)
	same(t, "presence of a query", r.Query != nil, u.ForceQuery || u.RawQuery != "")
	same(t, "scheme", strings.ToLower(string(r.Scheme)), u.Scheme)
}

// compareFields compares all fields but those that net/http moves out of the header.
func compareFields(t *testing.T, r *Request, theirs http.Header) {
	t.Helper()
	ours := http.Header{}
	for _, f := range r.Fields {
		key := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		ours[key] = append(ours[key], string(f.Value))
	}
	moved := []string{"Host", "Transfer-Encoding"}
	if r.Chunked {
		moved = append(moved, "Trailer")
	}
	if ours.Get("Pragma") == "no-cache" {
		moved = append(moved, "Cache-Control") // net/http adds one
	}
	for _, key := range moved {
		delete(ours, key)
		delete(theirs, key)
	}
	same(t, "number of field names", len(ours), len(theirs))
	for key, values := range ours {
		if !slices.Equal(values, theirs[key]) {
			t.Fatalf("field %q: we read %q, net/http %q", key, values, theirs[key])
		}
	}
}

func compareFraming(t *testing.T, r *Request, req *http.Request) {
	t.Helper()
	length := r.ContentLength
	if r.Chunked {
		length = -1
	}
	same(t, "length", length, req.ContentLength)
	same(t, "chunked", r.Chunked, slices.Equal(req.TransferEncoding, []string{"chunked"}))
	same(t, "close", r.Close, req.Close)
}

// compareBody compares the payload of bodies that are all there, and what is left
// over after a chunked one.
func compareBody(t *testing.T, r *Request, req *http.Request, body []byte) {
	t.Helper()
	encoded := body
	if r.Chunked {
		var c Chunked
		decoded, _, err := decode(&c, body)
		if err != nil || !c.Done() {
			return
		}
		body = decoded
	} else if int64(len(body)) < r.ContentLength {
		return
	} else {
		body = body[:r.ContentLength]
	}
	theirs, err := io.ReadAll(req.Body)
	if err != nil && r.Chunked && stricterChunks(encoded) {
		return
	}
	if err != nil {
		t.Fatalf("net/http refuses a body that we accept: %v", err)
	}
	if !bytes.Equal(body, theirs) {
		t.Fatalf("body: we read %q, net/http %q", body, theirs)
	}
}

// FuzzChunked compares the decoder with net/http's, which ignores extensions and
// leaves the trailer section to its caller, and cuts the input at any two places.
func FuzzChunked(f *testing.F) {
	for _, input := range corpusInputs(f, "chunked") {
		if len(input) < 2000 {
			f.Add(input, uint16(len(input)/3), uint16(len(input)/2))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte, cut1, cut2 uint16) {
		whole := readChunks(input)
		first := min(int(cut1), len(input))
		second := max(first, min(int(cut2), len(input)))
		if got := readChunks(input[:first], input[first:second], input[second:]); got != whole {
			t.Fatalf("cut after %d and %d bytes:\n%swhole:\n%s", first, second, got, whole)
		}
		var c Chunked
		ours, _, err := decode(&c, input)
		if err != nil {
			checkRefused(t, &c, err)
			return
		}
		theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(input)))
		if !c.Done() || (err != nil && stricterChunks(input)) {
			return
		}
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Fatalf("we read %q, net/http %q (%v)", ours, theirs, err)
		}
	})
}

// checkRefused demands that an error is one for the client, and stays.
func checkRefused(t *testing.T, c *Chunked, err error) {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) || (refusal.Status != 400 && refusal.Status != 431) {
		t.Fatalf("refused with %v", err)
	}
	if _, n, again := c.Next([]byte("0\r\n\r\n")); n != 0 || again != err || c.Done() {
		t.Fatalf("after %v: consumed %d bytes, %v", err, n, again)
	}
}
