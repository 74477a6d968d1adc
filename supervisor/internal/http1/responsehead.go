package http1

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ResponseHead is the head of a response as an application gave it. Its slices
// point into what ParseResponseHead was given.
type ResponseHead struct {
	Status int    // 200 to 999
	Line   []byte // status code and reason phrase, "404 Not Found"
	// Fields are those the application set, in its order, without the
	// hop-by-hop fields, which are the engine's to set (PEP 3333).
	Fields []Field
	// ContentLength is what the application declared in bytes, -1 if it did not.
	ContentLength int64
	// Dropped is the name of a hop-by-hop field that was left out, "" if none.
	Dropped string

	date, server bool   // the application set these fields
	location     []byte // the last one; nil for none
}

// ParseResponseHead reads a head of count fields in the form of the worker
// link: status and reason, then names and values, with a NUL between any two.
// It checks all of it, because a worker is not trusted: a control byte, a name
// that is no token, a second or malformed Content-Length, a wrong number of
// fields are errors; so is a field line longer than maxLine bytes.
func (h *ResponseHead) ParseResponseHead(block []byte, count, maxLine int) error {
	*h = ResponseHead{Fields: h.Fields[:0], ContentLength: -1}
	line, rest, more := cutNUL(block)
	if err := h.parseStatus(line); err != nil {
		return err
	}
	fields := 0
	for more {
		var name, value []byte
		name, rest, more = cutNUL(rest)
		if !more {
			return errors.New("a header has no value")
		}
		value, rest, more = cutNUL(rest)
		fields++
		if len(name)+len(value)+2 > maxLine {
			return fmt.Errorf("the header %.60q is longer than header-buffer-size (%d bytes)", name, maxLine)
		}
		if err := h.add(name, value); err != nil {
			return err
		}
	}
	if fields != count {
		return fmt.Errorf("the head has %d headers where %d were announced", fields, count)
	}
	return nil
}

func cutNUL(b []byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i:i], b[i+1:], true
	}
	return b, nil, false
}

func (h *ResponseHead) parseStatus(line []byte) error {
	if len(line) < 3 || !isDigit(line[0]) || !isDigit(line[1]) || !isDigit(line[2]) ||
		(len(line) > 3 && line[3] != ' ') || line[0] < '2' || valueEnd(line, 0) != len(line) {
		return fmt.Errorf("the status %.60q is not valid", line)
	}
	h.Line = line
	h.Status = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	return nil
}

func (h *ResponseHead) add(name, value []byte) error {
	if !isToken(name) {
		return fmt.Errorf("the header name %.60q is not a token", name)
	}
	if valueEnd(value, 0) != len(value) {
		return fmt.Errorf("the value of the header %.60q holds a control byte", name)
	}
	keep, err := h.note(name, value)
	if err != nil || !keep {
		return err
	}
	h.Fields = append(h.Fields, Field{Name: name, Value: value})
	return nil
}

// note takes what the engine must know from a field and says whether to send it.
func (h *ResponseHead) note(name, value []byte) (keep bool, err error) {
	switch len(name) {
	case len("Date"):
		h.date = h.date || foldsTo(name, "date")
	case len("Server"):
		h.server = h.server || foldsTo(name, "server")
	case len("Location"):
		if foldsTo(name, "location") {
			h.location = value
		}
	case len("Content-Length"):
		if foldsTo(name, "content-length") {
			return false, h.setLength(value)
		}
	}
	if hopByHop(name) {
		h.Dropped = string(name)
		return false, nil
	}
	return true, nil
}

func hopByHop(name []byte) bool {
	switch len(name) {
	case 2:
		return foldsTo(name, "te")
	case 7:
		return foldsTo(name, "upgrade") || foldsTo(name, "trailer")
	case 10:
		return foldsTo(name, "connection") || foldsTo(name, "keep-alive")
	case 16:
		return foldsTo(name, "proxy-connection")
	case 17:
		return foldsTo(name, "transfer-encoding")
	}
	return false
}

func (h *ResponseHead) setLength(value []byte) error {
	n, err := strconv.ParseUint(string(trim(value)), 10, 63)
	if err != nil {
		return fmt.Errorf("the Content-Length %.60q is not a number of bytes", value)
	}
	if h.ContentLength >= 0 && h.ContentLength != int64(n) {
		return errors.New("there are two Content-Length headers")
	}
	h.ContentLength = int64(n)
	return nil
}

// bodyless reports whether a response of this status never has a body
// (RFC 9110, 6.4.1; the engine sends no interim responses of applications).
func (h *ResponseHead) bodyless() bool { return h.Status == 204 || h.Status == 304 }
