package http1

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/loop"
)

// Conn is a client's connection. Its exported methods, but for Response's, are
// for the goroutine that called Handler.Handle.
type Conn struct {
	server *Server
	socket socket

	// Request is the request being handled. Its bytes are valid until Handle
	// returns or ReadBody is called.
	Request Request
	// Response is the writing side.
	Response Response
	// State is the handler's own; it is kept for the life of the connection.
	State any
	// Remote is the client's address; it is not valid for a UNIX socket.
	Remote netip.AddrPort
	// Port is the TCP port that the client connected to, "" on a UNIX socket.
	Port string
	// Protocol is what the client speaks where the requests do not say it: "HTTP/2.0";
	// else "".
	Protocol string
	// Secure says that the client speaks TLS, to this server or to one in front of it.
	Secure bool
	// Listener is the listener that accepted the connection.
	Listener *Listener

	// The reading side: the loop's goroutine, or the goroutine that handles a
	// request whose body has to be waited for.
	buf        []byte      // nil while nothing is buffered
	pooled     *readBuffer // that buf is of; nil when buf is a small copy
	start, end int         // unread bytes in buf
	need       int         // bytes of a request with its body that is waited for; 0 while its head is
	scanner    Scanner
	body       bodyReader
	drained    bool // the last read took all there was
	used       bool // a request has come
	introduced bool // a PROXY header has come
	carried    bool // see Server.Carry
	ended      func(cut bool)

	// Written by the reading side before an exchange, read by the writing side.
	minor       uint8
	headRequest bool

	closeAfter atomic.Bool // the connection ends with this exchange
	reset      atomic.Bool // and must not look as if it ended well; set before active is cleared

	// deadline is when the reading side's wait is over, in nanoseconds of the
	// server's clock; 0 is never. The server's sweep keeps it.
	deadline atomic.Int64
	hungUp   atomic.Bool // the client has closed its sending side

	mu        sync.Mutex
	active    bool // an exchange is under way
	advancing bool // the loop's goroutine is looking at the input
	blocking  bool // a goroutine of its own is reading the body
	pending   bool // input may have come meanwhile
	closed    bool

	advanceFunc func()

	previous, next *Conn // the server's list
}

// Handler is what the engine serves.
type Handler interface {
	// Handle takes a request. It may return before the response is finished. It
	// is called by a loop's goroutine and must not wait, except in ReadBody when
	// Blocks says that this may wait.
	Handle(c *Conn)
	// Refuse words the answer to a request that the engine refuses: a page with its
	// Content-Type, and extra field lines that each end with CRLF. c.Request is not valid.
	Refuse(c *Conn, err *Error) (contentType, text, fields string)
	// Gone is told that the client closed its sending side before the exchange
	// was finished.
	Gone(c *Conn)
	// Done is called at the end of every exchange, by the goroutine that ended
	// it, before the next one begins.
	Done(c *Conn)
}

// Ready implements loop.Handler.
func (c *Conn) Ready(event loop.Event) {
	if event.HungUp() {
		c.hungUp.Store(true)
	}
	c.mu.Lock()
	c.pending = c.pending || event.Readable()
	active, blocking := c.active, c.blocking
	c.mu.Unlock()
	c.socket.signal(event)
	switch {
	case active && !blocking && event.HungUp():
		c.server.handler.Gone(c)
	case !active && !blocking && c.server.handingOver.Load():
		c.endIdle()
	case !active && !blocking:
		c.advance()
	}
}

// advance reads and handles requests until there is no more input, or an
// exchange is under way that has to end first. Only the loop's goroutine calls
// it.
func (c *Conn) advance() {
	for c.enter() {
		for c.step() {
		}
		if !c.exit() {
			return
		}
	}
}

// enter begins a look at the input; false when it is not the time.
func (c *Conn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// An exchange that has ended the connection leaves closing it to another
	// goroutine, which may not have come that far.
	if c.active || c.blocking || c.advancing || c.closed || c.closeAfter.Load() {
		return false
	}
	if c.pending {
		c.pending, c.drained = false, false
	}
	c.advancing = true
	return true
}

// exit ends a look at the input. It reports whether there may be more to see:
// an exchange that ends while advancing is set leaves the going on to exit.
func (c *Conn) exit() bool {
	c.mu.Lock()
	c.advancing = false
	again := !c.closed && !c.active && !c.blocking && (c.pending || c.requestBuffered())
	ends := !c.closed && !c.active && !c.blocking && c.closeAfter.Load()
	c.mu.Unlock()
	if ends {
		c.close()
		return false
	}
	return again
}

// requestBuffered reports whether bytes are buffered that were not looked at:
// those of a request that came before the one that is done.
func (c *Conn) requestBuffered() bool {
	return c.start < c.end && c.scanner == Scanner{} && c.need == 0
}

