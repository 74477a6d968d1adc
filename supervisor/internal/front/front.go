package front

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
	"github.com/wsgid/wsgid/units/site"
)

// Front serves one site over HTTP.
type Front struct {
	server         *http1.Server
	routes         routes
	log            *accessLog
	ids            *ids
	logger         *slog.Logger
	dropped        droppedFields
	frames         framePool
	serverName     string
	trusted        []netip.Prefix
	trustUnix      bool
	bodyLimit      int64 // bytes; 0 none
	bodyMemory     int64
	bodySpool      int64
	spoolDirectory string
}

// Options are what a Front is made of.
type Options struct {
	Site     *site.Site
	Groups   map[string]*group.Group
	Software string
	Logger   *slog.Logger
	// Loops wait for the connections; at least one.
	Loops []*loop.Loop
}

// New returns a front end that serves nothing yet. It opens the access log.
func New(o Options) (*Front, error) {
	s := &o.Site.Server
	log, err := openAccessLog(s.AccessLog, s.AccessLogFormat)
	if err != nil {
		return nil, err
	}
	f := &Front{
		routes: newRoutes(o.Site, o.Groups), log: log, ids: newIDs(), logger: o.Logger,
		serverName: o.Site.ServerName, trusted: s.TrustedProxies, trustUnix: s.TrustUnix,
		bodyLimit: s.RequestBody, bodyMemory: s.RequestBuffer, bodySpool: s.RequestSpool,
		spoolDirectory: s.SpoolDirectory,
	}
	if f.serverName == "" {
		f.serverName = "localhost"
	}
	f.server = http1.NewServer(http1.Options{
		Limits:        http1.Limits{Line: s.RequestLine, Fields: s.RequestFields, FieldSize: s.RequestFieldSize, Head: s.RequestHeadSize},
		HeaderTimeout: s.HeaderTimeout, BodyTimeout: s.BodyTimeout, BodyMinRate: s.BodyMinRate,
		KeepAliveTimeout: s.KeepAliveTimeout, SendTimeout: s.SendTimeout, MaxConnections: s.MaxConnections,
		ResponseSpool: s.ResponseSpool, Spool: f.TemporaryFile, Software: o.Software, Logger: o.Logger,
		Loops: o.Loops, BodyBuffer: smaller(s.RequestBuffer, s.RequestBody),
	}, f)
	return f, nil
}

// Serve accepts connections until the listener is closed.
func (f *Front) Serve(l *http1.Listener) error { return f.server.Serve(l) }

// Drain has every connection end with the request it has.
func (f *Front) Drain() { f.server.Drain() }

// WaitDrained waits until no connection is open, or ctx ends.
func (f *Front) WaitDrained(ctx context.Context) error { return f.server.WaitClosed(ctx) }

// Open is the number of open connections.
func (f *Front) Open() int { return f.server.Open() }

// Close ends every connection and the access log.
func (f *Front) Close() error {
	f.server.Close()
	return f.log.close()
}

// session returns what is kept for a connection.
func (f *Front) session(c *http1.Conn) *session {
	s, ok := c.State.(*session)
	if !ok {
		s = &session{front: f, conn: c}
		c.State = s
	}
	return s
}

// Handle implements http1.Handler.
func (f *Front) Handle(c *http1.Conn) { f.session(c).handle() }

// Gone implements http1.Handler: a queued request leaves the queue.
func (f *Front) Gone(c *http1.Conn) {
	s := f.session(c)
	if g := s.group.Load(); g != nil {
		g.Cancel(&s.exchange)
	}
}

// Refuse implements http1.Handler.
func (f *Front) Refuse(c *http1.Conn, err *http1.Error) (text, fields string) {
	s := f.session(c)
	s.begin()
	id := string(s.id)
	return group.Page(err.Status, sentence(err.Reason), id), group.IDField(id)
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
			"request_id", string(s.id), "pid", s.exchange.Note.PID)
	}
	f.log.write(s, r)
}

// trusts reports whether what the peer says of others is believed.
func (f *Front) trusts(c *http1.Conn) bool {
	if c.Listener.Unix {
		return f.trustUnix
	}
	if len(f.trusted) == 0 {
		return false
	}
	addr := c.Remote.Addr()
	for _, prefix := range f.trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func equalFold(a, b []byte) bool { return len(a) == len(b) && bytes.EqualFold(a, b) }

// smaller is the smaller of a size and a limit of which 0 means none.
func smaller(size, limit int64) int64 {
	if limit > 0 {
		return min(size, limit)
	}
	return size
}
