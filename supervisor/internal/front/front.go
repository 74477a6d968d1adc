package front

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/units/site"
)

// Front serves one site over HTTP.
type Front struct {
	options Options
	server  *http1.Server
	conf    atomic.Pointer[settings]
	logs    sync.RWMutex // held for writing while the settings change their access logs
	ids     *ids
	logger  *slog.Logger
	dropped droppedFields
	frames  framePool
	relays  *relays
	packer  packer
	cutOff  sync.Once
	cause   string // of the cut-off
}

// settings are the keys of the site file that a request goes by.
type settings struct {
	hosts          *hosts
	logs           accessLogs
	log            *accessLog // of the site, for requests that no host has; nil for none
	rules          *rules     // for requests that no place gets
	uwsgi          bool
	proxied        []site.Listener // that expect PROXY protocol headers
	tls            *tls.Config     // nil for none
	secured        []site.Listener // that speak TLS
	http2          bool
	maxConnections int
	headSize       int
	headerTimeout  time.Duration
	keepAlive      time.Duration
	slow           time.Duration // slow-requests; 0 means none
	// patience is the longest time in which a client may take nothing of a response that
	// a relay has for it, whichever group's it is; 0 means any time.
	patience       time.Duration
	bodyMemory     int64
	bodySpool      int64
	spoolDirectory string
}

// files are what a site's settings need from the disk.
type files struct {
	logs  accessLogs
	pages pageFiles
	tls   *tls.Config // nil for none
}

func newSettings(s *site.Site, groups map[string]*group.Group, have files, secret []byte) *settings {
	logs := have.logs
	conf := &settings{
		hosts: newHosts(s, groups, logs), logs: logs, log: logs.find(s.Server.AccessLog),
		rules: newRules(&s.Policy), uwsgi: s.Server.Uwsgi, proxied: s.Server.ProxyProtocol,
		slow: s.Server.SlowRequests, bodyMemory: s.Server.RequestBuffer, bodySpool: s.Server.RequestSpool,
		spoolDirectory: s.Server.SpoolDirectory, tls: have.tls,
		http2: s.Server.HTTP2, maxConnections: s.Server.MaxConnections, headSize: s.Server.RequestHeadSize,
		headerTimeout: s.Server.HeaderTimeout, keepAlive: s.Server.KeepAliveTimeout,
	}
	if s.TLS != nil {
		conf.secured = s.TLS.Listen
	}
	conf.patience = longestPatience(s)
	conf.hosts.sign(secret)
	conf.use(have.pages)
	return conf
}

// longestPatience is the longest of the send timeouts, that of the site and those of groups
// that have their own: a relay does not know whose response it has.
func longestPatience(s *site.Site) time.Duration {
	longest := s.Server.SendTimeout
	if longest == 0 {
		return 0
	}
	for _, g := range s.Groups {
		longest = max(longest, g.ResponseSocketTimeout)
	}
	return longest
}

// speaksTLS reports whether TLS is spoken at a listener.
func (conf *settings) speaksTLS(l *http1.Listener) bool {
	return len(conf.secured) > 0 && isOneOf(conf.secured, l)
}

func isOneOf(addresses []site.Listener, l *http1.Listener) bool {
	network, address := l.Addr().Network(), l.Addr().String()
	return slices.ContainsFunc(addresses, func(a site.Listener) bool { return a.Names(network, address) })
}

// Options are what a Front is made of.
type Options struct {
	Site     *site.Site
	Groups   map[string]*group.Group
	Software string
	// Secret is what nonces are made with; it outlives processes and reloads.
	Secret []byte
	Logger *slog.Logger
	// LogTrouble takes what goes wrong with the access log.
	LogTrouble *slog.Logger
	// Loops wait for the connections; at least one.
	Loops []*loop.Loop
}

// New returns a front end that serves nothing yet. It opens the access logs; one
// that cannot be opened is tried again while requests are served. The error is that of a
// certificate.
func New(o Options) (*Front, error) {
	f := &Front{options: o, ids: newIDs(), logger: o.Logger}
	f.packer.init()
	certificates, err := loadTLS(o.Site)
	if err != nil {
		return nil, err
	}
	pages, err := readErrorPages(o.Site)
	if err != nil {
		o.Logger.Error("some error pages cannot be used; their errors have their own texts until a reload", "err", err)
	}
	if err := checkStatic(o.Site); err != nil {
		o.Logger.Error("some static files cannot be served", "err", err)
	}
	have := files{openAccessLogsPatiently(o.Site, o.LogTrouble), pages, certificates}
	conf := newSettings(o.Site, o.Groups, have, o.Secret)
	f.conf.Store(conf)
	f.relays = newRelays(f)
	f.server = http1.NewServer(f.serverOptions(&o.Site.Server, conf.hosts), f)
	return f, nil
}

func (f *Front) serverOptions(s *site.Server, all *hosts) http1.Options {
	return http1.Options{
		Limits:        http1.Limits{Line: s.RequestLine, Fields: s.RequestFields, FieldSize: s.RequestFieldSize, Head: s.RequestHeadSize},
		HeaderTimeout: s.HeaderTimeout, BodyTimeout: s.BodyTimeout, BodyMinRate: s.BodyMinRate,
		KeepAliveTimeout: s.KeepAliveTimeout, SendTimeout: s.SendTimeout, MaxConnections: s.MaxConnections,
		ResponseSpool: s.ResponseSpool, Spool: f.TemporaryFile, Software: f.options.Software, Logger: f.logger,
		Loops: f.options.Loops, BodyBuffer: min(s.RequestBuffer, all.smallestBody()), Uwsgi: f.mayUwsgi,
		ProxyHeader: f.proxyHeader, Offer: f.offer,
	}
}

