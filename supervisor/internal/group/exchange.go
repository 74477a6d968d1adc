package group

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// Response is where the answer to a request goes. Each call names its exchange
// by a serial: a call for one that is over does nothing and returns
// http1.ErrGone. http1.Response describes the methods.
type Response interface {
	Complete(serial uint64, head http1.Head, body http1.Piece) error
	Start(serial uint64, head http1.Head, body http1.Piece) (over bool, err error)
	Data(serial uint64, body http1.Piece) (over bool, err error)
	SendFile(serial uint64, fd int, offset, length int64) error
	End(serial uint64) error
	Error(serial uint64, status int, text, fields string)
	Abort(serial uint64)
	Full(serial uint64, room func()) bool
}

// Client tells whether anybody still waits for an answer.
type Client interface {
	// Gone asks the system whether the client has gone away. It is called for
	// requests that had to queue.
	Gone() bool
}

// Exchange is one request on its way to the application. The front end fills
// it and must leave it alone from Submit until the response is over.
type Exchange struct {
	Response Response
	Serial   uint64
	Client   Client
	// Frame is wire.HeaderSize bytes of room, the environ, and the body if that
	// comes with the request. It belongs to the group from Submit on, and is
	// given to Recycle when nobody needs it any more.
	Frame   *Frame
	Environ int // bytes of environ in Frame
	// Body is a body that does not come with the request; nil if there is none.
	Body *Body
	// IgnoreActivity has the request not count for inactivity-timeout.
	IgnoreActivity bool
	// Admitted says that the request was taken before and goes on: queue-limit does not
	// refuse it.
	Admitted bool
	// Slow is the time after which the request is logged as slow; 0 means never.
	Slow time.Duration
	// Note is written by the group for the access log; it may be read when the
	// response is over.
	Note Note

	user           atomic.Pointer[string] // see User
	submitted      time.Time
	tries          int
	next, previous *Exchange // in the queue
	queued         bool
	ahead          *thread // to which it was sent before its turn; nil most of the time
	slow           bool    // logged as that
}

// Reset forgets what was written about an earlier request.
func (x *Exchange) Reset() {
	x.Note = Note{}
	x.user.Store(nil)
}

// User is the name of the client, if access control asked for it and let it in; ""
// if not. It may be called when the response is over.
func (x *Exchange) User() string {
	if user := x.user.Load(); user != nil {
		return *user
	}
	return ""
}

// Note says where a request was served.
type Note struct {
	Queued     time.Duration // time in the queue
	Dispatched time.Time     // when a thread got it; zero if none did
	Group      string        // "" if none did
	Process    int
	PID        int
	Generation int
}

// Frame is a buffer for a request frame.
type Frame struct {
	Bytes []byte
	// Recycle takes the frame back; nil leaves it to the garbage collector.
	Recycle func(*Frame)
}

func (f *Frame) recycle() {
	if f != nil && f.Recycle != nil {
		f.Recycle(f)
	}
}

// seal writes the frame's header.
func (x *Exchange) seal() {
	h := wire.Header{Kind: wire.Request, Flags: wire.Last, Head: uint32(x.Environ)}
	h.Body = uint32(len(x.Frame.Bytes) - wire.HeaderSize - x.Environ)
	if x.Body != nil {
		h.Flags = wire.Deferred
	}
	h.Put(x.Frame.Bytes)
}

// environValue finds a value in the environ of a request frame; nil if it has
// no such key.
func environValue(frame []byte, key string) []byte {
	if len(frame) < wire.HeaderSize {
		return nil
	}
	var h wire.Header
	if h.Parse(frame) != nil || len(frame) < wire.HeaderSize+int(h.Head) {
		return nil
	}
	rest := frame[wire.HeaderSize : wire.HeaderSize+int(h.Head)]
	for len(rest) > 0 {
		name, after, _ := bytes.Cut(rest, []byte{0})
		value, next, _ := bytes.Cut(after, []byte{0})
		if string(name) == key {
			return value
		}
		rest = next
	}
	return nil
}

// Page is the body of an error answer: the status, one sentence, and the
// request id, by which the log can be searched.
func Page(status int, sentence, requestID string) string {
	text := strconv.Itoa(status) + " " + http1.StatusText(status) + "\n\n" + sentence + "\n"
	if requestID != "" {
		text += "\nrequest id: " + requestID + "\n"
	}
	return text
}

// IDField is the header field line that carries a request id.
func IDField(requestID string) string {
	if requestID == "" {
		return ""
	}
	return "X-Request-ID: " + requestID + "\r\n"
}

// fail answers a request that no thread has.
func (x *Exchange) fail(status int, sentence, fields string) {
	id := string(environValue(x.Frame.Bytes, RequestIDKey))
	response, serial, frame, body := x.Response, x.Serial, x.Frame, x.Body
	body.cancel()
	response.Error(serial, status, Page(status, sentence, id), IDField(id)+fields)
	frame.recycle()
}

// Refuse answers a request that no group has been given. fields are header lines.
func (x *Exchange) Refuse(status int, sentence, fields string) {
	x.seal()
	x.fail(status, sentence, fields)
}

// Abandon ends a request that no group has been given, and nobody waits for.
func (x *Exchange) Abandon() { x.abandon() }

// RequestIDKey is the environ key of the request's id.
const RequestIDKey = "mod_wsgi.request_id"
