package front

import (
	"io"
	"strconv"
)

// sendBody sends the body while the answer is waited for; what it returns is nil
// without one, and gives the outcome otherwise.
func (e *exchange) sendBody(c *engineConn) <-chan error {
	if e.length == 0 {
		return nil
	}
	sent := make(chan error, 1)
	go func() {
		err := e.copyBody(c)
		if err != nil {
			c.Close() // the engine must not wait for what does not come
		}
		sent <- err
	}()
	return sent
}

// chunkRoom is for the size of a chunk in front of it, and the line ends.
const chunkRoom = len("ffffffff\r\n")

// copyBody sends the body. The end of one of a known length is not sent before the stream
// has ended there: a request with more than it has announced is malformed (RFC 9113,
// 8.1.1), and must not be taken for the one that it begins with.
func (e *exchange) copyBody(c *engineConn) error {
	buffer := e.relays.buffers.Get().(*relayBuffer)
	defer e.relays.buffers.Put(buffer)
	for left := e.length; ; {
		n, err := e.request.Body.Read(buffer[chunkRoom : len(buffer)-2])
		if left -= int64(n); left == 0 && err == nil {
			err = e.atEnd()
		}
		if err != nil && err != io.EOF {
			return err
		}
		e.last.Store(err == io.EOF)
		if n > 0 {
			if _, err := c.Write(e.framed(buffer, n)); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case e.length < 0:
			_, err = io.WriteString(c, "0\r\n\r\n")
			return err
		default:
			return nil
		}
	}
}

// atEnd waits for the end of the stream, which is io.EOF.
func (e *exchange) atEnd() error {
	var next [1]byte
	n, err := e.request.Body.Read(next[:])
	if n > 0 || err == nil {
		return errLength
	}
	return err
}

// framed is the part of a body that stands behind chunkRoom, as it is sent.
func (e *exchange) framed(buffer *relayBuffer, n int) []byte {
	if e.length >= 0 {
		return buffer[chunkRoom : chunkRoom+n]
	}
	var size [chunkRoom]byte
	line := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
	copy(buffer[chunkRoom-len(line):], line)
	copy(buffer[chunkRoom+n:], "\r\n")
	return buffer[chunkRoom-len(line) : chunkRoom+n+2]
}

// bodySent reports, when the answer has come, whether the engine got all of the body; it
// gets no more of it if not.
func (e *exchange) bodySent(c *engineConn, body <-chan error) bool {
	switch {
	case body == nil:
		return true
	case !e.last.Load():
		c.Close()
		_ = e.request.Body.Close() // which ends a Read
	}
	return <-body == nil
}
