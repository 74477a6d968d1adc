package front

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// dispatcher has the functions of a script choose where requests of a place are served.
type dispatcher struct {
	script  string
	name    string       // of the group whose processes call the functions
	group   *group.Group // that one
	timeout time.Duration
	environ []byte        // what the functions see of the mount
	process string        // where a request goes for which no group is chosen
	targets []destination // the first of a daemon group is for requests that choose nothing else
}

// destination is where a request may be sent.
type destination struct {
	site.DispatchTarget
	to *place
}

func newDispatcher(s *site.Site, p site.Place, groups map[string]*group.Group) *dispatcher {
	m := p.Mount
	if m.Dispatch.Script == "" {
		return nil
	}
	name := m.Dispatcher()
	own := s.Group(m.Group)
	d := &dispatcher{script: m.Dispatch.Script, name: name, group: groups[name], timeout: m.Dispatch.Timeout, process: own.Name}
	if own.Of != "" {
		d.process = own.Of
	}
	var e environ
	e.add("wsgid.dispatch", m.Dispatch.Script)
	e.add("mod_wsgi.process_group", d.process)
	e.add("mod_wsgi.application_group", own.ApplicationGroup)
	e.add("mod_wsgi.callable_object", m.Callable)
	d.environ = e.b
	for _, t := range s.DispatchTargets(p) {
		there := *m
		there.Group = t.Group
		to := newPlace(s, site.Place{Path: p.Path, Mount: &there, Policy: p.Policy}, groups, nil)
		if t.Number >= 0 {
			to.application = strconv.Itoa(t.Number)
		}
		d.targets = append(d.targets, destination{t, to})
	}
	return d
}

// choice is what the functions have returned; nil for those that left it to the mount.
type choice struct{ process, application, callable *string }

// find is where a choice leads.
func (d *dispatcher) find(c choice) (*place, error) {
	process := d.process
	if c.process != nil {
		process = *c.process
	}
	allowed := false
	for _, t := range d.targets {
		if t.Process != process {
			continue
		}
		allowed = true
		if c.application == nil || t.Application == *c.application || t.Application == "" && *c.application == site.GlobalApplications {
			return t.to, nil
		}
	}
	if allowed {
		return nil, fmt.Errorf("application_group() chose %q, where no mount runs this application in group %s", *c.application, process)
	}
	if c.process == nil {
		return nil, fmt.Errorf("process_group() chose nothing, and restrict-process does not have the mount's group %s", process)
	}
	return nil, fmt.Errorf("process_group() chose %q, which is neither the mount's group nor one of restrict-process", process)
}

// question asks a dispatcher about a request, and takes the answer: it is the response of
// an exchange of its own. Nobody else has the request meanwhile.
type question struct {
	to      *dispatcher
	front   *Front
	id      string
	request *group.Exchange // complete, but for the group and the application
	group   *atomic.Pointer[group.Group]
	answer  *http1.Response // of the request

	exchange group.Exchange
	timer    *time.Timer // not for expire, which may run before it is here
	decided  atomic.Bool // what comes later is too late
	answered choice
}

// dispatched is a request of a session that a dispatcher decides on. It has an exchange of
// its own, because one that ends early leaves the session's to the next request.
type dispatched struct {
	exchange group.Exchange
	group    atomic.Pointer[group.Group] // of the exchange; nil before that is submitted
}

// ask sends a request on its way by what the dispatcher says of it; environ is what the
// functions see of it.
func (q *question) ask(environ []byte) {
	frame := q.front.frames.get()
	frame.Bytes = append(frame.Bytes[:0], make([]byte, wire.HeaderSize)...)
	frame.Bytes = append(append(frame.Bytes, environ...), q.to.environ...)
	x := &q.exchange
	x.Response, x.Serial, x.Client = q, 1, q.request.Client
	x.Frame, x.Environ = frame, len(frame.Bytes)-wire.HeaderSize
	x.IgnoreActivity, x.Admitted = q.request.IgnoreActivity, q.request.Admitted
	q.timer = time.AfterFunc(q.to.timeout, q.expire)
	q.to.group.Submit(x)
}

// ask sends the request on its way, whose exchange is that of s.dispatched.
func (s *session) ask(d *dispatcher, frame *group.Frame) {
	text := frame.Bytes[wire.HeaderSize:s.public]
	if req := &s.conn.Request; req.HasContentLength {
		e := environ{b: slices.Clip(text)}
		e.addInt("CONTENT_LENGTH", req.ContentLength)
		text = e.b
	}
	own := s.dispatched.Load()
	q := &question{to: d, front: s.front, id: string(s.id), request: &own.exchange, group: &own.group, answer: &s.conn.Response}
	q.ask(text)
}