// step does one thing with the input. It reports whether to go on.
func (c *Conn) step() bool {
	if c.start < c.end {
		took, err := c.parse()
		if err != nil {
			if err != errTaken {
				c.refuse(err)
			}
			return false
		}
		if took {
			return c.handle()
		}
	}
	if c.drained && !c.hungUp.Load() {
		c.drained = false
		c.rest()
		return false
	}
	if c.leaves() {
		return false
	}
	return c.fill()
}

// leaves reports whether the connection waits for a request that is another
// server's to read.
func (c *Conn) leaves() bool {
	return c.server.handingOver.Load() && !c.carried && c.start == c.end && c.need == 0
}

// parse looks for a whole request in the buffer. A body that will fit in
// memory is waited for, so that handling it does not wait.
func (c *Conn) parse() (took bool, err error) {
	limits := &c.server.options().Limits
	if c.need > 0 {
		if c.end-c.start < c.need {
			return false, nil
		}
		c.need = 0
		c.scanner.Reset()
	}
	if ready, err := c.greeted(); err != nil || !ready {
		return false, err
	}
	if wait, err := c.takenOver(); err != nil || wait {
		return false, err
	}
	head, err := c.parseHead(limits)
	if err != nil || head == 0 {
		return false, err
	}
	r := &c.Request
	if r.HasContentLength && !r.ExpectContinue && r.ContentLength <= c.server.options().BodyBuffer {
		if whole := head + int(r.ContentLength); c.end-c.start < whole {
			c.need = whole
			c.body.waitSmall(c, c.end-c.start-head)
			return false, nil
		}
	}
	c.start += head
	c.scanner.Reset()
	c.used = true
	return true, nil
}

// parseHead parses the request head that the buffer begins with and returns its length:
// 0 while it is not there as a whole.
func (c *Conn) parseHead(limits *Limits) (int, error) {
	input := c.buf[c.start:c.end]
	if !c.used && speaksUwsgi(input[0]) && c.mayUwsgi() {
		head, err := uwsgiPacket(input, limits)
		if err != nil || head == 0 {
			c.scanner.next = len(input) // looked at, see requestBuffered
			return 0, err
		}
		return head, c.Request.ParseUwsgi(input[:head], limits)
	}
	head, err := c.scanner.Scan(input, limits)
	if err != nil || head == 0 {
		return 0, err
	}
	return head, c.Request.Parse(input[:head], limits)
}

// mayUwsgi reports whether the peer may send requests in the uwsgi protocol.
func (c *Conn) mayUwsgi() bool {
	may := c.server.options().Uwsgi
	return may != nil && may(c)
}

// handle passes a parsed request to the handler: here when its body is
// buffered, else in a goroutine that can wait for it. It reports whether
// advance may go on.
func (c *Conn) handle() bool {
	c.deadline.Store(0)
	c.begin()
	if c.body.unread && !c.body.buffered() {
		c.mu.Lock()
		c.blocking = true
		c.mu.Unlock()
		go c.handleBlocking()
		return false
	}
	c.server.handler.Handle(c)
	c.body.skip()
	c.rest()
	c.checkGone()
	return c.settled()
}

// settled reports whether the exchange is over and the connection goes on.
func (c *Conn) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.active && !c.closed && !c.closeAfter.Load()
}

// checkGone tells the handler of a client that hung up while it was handling
// the request.
func (c *Conn) checkGone() {
	if c.hungUp.Load() && !c.over() {
		c.server.handler.Gone(c)
	}
}

// handleBlocking handles a request whose body has to be waited for.
func (c *Conn) handleBlocking() {
	c.server.handler.Handle(c)
	c.rest()
	c.checkGone()
	c.mu.Lock()
	c.blocking = false
	c.pending = true
	if c.body.unread {
		c.closeAfter.Store(true)
	}
	active := c.active
	c.mu.Unlock()
	if !active {
		c.setDeadline(c.server.options().KeepAliveTimeout) // the end of the body has cleared it
		c.resume()
	}
}

// begin makes an exchange of the parsed request.
func (c *Conn) begin() {
	c.minor = c.Request.Minor
	c.headRequest = string(c.Request.Method) == "HEAD"
	c.closeAfter.Store(c.Request.Close || c.server.last.Load() || c.carried && c.server.handingOver.Load())
	c.Response.reset()
	c.body.begin(c)
	c.mu.Lock()
	c.active = true
	c.mu.Unlock()
}

