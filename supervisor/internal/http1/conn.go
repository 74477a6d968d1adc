package http1

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a client's connection. Its exported methods, but for Response's, are
// for the goroutine that called Handler.Handle.
type Conn struct {
	server *Server
	socket socket

	// Request is the request being handled. Its bytes are valid until Handle
	// returns.
	Request Request
	// Response is the writing side.
	Response Response
	// State is the handler's own; it is kept for the life of the connection.
	State any
	// Remote is the client's address; it is not valid for a UNIX socket.
	Remote netip.AddrPort
	// Listener is the listener that accepted the connection.
	Listener *Listener

	// The reading side.
	buf        []byte // nil while nothing is buffered
	pooled     *[readSize]byte
	start, end int // unread bytes in buf
	scanner    Scanner
	body       bodyReader
	attemptFD  func(fd uintptr) bool
	readErr    error

	// Written by the reading side before an exchange, read by the writing side.
	minor       uint8
	headRequest bool

	closeAfter atomic.Bool // the connection ends with this exchange
	reset      bool        // and must not look as if it ended well; set before active is cleared

	// deadline is when the reading side's wait is over, in nanoseconds of the
	// server's clock; 0 is never. The server's sweep keeps it.
	deadline atomic.Int64
	expired  atomic.Bool

	mu        sync.Mutex
	active    bool          // an exchange is under way
	detached  bool          // the exchange closes the connection when it ends
	waiting   bool          // the reading side waits for done
	streaming bool          // the reading side passes the body on during the exchange
	done      chan struct{} // capacity 1

	previous, next *Conn // the server's list
}

// Handler is what the engine serves.
type Handler interface {
	// Handle takes a request. It may return before the response is finished.
	Handle(c *Conn)
	// Refuse words the answer to a request that the engine refuses: the text of
	// the page, and extra field lines that each end with CRLF. c.Request is not valid.
	Refuse(c *Conn, err *Error) (text, fields string)
	// Gone is told that the client closed its sending side before the exchange
	// was finished.
	Gone(c *Conn)
	// Done is called at the end of every exchange, by the goroutine that ended
	// it, before the next one begins.
	Done(c *Conn)
}

// serve is the reading side: it reads requests until the connection ends.
func (c *Conn) serve() {
	for c.readRequest() {
		c.begin()
		c.server.handler.Handle(c)
		if !c.finishRequest() {
			break
		}
	}
	c.leave()
}

// begin makes an exchange of the parsed request.
func (c *Conn) begin() {
	c.minor = c.Request.Minor
	c.headRequest = string(c.Request.Method) == "HEAD"
	c.closeAfter.Store(c.Request.Close)
	c.Response.reset()
	c.body.begin(c)
	c.mu.Lock()
	c.active = true
	c.mu.Unlock()
}

// finishRequest ends the reading of a request after Handle has returned. It
// reports whether another request may follow.
func (c *Conn) finishRequest() bool {
	if c.body.unread {
		c.closeAfter.Store(true)
		c.waitDone()
		return false
	}
	if c.streaming {
		c.mu.Lock()
		c.streaming = false
		err := c.socket.file.SetReadDeadline(time.Time{}) // the end of the exchange may have set one
		c.mu.Unlock()
		if err != nil {
			return false
		}
	}
	return !c.Request.Close
}

// readRequest waits for the next head and parses it. False ends the connection.
func (c *Conn) readRequest() bool {
	c.scanner.Reset()
	limits := &c.server.options.Limits
	for {
		if c.start < c.end {
			// A request that came early waits for the one before it.
			if !c.waitDone() {
				return false
			}
			head, err := c.scanner.Scan(c.buf[c.start:c.end], limits)
			if err == nil && head > 0 {
				err = c.Request.Parse(c.buf[c.start:c.start+head], limits)
				c.start += head
				c.deadline.Store(0)
			}
			if err != nil {
				c.refuse(err)
				return false
			}
			if head > 0 {
				return true
			}
		}
		if err := c.fill(); err != nil {
			c.endOfRequests(err)
			return false
		}
	}
}

// endOfRequests handles the end of the connection's input while a head was
// waited for.
func (c *Conn) endOfRequests(err error) {
	if c.waitsForExchange() {
		if errors.Is(err, io.EOF) || !errors.Is(err, os.ErrDeadlineExceeded) {
			c.server.handler.Gone(c)
		}
		c.waitDone()
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.start < c.end && c.expired.Load() {
		c.refuse(refuse(408, "the request head did not arrive in time"))
	}
}

func (c *Conn) waitsForExchange() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// refuse answers what could not be read as a request, and ends the connection.
func (c *Conn) refuse(err error) {
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Status: 400, Reason: err.Error()}
	}
	c.Request = Request{Fields: c.Request.Fields[:0], Minor: 1, Close: true}
	c.begin()
	c.headRequest = false
	c.closeAfter.Store(true)
	c.body.unread = true
	text, fields := c.server.handler.Refuse(c, known)
	c.Response.Error(c.Response.serial, known.Status, text, fields)
}

