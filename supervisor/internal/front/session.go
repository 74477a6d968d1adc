package front

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// session is what the front end keeps for a connection.
type session struct {
	front    *Front
	conf     *settings   // that the request under way goes by
	names    *hostTable  // of conf, for the connection's listener
	vhost    *host       // that the request is for; nil until that is known
	place    *place      // where it goes to; nil until that is known
	file     handledFile // that a handler answers for; the zero value without one
	conn     *http1.Conn
	exchange group.Exchange
	group    atomic.Pointer[group.Group] // of the exchange under way; Gone may ask at any moment
	// local is what has come in place of the exchange; nil if nothing has.
	local atomic.Pointer[local]
	// dispatched has the exchange in place of that here; nil where nothing is dispatched.
	dispatched atomic.Pointer[dispatched]
	goesLocal  func(location []byte) (next func()) // goLocal, made once
	ofSocket   bool                                // the client is at the other end of a UNIX socket; for goLocal
	path       []byte                              // clean path of the request
	public     int                                 // bytes at the beginning of its frame that access control does not add to
	// rewritten is nil for a request that goes on as it came.
	rewritten *rewritten
	id        []byte // request id
	remote    []byte // environ of the peer's address
	// forwarded is what proxies have told of the request.
	forwarded forwarded
	began     time.Time
	// wrongPort says that TLS is to be spoken where the connection came in, and is not.
	wrongPort bool
	line      logLine
}

// Gone implements group.Client.
func (s *session) Gone() bool { return s.conn.HungUp() }

// framePool keeps buffers for request frames. A frame that had to grow for a
// body within request-buffer-size keeps its size.
type framePool struct{ pool sync.Pool }

func (p *framePool) get() *group.Frame {
	if f, ok := p.pool.Get().(*group.Frame); ok {
		return f
	}
	return &group.Frame{Bytes: make([]byte, 0, 4<<10), Recycle: p.put}
}

func (p *framePool) put(f *group.Frame) {
	const largest = 256 << 10
	if cap(f.Bytes) <= largest {
		p.pool.Put(f)
	}
}

// handle takes a request to its group, or answers it.
func (s *session) handle() {
	s.begin()
	status, text, fields := s.objection()
	s.addFields()
	if status == 0 && s.place.static != nil {
		var done bool
		if done, status, text, fields = s.fileOrApplication(); done {
			s.forget()
			return
		}
	}
	if status != 0 {
		s.forget()
		s.answer(status, text, fields)
		return
	}
	s.conn.Response.SetMemory(s.place.memory)
	s.conn.Response.SetSendTimeout(s.place.sendTimeout)
	s.conn.Response.SetFlushDelay(s.place.flushDelay)
	s.conn.Response.SetCopyFiles(!s.place.policy.Sendfile)
	if s.place.policy.LocalRedirects {
		s.ofSocket = s.conn.Local()
		s.conn.Response.SetLocal(s.goesLocal)
	}
	if s.place.dispatch == nil {
		s.group.Store(s.place.group)
	}
	frame := s.front.frames.get()
	s.buildEnviron(frame)
	s.forget()
	s.submit(frame)
}

// forget drops what only the way to the place needs of the request.
func (s *session) forget() {
	s.forwarded.forget()
	s.rewritten = nil
}

func (s *session) begin() {
	if conf := s.front.conf.Load(); conf != s.conf {
		s.conf, s.names = conf, conf.hosts.of(s.conn.Listener)
		s.wrongPort = !s.conn.Secure && conf.speaksTLS(s.conn.Listener)
	}
	s.vhost, s.place, s.file, s.rewritten = nil, nil, handledFile{}, nil
	s.group.Store(nil)
	unset(&s.local)
	unset(&s.dispatched)
	s.began = time.Now()
	s.exchange.Reset()
	s.path = s.path[:0]
	if s.conn.Request.Gateway {
		takeClient(s.conn)
	}
	s.front.capture(s)
}

// unset has the pointer be nil, without the store, which costs more, where it is.
func unset[T any](p *atomic.Pointer[T]) {
	if p.Load() != nil {
		p.Store(nil)
	}
}

// chooseID takes the request's id from a proxy that is trusted, or makes one.
func (s *session) chooseID(trusted bool) {
	if trusted {
		for _, f := range s.conn.Request.Fields {
			if string(f.Name) == "X-Request-ID" || equalFold(f.Name, requestIDName) {
				if validID(f.Value) {
					s.id = append(s.id[:0], f.Value...)
					return
				}
			}
		}
	}
	s.id = s.front.ids.append(s.id[:0])
}

// objection is the answer to a request that goes to no application; status 0
// if there is none.
func (s *session) objection() (status int, text, fields string) {
	status, text, fields = s.locate()
	s.believe()
	if status == 0 {
		status, text, fields = s.refusal()
	}
	return status, text, fields
}

// locate finds the place that the request goes to, or the answer to one that goes to none.
func (s *session) locate() (status int, text, fields string) {
	req := &s.conn.Request
	switch {
	case req.Form == http1.AsteriskForm:
		return 200, "", "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
	case req.Form == http1.AuthorityForm:
		return 501, "This server is no proxy: it takes no CONNECT.", ""
	case s.wrongPort:
		return 400, "This port speaks TLS: the address begins with https.", ""
	case req.Minor == 0 && !req.Gateway && !req.HasContentLength && needsLength(req.Method):
		return 411, "The request needs a Content-Length.", ""
	}
	clean := cleanPath
	if req.Decoded {
		clean = cleanDecoded
	}
	var err error
	if s.path, err = clean(s.path[:0], req.Path); err != nil {
		return 400, "The request cannot be served: " + err.Error() + ".", ""
	}
	if s.vhost = s.names.find(req.Host); s.vhost == nil {
		return 421, "No site here has this host name.", ""
	}
	if s.vhost.reroutings != nil {
		if status, text, fields = s.reroute(); status != 0 {
			return status, text, fields
		}
	}
	if s.place = s.vhost.places.find(s.path); s.place == nil {
		return 404, "Nothing is mounted at this path.", ""
	}
	return 0, "", ""
}

