package load

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	lineLimit  = 8 << 10 // of a response's head
	fieldLimit = 100
)

// malformed says what is wrong with the bytes of a response.
type malformed string

func (m malformed) Error() string { return string(m) }

// head is a response up to its body (RFC 9112), as strict as a client can be.
type head struct {
	status   int
	length   int64 // -1: no Content-Length
	chunked  bool
	old      bool // HTTP/1.0
	closes   bool // the connection ends with this response
	identity identity
}

// identity is what app.py says about itself and the request.
type identity struct {
	id, pid, process, token, generation string
}

// readHead reads the head of a final response; 1xx ones before it are passed over.
func readHead(r *bufio.Reader) (*head, error) {
	for {
		h, err := readOneHead(r)
		if err != nil || h.status >= 200 {
			return h, err
		}
	}
}

func readOneHead(r *bufio.Reader) (*head, error) {
	line, err := readLine(r)
	if err != nil {
		if !couldBeStatusLine(line) {
			return nil, malformed("not a status line: " + clip([]byte(line)))
		}
		return nil, err
	}
	h := &head{length: -1}
	if err := h.statusLine(line); err != nil {
		return nil, err
	}
	for range fieldLimit {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		if line == "" {
			return h, h.framing()
		}
		if err := h.field(line); err != nil {
			return nil, err
		}
	}
	return nil, malformed("more than " + strconv.Itoa(fieldLimit) + " fields")
}

// readLine gives a line without its CRLF. With an error it gives what there was.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > lineLimit:
		return "", malformed("line without end: " + clip(line))
	case err != nil:
		return string(line), err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return "", malformed("line ends without CR: " + clip(line))
	}
	return string(line[:len(line)-2]), nil
}

const protocol = "HTTP/1."

// couldBeStatusLine: what was cut off may have been the beginning of a response.
func couldBeStatusLine(line string) bool {
	n := min(len(line), len(protocol))
	return line[:n] == protocol[:n]
}

func (h *head) statusLine(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	known := version == "HTTP/1.1" || version == "HTTP/1.0"
	if !known || err != nil || len(code) != 3 || status < 100 {
		return malformed("not a status line: " + clip([]byte(line)))
	}
	h.status = status
	h.old = version == "HTTP/1.0"
	h.closes = h.old
	return nil
}

func (h *head) field(line string) error {
	name, value, found := strings.Cut(line, ":")
	if !found || name == "" || strings.ContainsAny(name, " \t") {
		return malformed("not a field: " + clip([]byte(line)))
	}
	value = strings.Trim(value, " \t")
	switch strings.ToLower(name) {
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 62)
		if err != nil || h.length >= 0 {
			return malformed("Content-Length " + strconv.Quote(value) + ", which is no number or the second")
		}
		h.length = int64(n)
	case "transfer-encoding":
		if !strings.EqualFold(value, "chunked") || h.chunked {
			return malformed("Transfer-Encoding " + strconv.Quote(value) + ", which is not chunked or the second")
		}
		h.chunked = true
	case "connection":
		h.connection(value)
	default:
		h.identity.field(strings.ToLower(name), value)
	}
	return nil
}

func (h *head) connection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		switch strings.ToLower(strings.TrimSpace(option)) {
		case "close":
			h.closes = true
		case "keep-alive":
			h.closes = false
		}
	}
}

func (i *identity) field(name, value string) {
	switch name {
	case "x-load-id":
		i.id = value
	case "x-load-pid":
		i.pid = value
	case "x-load-process":
		i.process = value
	case "x-load-token":
		i.token = value
	case "x-load-generation":
		i.generation = value
	}
}

// framing settles how the body ends (RFC 9112, section 6.3).
func (h *head) framing() error {
	if h.chunked && (h.length >= 0 || h.old) {
		return malformed("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
	}
	if h.status == 204 || h.status == 304 {
		h.length, h.chunked = 0, false
	}
	if h.length < 0 && !h.chunked {
		h.closes = true
	}
	return nil
}

// readBody reads the body into want. The end of the connection before that of the body
// is an io.ErrUnexpectedEOF; a content that is not wanted ends the reading.
func (h *head) readBody(r *bufio.Reader, want expected) error {
	var err error
	switch {
	case h.chunked:
		err = readChunks(r, want)
	case h.length >= 0:
		err = readSome(r, h.length, want)
	default:
		err = readToEnd(r, want)
	}
	if err != nil {
		return err
	}
	return want.end()
}

func readChunks(r *bufio.Reader, want expected) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return early(err)
		}
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseUint(strings.TrimRight(digits, " \t"), 16, 62)
		if err != nil {
			return malformed("not a chunk's size: " + clip([]byte(line)))
		}
		if size == 0 {
			return readTrailers(r)
		}
		if err := readSome(r, int64(size), want); err != nil {
			return err
		}
		if line, err := readLine(r); err != nil {
			return early(err)
		} else if line != "" {
			return malformed("behind a chunk: " + clip([]byte(line)))
		}
	}
}

func readTrailers(r *bufio.Reader) error {
	for range fieldLimit {
		line, err := readLine(r)
		if err != nil {
			return early(err)
		}
		if line == "" {
			return nil
		}
	}
	return malformed("trailers without end")
}

// readSome reads n bytes, as they come.
func readSome(r *bufio.Reader, n int64, want expected) error {
	for n > 0 {
		// Waits for at least one byte; what came with it is there, too.
		if _, err := r.Peek(1); err != nil {
			return early(err)
		}
		piece, _ := r.Peek(int(min(n, int64(r.Buffered()))))
		if err := want.take(piece); err != nil {
			return err
		}
		n -= int64(len(piece))
		_, _ = r.Discard(len(piece)) // they are buffered
	}
	return nil
}

func readToEnd(r *bufio.Reader, want expected) error {
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := readSome(r, int64(r.Buffered()), want); err != nil {
			return err
		}
	}
}

func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
