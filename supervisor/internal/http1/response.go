package http1

import (
	"errors"
	"strconv"
	"sync"
	"time"
)

// ErrGone is returned for a response whose client has gone away or whose
// connection was aborted: there is no use in producing more of it.
var ErrGone = errors.New("the client has gone away")

// ErrShort is returned for a response that ends before its Content-Length.
var ErrShort = errors.New("the response is shorter than its Content-Length")

// Outcome says how a response ended.
type Outcome uint8

const (
	// Complete: every byte was given to the system.
	Complete Outcome = iota
	// Refused: the engine answered with an error status of its own.
	Refused
	// Broken: the connection was aborted after the head had been sent.
	Broken
	// ClientGone: the client closed the connection or stopped reading.
	ClientGone
	// Closed: the connection was aborted because the server was closed, wherever the
	// exchange was.
	Closed
)

// Response is the writing side of a connection. Its methods may be called from
// any goroutine; the body methods by one goroutine at a time.
//
// The same Response serves one exchange after another. Every call names the
// exchange it means by the serial that Serial returned when that began; a call
// for one that is over does nothing and returns ErrGone. So whoever produces a
// response needs no agreement with whoever gives up on it.
type Response struct {
	conn   *Conn
	mu     sync.Mutex
	serial uint64 // counts the exchanges of the connection
	responseState
}

// responseState is what belongs to one exchange.
type responseState struct {
	head     ResponseHead
	scratch  []byte
	started  bool  // a byte of the head may have been sent
	ended    bool  // the last byte was produced
	aborted  bool  // the connection must not be used
	chunked  bool  // body bytes get chunk framing
	skip     bool  // no body is sent: HEAD, 204, 304
	left     int64 // body bytes that Content-Length still announces, or unknown
	sent     int64 // body bytes given to the system or the spool
	cut      bool  // the application gave more than it announced
	outcome  Outcome
	finished bool
	limit    int         // bytes of memory for the spool
	room     func()      // to call when a full spool has room again; nil if nobody waits
	patience *time.Timer // while room is set and the file is not used
	spool    *spool      // what the client has not taken; nil most of the time
	file     fileTail
	hold     holdState
	fields   []Field                             // see SetFields
	local    func(location []byte) (next func()) // see SetLocal
	// sendTimeout is that of this response; 0 is the server's.
	sendTimeout time.Duration
	copyFiles   bool // files are sent without sendfile(2)
}

// unknown is the length of a body that was not announced.
const unknown = -1

// reset prepares r for the next exchange of its connection.
func (r *Response) reset() {
	r.mu.Lock() // whoever finished the last exchange may still hold it
	defer r.mu.Unlock()
	r.serial++
	fields, scratch := r.head.Fields, r.scratch
	r.responseState = responseState{scratch: scratch[:0], left: unknown, limit: responseMemory, file: fileTail{fd: -1}}
	r.head.Fields = fields[:0]
}

// Status is the status that was sent, 0 before that. It may be asked for when
// the exchange has finished.
func (r *Response) Status() int { return r.head.Status }

// Sent is the number of body bytes that were sent or spooled.
func (r *Response) Sent() int64 { return r.sent }

// Outcome is how the response ended. It may be asked for when the exchange has
// finished.
func (r *Response) Outcome() Outcome { return r.outcome }

// Cut reports, when the exchange has finished, whether the application produced more body than its
// Content-Length announced; what was too much has been left out.
func (r *Response) Cut() bool { return r.cut }

// SetCut has Cut report true, for a producer that has left out itself what was too much.
func (r *Response) SetCut(serial uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.overLocked(serial) {
		r.cut = true
	}
}

// responseMemory is what a response may hold in memory for a slow client
// unless SetMemory says otherwise, in bytes.
const responseMemory = 64 << 10

// SetMemory bounds what this response may hold in memory for a slow client, in
// bytes.
func (r *Response) SetMemory(n int) { r.limit = n }

// Serial names the exchange that is under way.
func (r *Response) Serial() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.serial
}

// overLocked reports whether the exchange serial can take nothing any more.
func (r *Response) overLocked(serial uint64) bool {
	return r.serial != serial || r.aborted || r.finished
}

