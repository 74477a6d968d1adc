package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzResponse: what the strict parser takes for a whole response, net/http reads the
// same way. (The other way round does not hold: net/http forgives more.)
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello and more",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: x, Keep-Alive\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 204 No\r\n\r\n",
		"HTTP/1.1 304 Not\r\nContent-Length: 100\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		reader := bufio.NewReaderSize(bytes.NewReader(input), 16<<10)
		head, err := readHead(reader)
		if err != nil {
			return
		}
		var body whole
		if head.readBody(reader, &body) != nil {
			return
		}
		theirs, err := readTheirs(bufio.NewReader(bytes.NewReader(input)))
		if err != nil {
			// What it finds wrong in a field is none of the client's concern.
			t.Skipf("net/http refuses a field (%v): not proved that it reads this response as the client does", err)
		}
		defer theirs.Body.Close()
		rest, err := io.ReadAll(theirs.Body)
		if err != nil || theirs.StatusCode != head.status || !bytes.Equal(rest, body) || theirs.Close != head.closes && head.length >= 0 {
			t.Errorf("status %d, closes %v, body %q\nnet/http: %d, %v, %q, %v",
				head.status, head.closes, body, theirs.StatusCode, theirs.Close, rest, err)
		}
	})
}

// readTheirs passes over interim responses, as readHead does.
func readTheirs(r *bufio.Reader) (*http.Response, error) {
	for {
		theirs, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
		if err != nil || theirs.StatusCode >= 200 {
			return theirs, err
		}
	}
}
