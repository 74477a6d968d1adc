package load

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"
)

const (
	// step is the time between the pieces of a paced upload.
	step = 50 * time.Millisecond

	// largestPiece of an upload: a write's worth.
	largestPiece = 64 << 10
)

// request is one request of a worker, and what its answer has to be.
type request struct {
	id     string
	target string
	seed   uint64 // of the pattern of its body, or of its answer's
	what   Workers
}

func (w *worker) next() request {
	w.sequence++
	r := request{id: requestID(w.client.run, w.number, w.sequence), what: w.what}
	route, more := "/hello", ""
	switch w.what.Job {
	case Post, Upload:
		r.seed = w.random.Uint64()
		route = "/upload"
	case Stream, Download:
		r.seed = w.random.Uint64()
		route = "/stream"
		seconds := w.what.For.Seconds()
		if w.what.Job == Download {
			seconds = 0
		}
		more = fmt.Sprintf("&bytes=%d&seconds=%g&seed=%d", w.what.Bytes, seconds, r.seed)
		if w.what.Chunked {
			more += "&chunked=1"
		}
	case Sleep:
		route = "/slow"
		more = fmt.Sprintf("&s=%g", w.what.For.Seconds())
	}
	r.target = w.client.options.Prefix + route + "?id=" + r.id + more
	return r
}

// uploads reports whether the request has a body.
func (r *request) uploads() bool { return r.what.Job == Post || r.what.Job == Upload }

// appendHead appends the request up to its body.
func (r *request) appendHead(b []byte, host string) []byte {
	method := "GET "
	if r.uploads() {
		method = "POST "
	}
	b = append(append(append(b, method...), r.target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(append(b, host...), "\r\nX-Load-Id: "...), r.id...)
	switch {
	case r.what.Chunked && r.uploads():
		b = append(b, "\r\nTransfer-Encoding: chunked"...)
	case r.uploads():
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), r.what.Bytes, 10)
	case r.what.Job == GetClose:
		b = append(b, "\r\nConnection: close"...)
	}
	return append(b, "\r\n\r\n"...)
}

// expected is what the answer has to be to a request without a body.
func (r *request) expected(begun time.Time, cut <-chan struct{}) expected {
	switch r.what.Job {
	case Stream, Download:
		p := &patterned{pattern: pattern{seed: r.seed}, length: r.what.Bytes}
		if r.what.Job == Download && r.what.For > 0 {
			p.pace = &pace{begun: begun, over: r.what.For, total: r.what.Bytes, cut: cut}
		}
		return p
	case Sleep:
		return newText("slept " + r.id + "\n")
	default:
		return newText("hello " + r.id + "\n")
	}
}

func newText(s string) *text { t := text(s); return &t }

// send writes the request, whose head is in the buffer, and gives what has to be
// answered. An answer that begins before the body is sent ends the sending.
func (r *request) send(c *conn, buffer []byte, begun time.Time, cut <-chan struct{}) (expected, error) {
	if !r.uploads() {
		_, err := c.Write(buffer)
		return r.expected(begun, cut), err
	}
	source := pattern{seed: r.seed}
	digest := sha256.New()
	pace := &pace{begun: begun, over: r.what.For, total: r.what.Bytes, cut: cut}
	sent := int64(0)
	for sent < r.what.Bytes {
		n := min(r.piece(), r.what.Bytes-sent)
		buffer = r.appendPiece(buffer, &source, digest, n)
		if r.what.For > 0 && sent > 0 {
			pace.wait(sent)
			if is, _ := c.look(); is != silent {
				return r.answerOf(digest.Sum(nil)), nil
			}
		}
		if sent += n; sent == r.what.Bytes && r.what.Chunked {
			buffer = append(buffer, "0\r\n\r\n"...)
		}
		if _, err := c.Write(buffer); err != nil {
			return r.answerOf(digest.Sum(nil)), err
		}
		buffer = buffer[:0]
	}
	return r.answerOf(digest.Sum(nil)), nil
}

// piece is how much of the body is written at once.
func (r *request) piece() int64 {
	steps := max(1, int64(r.what.For/step))
	return max(1, min((r.what.Bytes+steps-1)/steps, largestPiece))
}

func (r *request) appendPiece(b []byte, source *pattern, digest io.Writer, n int64) []byte {
	if r.what.Chunked {
		b = append(strconv.AppendInt(b, n, 16), "\r\n"...)
	}
	from := len(b)
	for want := from + int(n); len(b) < want; {
		b = append(b, source.next(want-len(b))...)
	}
	_, _ = digest.Write(b[from:]) // a hash never fails
	if r.what.Chunked {
		b = append(b, "\r\n"...)
	}
	return b
}

func (r *request) answerOf(sum []byte) expected {
	return newText(hex.EncodeToString(sum) + " " + strconv.FormatInt(r.what.Bytes, 10) + " " + r.id + "\n")
}