// HeadError says what is wrong with the head of an application's response.
// Nothing has been sent, so Error can still answer.
type HeadError struct{ Reason error }

func (e *HeadError) Error() string { return e.Reason.Error() }

// DroppedField names a hop-by-hop field of the application's that was left
// out, "" if there was none.
func (r *Response) DroppedField() string { return r.head.Dropped }

// Head is the head of a response as it comes over the worker link; see
// ResponseHead.ParseResponseHead.
type Head struct {
	Block   []byte
	Count   int // fields
	MaxLine int // longest field line, in bytes
}

func (r *Response) parseLocked(serial uint64, head Head) error {
	if r.overLocked(serial) {
		return ErrGone
	}
	if r.started {
		return errors.New("internal error: a second response head in one exchange")
	}
	if err := r.head.ParseResponseHead(head.Block, head.Count, head.MaxLine); err != nil {
		return &HeadError{Reason: err}
	}
	return r.localLocked()
}

// Complete sends a whole response, and ends the exchange. A *HeadError or
// ErrShort means that nothing was sent.
func (r *Response) Complete(serial uint64, head Head, body Piece) error {
	err := r.complete(serial, head, body)
	if goElsewhere(err) {
		return nil
	}
	return err
}

func (r *Response) complete(serial uint64, head Head, body Piece) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.parseLocked(serial, head); err != nil {
		return err
	}
	size := int64(body.Len())
	declared := r.head.ContentLength
	switch {
	case r.head.bodyless():
		r.skip = true
	case r.conn.headRequest:
		r.skip = true
		// An application that answers HEAD without a body, and says nothing of a
		// length, has not said that the length is zero.
		if declared < 0 && size > 0 {
			r.head.ContentLength = size
		}
	case declared < 0:
		r.head.ContentLength = size
	case declared < size:
		r.cut = true
		body.End = body.Start + int(declared)
	case declared > size:
		// Nothing has been sent, so the client can get an answer that says so.
		return ErrShort
	}
	if r.skip {
		body.End = body.Start
	}
	r.startLocked()
	r.sent = int64(body.Len())
	return r.sendLocked(body, true)
}

// Start sends a head and the first bytes of a body that goes on. It reports
// whether the exchange is over because the declared length is reached. A
// *HeadError means that nothing was sent.
func (r *Response) Start(serial uint64, head Head, body Piece) (over bool, err error) {
	over, err = r.start(serial, head, body)
	if goElsewhere(err) {
		return true, nil
	}
	return over, err
}

func (r *Response) start(serial uint64, head Head, body Piece) (over bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.parseLocked(serial, head); err != nil {
		return false, err
	}
	r.prepareStream()
	r.startLocked()
	return r.bodyLocked(body)
}

// prepareStream decides how the end of the body is shown.
func (r *Response) prepareStream() {
	r.left = r.head.ContentLength
	r.skip = r.head.bodyless() || r.conn.headRequest
	switch {
	case r.skip:
		r.left = unknown
	case r.left >= 0:
	case r.conn.minor >= 1:
		r.chunked = true
	default:
		r.conn.closeAfter.Store(true)
	}
}

// Data sends more of the body. It reports whether the exchange is over because
// the declared length is reached.
func (r *Response) Data(serial uint64, body Piece) (over bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) {
		return false, ErrGone
	}
	return r.bodyLocked(body)
}

// End ends a body that was begun by Start. ErrShort means that it was shorter
// than declared; the connection has been aborted then.
func (r *Response) End(serial uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) {
		return ErrGone
	}
	if r.left == 0 || r.left == unknown {
		return r.sendLocked(Piece{}, true)
	}
	if r.spool == nil {
		r.abortLocked(Broken)
	} else {
		// What there is goes to the client before the connection ends.
		r.ended, r.outcome = true, Broken
		r.spool.wake()
	}
	return ErrShort
}

