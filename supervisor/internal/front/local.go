package front

import (
	"bytes"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// mostLocal is how many local redirects one request may come to, as in Apache httpd
// (LimitInternalRecursion).
const mostLocal = 10

// local is a request that an application has answered with a path of the same host: what
// is there is answered in place of that. It has of the request whatever it needs, because
// an exchange that ends early leaves the session to the next one.
type local struct {
	session  *session
	front    *Front
	vhost    *host
	serial   uint64
	id       string
	method   []byte // of the client's request
	client   netip.AddrPort
	ofSocket bool // the client is at the other end of a UNIX socket
	slow     *settings
	from     *place // of the application that has answered
	environ  []byte // that it got
	location string
	hops     int

	place    *place
	path     []byte // clean
	file     handledFile
	public   int // as in session
	query    string
	hasQuery bool
	ask      asked
	group    atomic.Pointer[group.Group] // of the exchange; nil before that is submitted
	exchange group.Exchange
}

// underWay is the exchange that counts for the request, and its group; nil before that is
// known.
func (s *session) underWay() (*group.Exchange, *group.Group) {
	if l := s.local.Load(); l != nil {
		return &l.exchange, l.group.Load()
	}
	if d := s.dispatched.Load(); d != nil {
		return &d.exchange, d.group.Load()
	}
	return &s.exchange, s.group.Load()
}

// current is the exchange that counts for the request.
func (s *session) current() *group.Exchange {
	x, _ := s.underWay()
	return x
}

// user is the name of the client, if access control has asked for it.
func (s *session) user() string {
	if user := s.current().User(); user != "" {
		return user
	}
	if d := s.dispatched.Load(); d != nil {
		return d.exchange.User()
	}
	return s.exchange.User()
}

// cancel takes the request out of a queue.
func (s *session) cancel() {
	if x, g := s.underWay(); g != nil {
		g.Cancel(x)
	}
}

// goLocal takes what is needed of a request that is answered with a local redirect; see
// [http1.Response.SetLocal].
func (s *session) goLocal(location []byte) (next func()) {
	l := &local{
		session: s, front: s.front, vhost: s.vhost, slow: s.conf, id: string(s.id), method: bytes.Clone(s.line.method),
		client: s.client(), ofSocket: !s.forwarded.client.IsValid() && s.ofSocket, from: s.place, location: string(location), hops: 1,
	}
	if before := s.local.Load(); before != nil {
		l.from, l.hops = before.place, before.hops+1
	}
	x := s.current()
	l.serial = x.Serial
	l.environ = bytes.Clone(x.Frame.Bytes[wire.HeaderSize : wire.HeaderSize+x.Environ])
	s.local.Store(l)
	return l.run
}

// run answers with what is at the location.
func (l *local) run() {
	if status, text := l.locate(); status != 0 {
		l.answer(status, text, "")
		return
	}
	l.ask = l.asked()
	if l.place.static != nil {
		status, text := l.serveFile()
		switch {
		case status > 0:
			l.answer(status, text, "")
			return
		case l.place.static != nil:
			return
		}
	}
	l.submit()
}

// locate finds the place of the location, or the answer if there is none.
func (l *local) locate() (status int, text string) {
	l.place = nil
	if l.hops > mostLocal {
		l.front.logger.Error("an application answers with one local redirect after another", "request_id", l.id, "location", l.location)
		return 500, "The application answers with one local redirect after another."
	}
	address, _, _ := strings.Cut(l.location, "#")
	var path string
	path, l.query, l.hasQuery = strings.Cut(address, "?")
	clean, err := cleanPath(nil, []byte(path))
	if err == nil && bytes.IndexByte(clean, 0) >= 0 {
		err = errNUL
	}
	if err != nil {
		l.front.logger.Error("an application answers with a local redirect that leads nowhere", "request_id", l.id, "location", l.location, "err", err)
		return 500, "The application answers with a local redirect that leads nowhere."
	}
	l.path = clean
	return l.enter(l.vhost.places.find(clean))
}

// enter has the keys of a place hold, and refuses a client that it does not serve.
func (l *local) enter(p *place) (status int, text string) {
	if p == nil {
		return 404, "Nothing is mounted at this path."
	}
	l.place = p
	secure := environValue(l.environ, "wsgi.url_scheme") == "https"
	r := &l.session.conn.Response
	r.Again(l.serial, func() { // one that is over needs nothing
		fields := p.rules.fields.plain
		if secure {
			fields = p.rules.fields.secure
		}
		r.SetFields(fields)
		r.SetLocal(nil)
		if p.static != nil {
			return
		}
		r.SetMemory(p.memory)
		r.SetSendTimeout(p.sendTimeout)
		r.SetFlushDelay(p.flushDelay)
		r.SetCopyFiles(!p.policy.Sendfile)
		if p.policy.LocalRedirects {
			r.SetLocal(l.session.goesLocal)
		}
	})
	if p.rules.guarded && !p.policy.Admits(l.client.Addr(), l.ofSocket) {
		return 403, "You may not see this from where you are."
	}
	return 0, ""
}

// serveFile answers with a static file. A status of 0 without a static place, as for a file
// that has a handler, leaves the request to the application.
func (l *local) serveFile() (status int, text string) {
	st := l.place.static
	switch handled, err := st.handled(l.path, true); err {
	case nil:
		l.file = handled
		return l.enter(handled.to)
	case errNoFile:
	default:
		return l.front.noFile(err, l.id)
	}
	var codings []coding
	if st.siblings {
		codings = codingsOf(l.ask.fields)
	}
	file, err := st.find(l.path, codings)
	if err == errDirectory {
		file, err = st.find(append(l.path, '/'), codings) // the client cannot be told of a slash
	}
	if err == nil {
		r := &l.session.conn.Response
		d := &delivery{
			to: l.front.compressing(r, l.place, &l.ask), serial: l.serial, static: st, copied: !l.place.policy.Sendfile,
			refuse: l.answer, ask: l.ask,
		}
		d.send(file)
		return 0, ""
	}
	if st.fallback && (err == errNoFile || err == errNoIndex) {
		return l.enter(l.vhost.places.apps.find(l.path))
	}
	return l.front.noFile(err, l.id)
}

// answer ends the exchange with a page of the front end's own.
func (l *local) answer(status int, text, fields string) {
	rules := l.vhost.rules
	if l.place != nil {
		rules = l.place.rules
	}
	r := &l.session.conn.Response
	rules.pages.answer(r, l.serial, status, l.id, group.Page(status, text, l.id), group.IDField(l.id)+fields)
}

// submit passes the request on to the application.
func (l *local) submit() {
	frame := l.front.frames.get()
	frame.Bytes = l.appendEnviron(append(frame.Bytes[:0], make([]byte, wire.HeaderSize)...))
	x := &l.exchange
	x.Response = l.front.respond(&l.session.conn.Response, l.vhost, l.place, []byte(l.id), &l.ask)
	x.Serial, x.Client = l.serial, l.session
	x.Frame, x.Environ = frame, len(frame.Bytes)-wire.HeaderSize
	x.Admitted = true // the thread that has answered is not free yet
	x.IgnoreActivity, x.Slow = l.place.policy.IgnoreActivity, l.slow.slow
	if d := l.place.dispatch; d != nil {
		q := &question{to: d, front: l.front, id: l.id, request: x, group: &l.group, answer: &l.session.conn.Response}
		q.ask(frame.Bytes[wire.HeaderSize:l.public])
		return
	}
	l.group.Store(l.place.group)
	l.place.group.Submit(x)
}

// asked is what the request wants to have of a file, and of a response.
func (l *local) asked() asked {
	a := asked{get: string(l.method) != "HEAD", head: string(l.method) == "HEAD"}
	for name, value := range pairs(l.environ) {
		field, found := bytes.CutPrefix(name, []byte("HTTP_"))
		if field = bytes.ReplaceAll(field, []byte("_"), []byte("-")); found && asksForFile(field) {
			a.fields = append(a.fields, http1.Field{Name: bytes.Clone(field), Value: bytes.Clone(value)})
		}
	}
	return a
}