// Prepare does what may fail before every request from now on goes by another
// site file and its groups: what it returns does the rest, and cannot. Requests
// that are under way stay as they were.
func (f *Front) Prepare(s *site.Site, groups map[string]*group.Group) (install func(), err error) {
	pages, err := readErrorPages(s)
	if err != nil {
		return nil, err
	}
	if err := checkStatic(s); err != nil {
		return nil, err
	}
	certificates, err := loadTLS(s)
	if err != nil {
		return nil, err
	}
	before := f.conf.Load().logs
	logs, err := before.change(s, f.options.LogTrouble)
	if err != nil {
		return nil, err
	}
	return func() {
		conf := newSettings(s, groups, files{logs, pages, certificates}, f.options.Secret)
		f.logs.Lock()
		f.conf.Store(conf)
		f.logs.Unlock()
		f.server.Reconfigure(f.serverOptions(&s.Server, conf.hosts))
		if err := before.closeUnless(logs); err != nil {
			f.options.LogTrouble.Error("cannot finish an old access log", "err", err)
		}
	}, nil
}

// Serve accepts connections until the listener is closed.
func (f *Front) Serve(l *http1.Listener) error { return f.server.Serve(l) }

// Drain has every connection end with the request it has.
func (f *Front) Drain() {
	f.relays.shutdown()
	f.server.Drain()
}

// HandOver has every connection that waits for a request, or comes to, given to
// keep; see [http1.Server.HandOver].
func (f *Front) HandOver(keep func(fd int, client string) error) {
	f.relays.shutdown()
	f.server.HandOver(func(fd int, _ *http1.Listener, client string) error { return keep(fd, client) })
}

// SetLast has every connection end with its next response; false takes that back.
func (f *Front) SetLast(on bool) { f.server.SetLast(on) }

// Adopt serves a connection that another front end has handed over, with what that knew of
// the client. It owns fd.
func (f *Front) Adopt(fd int, from *http1.Listener, client string) error {
	return f.server.Adopt(fd, from, client)
}

// WaitDrained waits until no connection is open, or ctx ends.
func (f *Front) WaitDrained(ctx context.Context) error { return f.server.WaitClosed(ctx) }

// Open is the number of open connections.
func (f *Front) Open() int { return f.server.Open() }

// EmptySince is since when no connection is open; the zero time while one is.
func (f *Front) EmptySince() time.Time { return f.server.EmptySince() }

// Close ends every connection and the access logs.
func (f *Front) Close() error {
	f.CutOff("shutdown")
	f.packer.running.Wait()
	f.logs.Lock()
	defer f.logs.Unlock()
	return f.conf.Load().logs.closeUnless(nil)
}

// session returns what is kept for a connection.
func (f *Front) session(c *http1.Conn) *session {
	s, ok := c.State.(*session)
	if !ok {
		s = &session{front: f, conn: c}
		s.goesLocal = s.goLocal
		s.makeRoom()
		c.State = s
	}
	return s
}

// makeRoom allocates once what is kept of a usual request; what needs more grows by
// itself. Most connections that are not kept have one request.
func (s *session) makeRoom() {
	b := make([]byte, 160)
	take := func(n int) (part []byte) {
		part, b = b[:0:n], b[n:]
		return part
	}
	s.id, s.remote, s.path = take(16), take(64), take(32)
	s.line.method, s.line.target = take(8), take(40)
}

// Handle implements http1.Handler.
func (f *Front) Handle(c *http1.Conn) { f.session(c).handle() }

// Gone implements http1.Handler: a queued request leaves the queue.
func (f *Front) Gone(c *http1.Conn) {
	f.session(c).cancel()
}

// Refuse implements http1.Handler.
func (f *Front) Refuse(c *http1.Conn, err *http1.Error) (contentType, text, fields string) {
	s := f.session(c)
	s.begin()
	s.believe()
	id := string(s.id)
	contentType, text = s.rules().pages.text(err.Status, id, group.Page(err.Status, sentence(err.Reason), id))
	return contentType, text, group.IDField(id)
}

// Done implements http1.Handler.
func (f *Front) Done(c *http1.Conn) {
	r := &c.Response
	s := f.session(c)
	if name := r.DroppedField(); name != "" && f.dropped.first(name) {
		f.logger.Warn("the application sets a header that is the server's to set (PEP 3333); it is left out", "header", name)
	}
	if r.Cut() {
		f.logger.Error("the response was longer than its Content-Length; the rest was left out",
			"request_id", string(s.id), "pid", s.current().Note.PID)
	}
	if r.Outcome() == http1.Closed {
		s.logCutOff()
	}
	f.logs.RLock()
	f.logOf(s).write(s, r)
	f.logs.RUnlock()
	unset(&s.local) // a connection that waits keeps nothing of it
}

// trustsAddress reports whether what somebody at an address says of others is
// believed in all of the site.
func (conf *settings) trustsAddress(addr netip.Addr) bool {
	return addr.IsValid() && conf.rules.proxies != nil && conf.rules.proxies.Match(addr, false) >= 0
}

func equalFold(a, b []byte) bool { return len(a) == len(b) && bytes.EqualFold(a, b) }