// expire ends the wait for an answer.
func (q *question) expire() {
	if q.fail(500, "", "the functions took longer than dispatch-timeout, "+site.FormatDuration(q.to.timeout)) {
		q.to.group.Cancel(&q.exchange)
	}
}

// fail answers the request, which goes nowhere. It reports whether it was still waiting.
func (q *question) fail(status int, fields, why string) bool {
	if !q.decided.CompareAndSwap(false, true) {
		return false
	}
	q.front.logger.Error("cannot dispatch a request: "+why, "request_id", q.id, "group", q.to.name, "script", q.to.script)
	q.request.Refuse(status, "Where the request is to be served cannot be found out.", fields)
	return true
}

// send gives the request to the group that was chosen.
func (q *question) send(c choice) {
	to, err := q.to.find(c)
	if err != nil {
		q.fail(500, "", err.Error())
		return
	}
	if !q.decided.CompareAndSwap(false, true) {
		return
	}
	var e environ
	if to.application != "" {
		e.add(applicationKey, to.application)
	}
	if c.callable != nil {
		e.add("wsgid.callable", *c.callable)
	}
	x := q.request
	x.Frame.Bytes = slices.Insert(x.Frame.Bytes, wire.HeaderSize+x.Environ, e.b...)
	x.Environ += len(e.b)
	// The thread that has answered is not free yet, and must not be missed.
	x.Admitted = x.Admitted || to.group == q.to.group
	waits := q.answer.Again(x.Serial, func() {
		q.answer.SetMemory(to.memory)
		q.answer.SetSendTimeout(to.sendTimeout)
		q.answer.SetFlushDelay(to.flushDelay)
	})
	// From here on the group is told when the client goes.
	q.group.Store(to.group)
	if !waits || x.Client.Gone() {
		x.Abandon()
		return
	}
	to.group.Submit(x)
}

var errTooMuch = errors.New("a dispatch script has no body")

// take reads the header of an answer.
func (q *question) take(head http1.Head) error {
	var parsed http1.ResponseHead
	if err := parsed.ParseResponseHead(head.Block, head.Count, head.MaxLine); err != nil {
		return err
	}
	if !strings.HasPrefix(string(parsed.Line), "200 ") {
		return fmt.Errorf("a dispatch script answered %q", parsed.Line)
	}
	for _, f := range parsed.Fields {
		value := string(f.Value)
		switch string(f.Name) {
		case "process-group":
			q.answered.process = &value
		case "application-group":
			q.answered.application = &value
		case "callable-object":
			q.answered.callable = &value
		}
	}
	return nil
}

// Complete implements group.Response.
func (q *question) Complete(_ uint64, head http1.Head, body http1.Piece) error {
	q.timer.Stop()
	if err := q.take(head); err != nil {
		q.fail(500, "", err.Error())
		return err
	}
	if body.End > body.Start {
		q.fail(500, "", errTooMuch.Error())
		return errTooMuch
	}
	q.send(q.answered)
	return nil
}

// Start implements group.Response: only a process that is not wsgid's own answers so.
func (q *question) Start(uint64, http1.Head, http1.Piece) (over bool, err error) {
	q.timer.Stop()
	q.fail(500, "", errTooMuch.Error())
	return true, errTooMuch
}

// Data implements group.Response.
func (q *question) Data(uint64, http1.Piece) (over bool, err error) { return true, errTooMuch }

// SendFile implements group.Response. It owns the descriptor.
func (q *question) SendFile(_ uint64, fd int, _, _ int64) error {
	_ = unix.Close(fd)
	return errTooMuch
}

// End implements group.Response.
func (q *question) End(uint64) error { return errTooMuch }

// Error implements group.Response. What the group is to blame for, and not the script, is
// answered as the group answers everybody.
func (q *question) Error(_ uint64, status int, _, fields string) {
	q.timer.Stop()
	kept := ""
	for field := range strings.SplitAfterSeq(fields, "\r\n") {
		if name, _, _ := strings.Cut(field, ":"); name == "Retry-After" || name == "Connection" {
			kept += field
		}
	}
	switch status {
	case 503, 504:
		q.fail(status, kept, "the group answered "+strconv.Itoa(status))
	default:
		q.fail(500, "", "the functions failed")
	}
}

// Abort implements group.Response.
func (q *question) Abort(uint64) {
	q.timer.Stop()
	q.fail(500, "", "the process that called the functions has ended")
}

// Full implements group.Response.
func (q *question) Full(uint64, func()) bool { return false }