// refuse answers what could not be read as a request, and ends the connection.
func (c *Conn) refuse(err error) {
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Status: 400, Reason: err.Error()}
	}
	c.Request = Request{Fields: c.Request.Fields[:0], Vars: c.Request.Vars[:0], Minor: 1, Close: true}
	c.begin()
	c.headRequest = false
	c.body.unread = true
	contentType, text, fields := c.server.handler.Refuse(c, known)
	c.Response.ErrorPage(c.Response.serial, known.Status, contentType, text, fields)
}

// fill reads once. It reports whether to look at the buffer again.
func (c *Conn) fill() bool {
	c.makeRoom()
	space := c.buf[c.end:]
	n, err := c.socket.tryRead(space)
	switch {
	case err == syscall.EAGAIN:
		c.rest()
		return false
	case err != nil:
		c.close()
		return false
	}
	if c.start == c.end {
		// The first bytes of a head: from now on it has header-timeout.
		c.setDeadline(c.server.options().HeaderTimeout)
	}
	c.end += n
	// A read that fills less than its buffer has emptied the socket; what comes
	// later is a new event.
	c.drained = n < len(space)
	if c.need > 0 {
		c.body.progressSmall(n)
	}
	return true
}

// rest gives the buffer back while there is nothing in it, and moves the
// beginning of a head to one of its size: clients may leave it at that.
func (c *Conn) rest() {
	const small = 2 << 10
	n := c.end - c.start
	switch {
	case n == 0:
		c.Request.forget()
		c.releaseBuffer()
	case n <= small && c.pooled != nil:
		kept := make([]byte, max(2*n, 256))
		copy(kept, c.buf[c.start:c.end])
		c.releaseBuffer()
		c.buf, c.start, c.end = kept, 0, n
	}
}

// makeRoom provides buffer space: a head or small body that outgrew its buffer
// gets a larger one, which grows as bytes arrive and not before.
func (c *Conn) makeRoom() {
	switch {
	case c.buf == nil:
		c.pooled = newReadBuffer(0)
		c.buf, c.start, c.end = c.pooled.bytes, 0, 0
	case c.start == c.end:
		c.start, c.end = 0, 0
	case c.end < len(c.buf):
	case c.start > 0:
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	default:
		class := 0
		if c.pooled != nil {
			class = c.pooled.class + 1
		}
		larger := newReadBuffer(class)
		c.end = copy(larger.bytes, c.buf[c.start:c.end])
		c.releaseBuffer()
		c.pooled, c.buf, c.start = larger, larger.bytes, 0
	}
}

func (c *Conn) releaseBuffer() {
	if c.pooled != nil {
		c.pooled.free()
		c.pooled = nil
	}
	c.buf = nil
}

// exchangeDone is called by the writing side when a response has ended.
func (c *Conn) exchangeDone() {
	c.server.handler.Done(c)
	c.setDeadline(c.server.options().KeepAliveTimeout)
	c.mu.Lock()
	if c.server.closing.Load() {
		c.closeAfter.Store(true) // Drain passes by connections that it finds active
	}
	handOver := c.server.handingOver.Load() && !c.closeAfter.Load()
	ends := c.closeAfter.Load()
	c.active = false
	blocking := c.blocking
	busy := c.advancing || blocking // they look at the state when they are done
	wanted := !busy && (ends || c.pending || c.requestBuffered())
	c.mu.Unlock()
	switch {
	case handOver:
		if blocking {
			poke(c.socket.readable)
		}
		c.post(c.endIdle) // a turn later whoever is busy with it is done
	case blocking:
		poke(c.socket.readable) // what is left of the body is of no use
	case wanted:
		c.resume()
	}
}

// resume goes on after an exchange, from any goroutine.
func (c *Conn) resume() {
	if c.closeAfter.Load() {
		c.close()
		return
	}
	if c.server.handingOver.Load() {
		c.post(c.endIdle)
		return
	}
	c.post(c.advanceFunc)
}

// post has the connection's loop call f.
func (c *Conn) post(f func()) {
	c.mu.Lock()
	source := c.socket.source
	c.mu.Unlock()
	if source != nil {
		source.Loop().Post(f)
	}
}

// over reports whether the exchange has ended.
func (c *Conn) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.active
}

// CloseAfter has the connection end with this exchange. It must be called
// before the response begins.
func (c *Conn) CloseAfter() { c.closeAfter.Store(true) }

// Local reports whether the client itself is at the other end of a UNIX socket: not when
// a gateway or a PROXY header has told of another one, known or not.
func (c *Conn) Local() bool {
	return c.Listener.Unix && !c.introduced && !c.Request.Gateway
}

// HungUp reports whether the client has closed its sending side.
func (c *Conn) HungUp() bool { return c.hungUp.Load() }

