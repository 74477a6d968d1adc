package http1

import (
	"errors"
	"io"
	"time"
)

// bodyReader reads the body of the current request.
type bodyReader struct {
	c       *Conn
	left    int64 // of Content-Length
	chunks  Chunked
	chunked bool
	unread  bool // bytes of the body, or of what was refused, may still come
	expect  bool // the client waits for 100 Continue
	read    int64
	began   int64 // server time of the first wait, later by the time in which nobody waited, for the minimum rate; 0 before
	paused  int64 // server time of the end of the last wait; 0 before
}

func (b *bodyReader) begin(c *Conn) {
	r := &c.Request
	b.c, b.left, b.chunked, b.expect = c, 0, r.Chunked, false
	b.unread, b.read, b.began, b.paused = false, 0, 0, 0
	switch {
	case r.Chunked:
		b.chunks.Reset(&c.server.options().Limits)
		b.unread = true
	case r.HasContentLength && r.ContentLength > 0:
		b.left = r.ContentLength
		b.unread = true
	}
	b.expect = b.unread && r.ExpectContinue
}

// buffered reports whether reading the body needs no waiting.
func (b *bodyReader) buffered() bool {
	return !b.chunked && !b.expect && b.left <= int64(b.c.end-b.c.start)
}

// waitSmall begins the wait for a body that will be handled when it is whole.
func (b *bodyReader) waitSmall(c *Conn, received int) {
	b.c, b.began, b.read = c, 0, int64(received)
	b.setDeadline()
}

func (b *bodyReader) progressSmall(n int) {
	b.read += int64(n)
	b.setDeadline()
}

// HasBody reports whether the request has a body that was not read to its end.
func (c *Conn) HasBody() bool { return c.body.unread }

// Blocks reports whether ReadBody may have to wait: then Handle was called by a
// goroutine that may.
func (c *Conn) Blocks() bool { return c.body.unread && !c.body.buffered() }

// ExpectsContinue reports whether the client waits for "100 Continue" before
// it sends the body. The first ReadBody sends it.
func (c *Conn) ExpectsContinue() bool { return c.body.expect }

// ReadBody reads body bytes into p, which must not be empty. It returns io.EOF
// at the end of the body, an *Error for a body that breaks the rules or does
// not come in time (408), and another error when the client has gone away or
// the exchange is over. After an error other than io.EOF the connection ends
// with this exchange.
func (c *Conn) ReadBody(p []byte) (int, error) {
	b := &c.body
	if !b.unread {
		return 0, io.EOF
	}
	if b.expect {
		b.expect = false
		if err := c.Response.sendContinue(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := 0, error(nil)
	if b.chunked {
		n, err = b.readChunked(p)
	} else {
		n, err = b.readCounted(p)
	}
	b.read += int64(n)
	if err != nil && err != io.EOF {
		err = b.fail(err)
	}
	return n, err
}

func (b *bodyReader) fail(err error) error {
	b.c.closeAfter.Store(true)
	if errors.Is(err, errTimeout) {
		return refuse(408, "the request body did not arrive in time")
	}
	return err
}

// readCounted reads within Content-Length: buffered bytes first, then straight
// into p.
func (b *bodyReader) readCounted(p []byte) (n int, err error) {
	c := b.c
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	if c.start < c.end {
		n = copy(p, c.buf[c.start:c.end])
		c.start += n
	} else if n, err = b.wait(p); err != nil {
		return 0, err
	}
	b.left -= int64(n)
	if b.left == 0 {
		b.end()
	}
	return n, nil
}

// wait reads from the socket when there is something to read, and gives up
// when the exchange ends meanwhile. The end of the input inside a body is
// io.ErrUnexpectedEOF: io.EOF would be the end of the body.
func (b *bodyReader) wait(p []byte) (int, error) {
	if b.paused != 0 {
		// Not the client's time: the application did not read.
		b.began += b.c.server.now() - b.paused
	}
	b.setDeadline()
	n, err := b.c.socket.read(p, b.late)
	b.paused = b.c.server.now()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *bodyReader) late() error {
	if b.c.over() {
		return ErrGone
	}
	return b.c.late()
}

// skip passes over a buffered body that nobody has read. One that is still to
// come ends the connection instead.
func (b *bodyReader) skip() {
	switch {
	case !b.unread:
	case b.buffered():
		b.c.start += int(b.left)
		b.left, b.unread = 0, false // the deadline is that of what follows already
	default:
		b.c.closeAfter.Store(true)
	}
}

// readChunked decodes from the connection's buffer.
func (b *bodyReader) readChunked(p []byte) (int, error) {
	c := b.c
	for {
		if c.start < c.end {
			window := c.buf[c.start:c.end]
			if len(window) > len(p) {
				window = window[:len(p)] // framing only makes data shorter
			}
			data, used, err := b.chunks.Next(window)
			if err != nil {
				return 0, err
			}
			n := copy(p, data)
			c.start += used
			if b.chunks.Done() {
				b.end()
				if n == 0 {
					return 0, io.EOF
				}
			}
			if n > 0 {
				return n, nil
			}
			if used > 0 {
				continue
			}
		}
		c.makeRoom()
		n, err := b.wait(c.buf[c.end:])
		if err != nil {
			return 0, err
		}
		c.end += n
	}
}

func (b *bodyReader) end() {
	b.unread = false
	b.c.deadline.Store(0)
}

// setDeadline gives the next bytes body-timeout, or less when that is needed
// to keep the minimum rate.
func (b *bodyReader) setDeadline() {
	o := b.c.server.options()
	now := b.c.server.now()
	if b.began == 0 {
		b.began = now
	}
	limit := now + int64(o.BodyTimeout)
	if o.BodyMinRate > 0 {
		// All that was read must have come within body-timeout plus what the
		// rate allows for it.
		allowed := b.began + int64(o.BodyTimeout) + (b.read+1)*int64(time.Second)/int64(o.BodyMinRate)
		limit = min(limit, allowed)
	}
	if o.BodyTimeout <= 0 {
		limit = 0
	}
	b.c.deadline.Store(limit)
}

// sendContinue sends the interim response, unless the final one has begun.
func (r *Response) sendContinue() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started || r.aborted {
		return ErrGone
	}
	return r.writeLocked([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}