// needsLength names the methods whose body has no end on HTTP/1.0 without a
// Content-Length (RFC 1945, 8.3).
func needsLength(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// answer ends the exchange with a page of the front end's own.
func (s *session) answer(status int, text, fields string) {
	id := string(s.id)
	switch status {
	case 200:
	case 408, 411, 413, 501:
		// What the client sends next is not to be trusted, or not wanted.
		s.conn.CloseAfter()
		fallthrough
	default:
		text = group.Page(status, text, id)
	}
	r := &s.conn.Response
	s.rules().pages.answer(r, r.Serial(), status, id, text, group.IDField(id)+fields)
}

// submit receives the body and passes the exchange on.
func (s *session) submit(frame *group.Frame) {
	req := &s.conn.Request
	switch {
	case !s.conn.HasBody():
		if req.HasContentLength {
			s.appendLength(frame, req.ContentLength)
		}
		s.send(frame, nil)
	case s.conn.ExpectsContinue():
		if req.HasContentLength {
			s.appendLength(frame, req.ContentLength)
		}
		s.stream(frame, nil, 0)
	case req.HasContentLength && req.ContentLength <= s.conf.bodyMemory:
		s.appendLength(frame, req.ContentLength)
		s.sendInline(frame, int(req.ContentLength))
	default:
		s.receive(frame)
	}
}

func (s *session) appendLength(frame *group.Frame, length int64) {
	e := environ{b: frame.Bytes}
	e.addInt("CONTENT_LENGTH", length)
	frame.Bytes = e.b
}

// send passes the exchange on. From here on it may be over at any moment.
func (s *session) send(frame *group.Frame, body *group.Body) {
	s.sendWith(frame, len(frame.Bytes)-wire.HeaderSize, body)
}

func (s *session) sendWith(frame *group.Frame, environ int, body *group.Body) {
	x, d := &s.exchange, s.place.dispatch
	if d != nil {
		own := &dispatched{}
		s.dispatched.Store(own)
		x = &own.exchange
	}
	x.Response, x.Serial, x.Client = s.response(), s.conn.Response.Serial(), s
	x.Frame, x.Environ, x.Body = frame, environ, body
	x.IgnoreActivity, x.Slow = s.place.policy.IgnoreActivity, s.conf.slow
	if d != nil {
		s.ask(d, frame)
		return
	}
	s.group.Load().Submit(x)
}

// sendInline reads a small body of known length straight into the frame.
func (s *session) sendInline(frame *group.Frame, length int) {
	environ := len(frame.Bytes) - wire.HeaderSize
	start := len(frame.Bytes)
	frame.Bytes = grow(frame.Bytes, length)
	for at := start; at < start+length; {
		n, err := s.conn.ReadBody(frame.Bytes[at:])
		if err != nil {
			s.front.frames.put(frame)
			s.refuseBody(err)
			return
		}
		at += n
	}
	s.sendWith(frame, environ, nil)
}

// grow extends b by n bytes of any content.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need <= cap(b) {
		return b[:need]
	}
	larger := make([]byte, len(b)+n)
	copy(larger, b)
	return larger
}

// refuseBody ends an exchange whose body could not be read.
func (s *session) refuseBody(err error) {
	var refusal *http1.Error
	if errors.As(err, &refusal) {
		s.answer(refusal.Status, sentence(refusal.Reason), "")
		return
	}
	// The client has gone; there is nobody to answer.
	s.conn.Response.Abort(s.conn.Response.Serial())
}

// sentence makes a short reason fit for a page.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	return string(reason[0]&^0x20) + reason[1:] + "."
}

// stream passes the exchange on at once, with what a file holds of the body,
// and the rest of the body while the application reads it.
func (s *session) stream(frame *group.Frame, file *os.File, size int64) {
	body := group.NewBody(file, size, true)
	s.send(frame, body)
	if body.Wait() != nil {
		return
	}
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	for total := size; ; {
		n, err := s.conn.ReadBody(buffer[group.StreamRoom:])
		total += int64(n)
		if err == nil && s.tooLarge(total) {
			err = errTooLarge
		}
		if err != nil && !errors.Is(err, io.EOF) {
			s.refuseStream(err)
			body.Abort()
			return
		}
		last := errors.Is(err, io.EOF) || !s.conn.HasBody()
		if body.Write(buffer[:group.StreamRoom+n], last) != nil || last {
			return
		}
	}
}

func (s *session) tooLarge(n int64) bool {
	limit := s.place.policy.RequestBody
	return limit > 0 && n > limit
}

var errTooLarge error = &http1.Error{Status: 413, Reason: "the request body is larger than limit-request-body"}

// refuseStream answers a body that went wrong while the application read it,
// unless the application has answered already.
func (s *session) refuseStream(err error) {
	var refusal *http1.Error
	if errors.As(err, &refusal) {
		s.answer(refusal.Status, sentence(refusal.Reason), "")
	}
}