// bodyLocked sends body bytes within the declared length. When that is reached
// the response is complete, whatever the application still does.
func (r *Response) bodyLocked(body Piece) (over bool, err error) {
	if r.file.fd >= 0 && body.Len() > 0 {
		r.abortLocked(Broken)
		return false, errors.New("body bytes after a file that ends the body")
	}
	if r.skip {
		body.End = body.Start
	}
	last := false
	if r.left >= 0 {
		if int64(body.Len()) > r.left {
			r.cut = true
			body.End = body.Start + int(r.left)
		}
		r.left -= int64(body.Len())
		last = r.left == 0
	}
	r.sent += int64(body.Len())
	return last, r.sendLocked(body, last)
}

// usualHead has room for the head of most responses, in bytes.
const usualHead = 256

// startLocked formats the head into scratch, from where sendLocked takes it.
func (r *Response) startLocked() {
	r.started = true
	c := r.conn
	if r.scratch == nil {
		// Growing to that size would take five steps, of the one response of most
		// connections that are not kept.
		r.scratch = make([]byte, 0, usualHead)
	}
	b := append(r.scratch[:0], "HTTP/1.1 "...)
	b = append(b, r.head.Line...)
	if len(r.head.Line) == 3 {
		b = append(b, ' ')
	}
	b = append(b, '\r', '\n')
	for i := range r.head.Fields {
		if len(r.fields) > 0 && r.isSet(r.head.Fields[i].Name) {
			continue
		}
		b = append(b, r.head.Fields[i].Name...)
		b = append(b, ':', ' ')
		b = append(b, r.head.Fields[i].Value...)
		b = append(b, '\r', '\n')
	}
	b = r.appendSet(b)
	if r.head.ContentLength >= 0 && r.head.Status != 204 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.head.ContentLength, 10)
		b = append(b, '\r', '\n')
	}
	if r.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if !r.head.date {
		b = c.server.clock.appendDate(b)
	}
	if !r.head.server {
		b = append(b, c.server.serverLine...)
	}
	switch {
	case c.closeAfter.Load() || c.server.closing.Load():
		c.closeAfter.Store(true)
		b = append(b, "Connection: close\r\n"...)
	case c.minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	r.scratch = append(b, '\r', '\n')
	// A connection that waits for its next request must not keep the buffer of
	// the thread that answered this one.
	clear(r.head.Fields)
	r.head.Line, r.head.location, r.head.Fields = nil, nil, r.head.Fields[:0]
}

// sendLocked puts pending head bytes, framing and body on their way, without
// waiting unless the spool is full.
func (r *Response) sendLocked(body Piece, last bool) error {
	if r.aborted {
		return ErrGone
	}
	whole, restore := r.frame(body, last)
	var err error
	switch {
	case len(whole) == 0 && last:
		err = r.releaseLocked()
	case len(whole) > 0 && (last || !r.holdLocked(whole)):
		err = r.writeLocked(whole)
	}
	restore.undo()
	r.scratch = r.scratch[:0]
	if err != nil {
		return err
	}
	if last {
		r.ended = true
		if r.spool == nil {
			r.finishLocked(Complete)
		} else {
			r.spool.wake()
		}
	}
	return nil
}

// restored remembers bytes that the framing has overwritten.
type restored struct {
	at    []byte
	bytes [tailRoom]byte
}

func (r *restored) undo() { copy(r.at, r.bytes[:len(r.at)]) }

// frame returns head, chunk framing and body as one run of bytes: in place,
// around the body, where there is room, else as a copy in scratch.
func (r *Response) frame(body Piece, last bool) ([]byte, restored) {
	var size [headRoom]byte
	prefix, tail := size[:0], ""
	if r.chunked {
		if body.Len() > 0 {
			prefix = append(strconv.AppendUint(prefix, uint64(body.Len()), 16), '\r', '\n')
			tail = "\r\n"
		}
		if last {
			tail += "0\r\n\r\n"
		}
	}
	const copied = 2048 // up to this size a copy is as quick
	front := len(r.scratch) + len(prefix)
	if body.Len() <= copied || body.Start < front || len(body.Buf) < body.End+len(tail) {
		b := append(r.scratch, prefix...)
		b = append(b, body.Bytes()...)
		r.scratch = append(b, tail...)
		return r.scratch, restored{}
	}
	start := body.Start - front
	copy(body.Buf[start:], r.scratch)
	copy(body.Buf[start+len(r.scratch):], prefix)
	saved := restored{at: body.Buf[body.End : body.End+len(tail)]}
	copy(saved.bytes[:], saved.at)
	copy(saved.at, tail)
	return body.Buf[start : body.End+len(tail)], saved
}