// close ends the connection, after a moment for what the client is still
// sending: closing with unread input would be a reset, which can take the
// answer with it (RFC 9112, 9.6).
func (c *Conn) close() {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	unread := c.body.unread || c.pending || c.start < c.end // a pipelined request, for example
	c.mu.Unlock()
	switch {
	case already:
	case c.reset.Load():
		c.socket.resetOnClose()
		c.finish()
	case unread && !c.socket.cut.Load():
		go c.linger()
	default:
		c.finish()
	}
}

// finish gives back what the connection holds.
func (c *Conn) finish() {
	if c.ended != nil {
		c.ended(c.reset.Load())
	}
	c.socket.close()
	c.releaseBuffer()
	c.server.remove(c)
}

// lingerTime and lingerBytes bound how long, and for how much input, an answer
// that ends a connection is waited for to be read.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 1 << 20
)

func (c *Conn) linger() {
	defer c.finish()
	c.socket.finishWriting()
	c.setDeadline(lingerTime)
	scratch := newReadBuffer(0)
	defer scratch.free()
	for total := 0; total < lingerBytes; {
		n, err := c.socket.read(scratch.bytes, c.late)
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

// late is an error when the deadline has passed.
func (c *Conn) late() error {
	if d := c.deadline.Load(); d != 0 && d <= c.server.now() {
		return errTimeout
	}
	return nil
}

// expire acts on a deadline that has passed. The loop's goroutine calls it.
func (c *Conn) expire() {
	c.mu.Lock()
	waiting := !c.active && !c.blocking && !c.closed
	c.mu.Unlock()
	if !waiting || c.late() == nil {
		return
	}
	switch {
	case c.need > 0:
		c.end = c.start
		c.refuse(refuse(408, "the request body did not arrive in time"))
	case c.start < c.end:
		c.refuse(refuse(408, "the request head did not arrive in time"))
	default:
		c.close()
	}
	if c.over() {
		c.close()
	}
}

// endIdle closes a connection that waits for a request; others end with the
// exchange they have. The loop's goroutine calls it.
func (c *Conn) endIdle() {
	c.mu.Lock()
	blocking := c.blocking // whoever reads the body comes back to this, see resume
	c.mu.Unlock()
	if blocking {
		return
	}
	if !c.leaves() {
		c.mu.Lock()
		c.pending = true // what has arrived and was not read yet is answered
		c.mu.Unlock()
		c.advance()
	}
	c.mu.Lock()
	waiting := !c.active && !c.blocking && !c.closed
	c.mu.Unlock()
	if !waiting {
		return
	}
	partial := c.start < c.end || c.need > 0
	switch {
	case c.server.handingOver.Load() && !c.hungUp.Load() && !c.closeAfter.Load():
		// The rest of half a request is waited for: a client whose server is being
		// replaced has nothing to repeat.
		switch {
		case partial:
		case c.carried:
			c.endCarried()
		default:
			c.handOver()
		}
	case c.carried && !partial:
		c.endCarried()
	default:
		c.close()
	}
}

// sendTimeout is how long the client may take nothing of its response.
func (c *Conn) sendTimeout() time.Duration {
	if t := c.Response.sendTimeout; t > 0 {
		return t
	}
	return c.server.options().SendTimeout
}

func (c *Conn) tryWrite(p []byte) (int, error) { return c.socket.tryWrite(p) }

// write writes all of p, waiting for a client that reads slowly.
func (c *Conn) write(p []byte) error {
	return c.socket.output(len(p), c.sendTimeout(), c.server.now, func() (int, error) {
		n, err := c.socket.tryWrite(p)
		p = p[n:]
		return n, err
	})
}

// copyFile is sendFile by way of a buffer, for files on which sendfile(2) cannot be
// relied; it sends no more than the buffer holds.
func (c *Conn) copyFile(fd int, offset int64, n int) (sent int, err error) {
	buffer := newReadBuffer(readClasses - 1)
	defer buffer.free()
	window := buffer.bytes[:min(n, len(buffer.bytes))]
	for {
		read, err := unix.Pread(fd, window, offset)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		}
		return read, c.write(window[:read])
	}
}

// sendFile sends n bytes of a file from offset with sendfile(2), waiting for a
// client that reads slowly. It returns how many it sent: fewer without an
// error mean that the file has ended.
func (c *Conn) sendFile(fd int, offset int64, n int) (sent int, err error) {
	err = c.socket.output(n, c.sendTimeout(), c.server.now, func() (int, error) {
		position := offset + int64(sent)
		took, err := unix.Sendfile(c.socket.fd, fd, &position, n-sent)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			return 0, nil
		case err == nil && took == 0:
			return 0, io.EOF
		}
		sent += max(took, 0)
		return max(took, 0), err
	})
	if err == io.EOF {
		err = nil
	}
	return sent, err
}