// fill waits for bytes and appends them to the buffer.
func (c *Conn) fill() error {
	if c.start == c.end {
		c.start, c.end = 0, 0
	} else if c.end == len(c.buf) {
		c.makeRoom()
	}
	partial := c.start < c.end
	if err := c.socket.waitReadable(c.attemptFD); err != nil {
		return err
	}
	if c.readErr == nil && !partial && !c.waitsForExchange() {
		// The first bytes of a head: from now on it has header-timeout.
		c.setDeadline(c.server.options.HeaderTimeout)
	}
	return c.readErr
}

// attempt reads once. Without unread bytes it holds a buffer only while there
// is something to read.
func (c *Conn) attempt(fd uintptr) bool {
	if c.buf == nil {
		c.pooled = readBuffers.Get().(*[readSize]byte)
		c.buf = c.pooled[:]
	}
	n, err := readFD(int(fd), c.buf[c.end:])
	if err == syscall.EAGAIN {
		if c.start == c.end {
			c.releaseBuffer()
		}
		return false
	}
	c.end += n
	c.readErr = err
	return true
}

// makeRoom gives a head that outgrew its buffer a larger one, up to the limit
// that Scan keeps.
func (c *Conn) makeRoom() {
	unread := c.buf[c.start:c.end]
	target := c.buf
	if c.start == 0 {
		target = make([]byte, min(2*len(c.buf), max(2*readSize, c.server.options.Limits.Head+readSize)))
	}
	n := copy(target, unread)
	if c.start == 0 {
		c.releaseBuffer()
		c.buf = target
	}
	c.start, c.end = 0, n
}

func (c *Conn) releaseBuffer() {
	if c.pooled != nil {
		readBuffers.Put(c.pooled)
		c.pooled = nil
	}
	c.buf = nil
}

// waitDone waits until no exchange is under way and reports whether the
// connection may be used for another.
func (c *Conn) waitDone() bool {
	c.mu.Lock()
	for c.active {
		c.waiting = true
		c.mu.Unlock()
		<-c.done
		c.mu.Lock()
	}
	c.mu.Unlock()
	return !c.closeAfter.Load()
}

// exchangeDone is called by the writing side when a response has ended.
func (c *Conn) exchangeDone() {
	c.server.handler.Done(c)
	ends := c.closeAfter.Load()
	if !ends {
		c.setDeadline(c.server.options.KeepAliveTimeout)
	}
	c.mu.Lock()
	c.active = false
	waiting, detached := c.waiting, c.detached
	c.waiting = false
	if c.streaming {
		c.interruptRead() // what is left of the body is of no use
	}
	c.mu.Unlock()
	switch {
	case waiting:
		c.done <- struct{}{}
	case detached:
		c.close()
	case ends:
		// The reading side may be waiting for bytes.
		c.interruptRead()
	}
}

// leave ends the reading side. When an exchange is still under way, that
// closes the connection at its end.
func (c *Conn) leave() {
	c.mu.Lock()
	if c.active {
		c.detached = true
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.close()
}

// StreamBody says that the body will be read while the exchange is under way:
// the end of the exchange then ends a ReadBody that waits.
func (c *Conn) StreamBody() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streaming = true
}

// Detached reports whether nobody reads from the connection any more, so that
// a client that goes away is only seen by PeerGone.
func (c *Conn) Detached() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.detached
}

// PeerGone asks the system whether the client has closed the connection.
func (c *Conn) PeerGone() bool { return c.socket.peerGone() }

// close closes the connection, after a moment for what the client is still
// sending: closing with unread input would be a reset, which can take the
// answer with it (RFC 9112, 9.6).
func (c *Conn) close() {
	switch {
	case c.reset:
		c.socket.resetOnClose()
	case c.body.unread:
		c.linger()
	}
	c.server.remove(c)
	c.socket.file.Close()
	c.releaseBuffer()
	c.server.running.Done()
}

// lingerTime and lingerBytes bound how long, and for how much input, an answer
// that ends a connection is waited for to be read.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 1 << 20
)

func (c *Conn) linger() {
	c.socket.finishWriting()
	if c.socket.file.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	scratch := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(scratch)
	for total := 0; total < lingerBytes; {
		n, err := c.socket.read(scratch[:])
		if err != nil {
			return
		}
		total += n
	}
}

func (c *Conn) setDeadline(d time.Duration) {
	if d <= 0 {
		c.deadline.Store(0)
		return
	}
	c.deadline.Store(c.server.now() + int64(d))
}

var past = time.Unix(1, 0)

// interruptRead ends a wait of the reading side. An error means that the
// connection is closed already.
func (c *Conn) interruptRead() { _ = c.socket.file.SetReadDeadline(past) }

// interruptWrite ends a wait of the writing side.
func (c *Conn) interruptWrite() {
	c.socket.cut.Store(true)
	_ = c.socket.file.SetWriteDeadline(past)
}

func (c *Conn) tryWrite(p []byte) (int, error) { return c.socket.tryWrite(p) }

func (c *Conn) write(p []byte) error {
	return c.socket.write(p, c.server.options.SendTimeout)
}

func (c *Conn) sendFile(fd int, offset int64, n int) (int, error) {
	return c.socket.sendFile(fd, offset, n, c.server.options.SendTimeout)
}