// writeLocked sends what is held back, and p.
func (r *Response) writeLocked(p []byte) error {
	if len(r.hold.held) > 0 {
		p = append(r.takeHeldLocked(), p...)
	}
	return r.passLocked(p)
}

// passLocked writes p or spools what the client does not take at once.
func (r *Response) passLocked(p []byte) error {
	if r.spool == nil {
		n, err := r.conn.tryWrite(p)
		if err != nil {
			r.abortLocked(ClientGone)
			return ErrGone
		}
		if n == len(p) {
			return nil
		}
		p = p[n:]
		r.spool = newSpool(r)
	}
	return r.spool.add(p)
}

// Error answers with an error status of the engine's own and ends the
// response; after a head has been sent it aborts the connection instead.
// Fields are extra field lines, each ended by CRLF, or "".
func (r *Response) Error(serial uint64, status int, text, fields string) {
	r.ErrorPage(serial, status, PlainText, text, fields)
}

// PlainText is the Content-Type of an error's own text.
const PlainText = "text/plain; charset=utf-8"

// ErrorPage is Error with a text of another Content-Type.
func (r *Response) ErrorPage(serial uint64, status int, contentType, text, fields string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) || r.ended {
		return // what has ended, well or not, goes out as far as it came
	}
	if r.started {
		r.abortLocked(Broken)
		return
	}
	r.started = true
	r.head = ResponseHead{Status: status, Fields: r.head.Fields[:0]}
	r.scratch = r.conn.appendError(r.scratch[:0], status, contentType, text, fields)
	if !r.conn.headRequest && !r.head.bodyless() {
		r.sent = int64(len(text))
	}
	if err := r.writeLocked(r.scratch); err != nil {
		return
	}
	r.ended = true
	if status >= 400 {
		r.outcome = Refused
	}
	if r.spool == nil {
		r.finishLocked(r.outcome)
	}
}

// Abort ends the exchange so that nobody can take what was sent for a complete
// response.
func (r *Response) Abort(serial uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.overLocked(serial) {
		r.abortLocked(Broken)
	}
}

// close is Abort for the exchange that there is, if there is one.
func (r *Response) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.overLocked(r.serial) {
		r.abortLocked(Closed)
	}
}

func (r *Response) abortLocked(how Outcome) {
	if r.aborted || r.finished {
		return
	}
	if how != ClientGone && r.releaseLocked() != nil {
		return // the client has gone, which has aborted it already
	}
	r.aborted = true
	if r.spool != nil {
		// The drainer owns the end of a spooled response; it finishes at once.
		r.outcome = how
		r.spool.wake()
		r.conn.socket.interrupt()
		return
	}
	r.finishLocked(how)
}

// finishLocked ends the exchange; it is called exactly once for each.
func (r *Response) finishLocked(how Outcome) {
	r.finished = true
	r.outcome = how
	r.takeHeldLocked()
	if how == Broken || how == ClientGone || how == Closed {
		r.aborted = true
		r.conn.closeAfter.Store(true)
		// A body that ends with the connection would look complete; any other
		// shows by itself that it is cut.
		r.conn.reset.Store(r.left < 0 && !r.chunked && !r.skip)
	}
	r.tellRoomLocked()
	r.conn.exchangeDone()
}

// clock formats the Date field once a second.
type clock struct {
	mu     sync.Mutex
	second int64
	line   []byte
}

func (c *clock) appendDate(b []byte) []byte {
	now := time.Now()
	c.mu.Lock()
	if s := now.Unix(); s != c.second || c.line == nil {
		c.second = s
		c.line = append(c.line[:0], "Date: "...)
		c.line = now.UTC().AppendFormat(c.line, "Mon, 02 Jan 2006 15:04:05 GMT")
		c.line = append(c.line, '\r', '\n')
	}
	b = append(b, c.line...)
	c.mu.Unlock()
	return b
}
