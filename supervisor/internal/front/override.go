package front

import (
	"bytes"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// paged is the response of a place that has error pages, or replaces those of its
// application. It belongs to one exchange, for the group may call it when the
// connection has begun the next.
type paged struct {
	sink
	rules *rules
	id    string
}

// response is where the group sends what it has for the exchange.
func (s *session) response() group.Response {
	ask := askedBy(&s.conn.Request)
	return s.front.respond(&s.conn.Response, s.vhost, s.place, s.id, &ask)
}

// respond is where the responses of a place go.
func (f *Front) respond(to *http1.Response, h *host, p *place, id []byte, ask *asked) group.Response {
	r := f.compressing(to, p, ask)
	if h.internal != nil {
		return f.sending(&paged{r, p.rules, string(id)}, h, p, ask)
	}
	if p.rules.pages != nil || p.rules.override {
		return &paged{r, p.rules, string(id)}
	}
	return r
}

// Error implements group.sink.
func (p *paged) Error(serial uint64, status int, text, fields string) {
	p.rules.pages.answer(p.sink, serial, status, p.id, text, fields)
}

// answer ends an exchange with the page of a status, or with text if there is none.
func (p *errorPages) answer(r sink, serial uint64, status int, id, text, fields string) {
	contentType, text := p.text(status, id, text)
	r.ErrorPage(serial, status, contentType, text, fields)
}

// text is the page of a status, or the error's own text.
func (p *errorPages) text(status int, id, own string) (contentType, text string) {
	if found := p.find(status); found != nil {
		return found.contentType, found.fill(status, id)
	}
	return http1.PlainText, own
}

// Complete implements group.sink.
func (p *paged) Complete(serial uint64, head http1.Head, body http1.Piece) error {
	if other, text, ok := p.replaced(head); ok {
		return p.sink.Complete(serial, other, text)
	}
	return p.sink.Complete(serial, head, body)
}

// Start implements group.sink. A response that is replaced is over at once: the
// group passes over what comes of its body.
func (p *paged) Start(serial uint64, head http1.Head, body http1.Piece) (over bool, err error) {
	if other, text, ok := p.replaced(head); ok {
		err := p.sink.Complete(serial, other, text)
		return err == nil, err
	}
	return p.sink.Start(serial, head, body)
}

// replaced is what is answered in place of an application's error. A head that is not
// well-formed is left as it is, for the engine to refuse.
func (p *paged) replaced(head http1.Head) (other http1.Head, body http1.Piece, ok bool) {
	line, fields, _ := bytes.Cut(head.Block, []byte{0})
	if !p.rules.override || len(line) < 3 || (line[0] != '4' && line[0] != '5') {
		return head, body, false
	}
	status := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	contentType, text := p.rules.pages.text(status, p.id, strings.TrimSpace(string(line))+"\n\nrequest id: "+p.id+"\n")
	other = http1.Head{Block: append([]byte(nil), line...), MaxLine: head.MaxLine}
	if !keepFields(&other, fields, head.Count) {
		return head, body, false
	}
	addField(&other, "Content-Type", contentType)
	addField(&other, "X-Request-ID", p.id)
	return other, http1.Piece{Buf: []byte(text), End: len(text)}, true
}

// keepFields copies the fields that do not describe the body. It reports whether
// there are as many as the head says.
func keepFields(to *http1.Head, fields []byte, count int) bool {
	for more := len(fields) > 0; more; count-- {
		var name, value []byte
		name, fields, _ = bytes.Cut(fields, []byte{0})
		value, fields, more = bytes.Cut(fields, []byte{0})
		if !describesBody(name) {
			addField(to, string(name), string(value))
		}
	}
	return count == 0
}

func addField(to *http1.Head, name, value string) {
	to.Block = append(append(append(append(to.Block, 0), name...), 0), value...)
	to.Count++
}

// describesBody names the fields that belong to a body that is replaced (RFC 9110, 8),
// and that of the request's id.
func describesBody(name []byte) bool {
	switch string(bytes.ToLower(name)) {
	case "content-type", "content-length", "content-encoding", "content-language", "content-location", "content-range",
		"content-disposition", "content-md5", "content-digest", "repr-digest", "digest", "etag", "last-modified", "accept-ranges", "x-request-id":
		return true
	}
	return false
}
