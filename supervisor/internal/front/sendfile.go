package front

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// sending is the response of a host with internal static files: its applications may name
// one of them, which is sent in place of their body.
type sending struct {
	*paged
	front  *Front
	files  []*static
	ask    asked
	copied bool
}

// sending needs of the request what is gone by the time that the application answers.
func (f *Front) sending(r *paged, h *host, p *place, ask *asked) *sending {
	x := &sending{paged: r, front: f, files: h.internal, copied: !p.policy.Sendfile}
	x.ask.get, x.ask.head = ask.get, ask.head
	for _, f := range ask.fields {
		if asksForFile(f.Name) {
			x.ask.fields = append(x.ask.fields, http1.Field{Name: bytes.Clone(f.Name), Value: bytes.Clone(f.Value)})
		}
	}
	return x
}

// asksForFile names the fields that a file is chosen and sent by.
func asksForFile(name []byte) bool {
	switch string(bytes.ToLower(name)) {
	case "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range", "accept-encoding":
		return true
	}
	return false
}

// said is what an application says of a file that is to be sent for it.
type said struct {
	line        string
	fields      http1.Head // without the line
	kind, cache bool       // it has Content-Type, Cache-Control
}

// Complete implements group.Response.
func (x *sending) Complete(serial uint64, head http1.Head, body http1.Piece) error {
	if x.sent(serial, head) {
		return nil
	}
	return x.paged.Complete(serial, head, body)
}

// Start implements group.Response. A response that a file is sent for is over: the group
// passes over what comes of its body.
func (x *sending) Start(serial uint64, head http1.Head, body http1.Piece) (over bool, err error) {
	if x.sent(serial, head) {
		return true, nil
	}
	return x.paged.Start(serial, head, body)
}

// sent reports whether the application has named a file; it is answered with that then,
// or that there is none. A head that is not well-formed is left for the engine to refuse.
func (x *sending) sent(serial uint64, head http1.Head) bool {
	// The engine's check, for what is passed on from here goes by other bounds.
	var parsed http1.ResponseHead
	if parsed.ParseResponseHead(head.Block, head.Count, head.MaxLine) != nil {
		return false
	}
	own := &said{line: string(parsed.Line)}
	var url, file string
	for _, f := range parsed.Fields {
		switch name := strings.ToLower(string(f.Name)); {
		case name == "x-accel-redirect":
			url = string(f.Value)
		case name == "x-sendfile":
			file = string(f.Value)
		case describesFile(name):
		case name == "location" && parsed.Status == 200: // no local redirect, then
		default:
			own.kind = own.kind || name == "content-type"
			own.cache = own.cache || name == "cache-control"
			addField(&own.fields, string(f.Name), string(f.Value))
		}
	}
	if url == "" && file == "" {
		return false
	}
	d := &delivery{
		to: x.sink, serial: serial, ask: x.ask, copied: x.copied, own: own,
		refuse: func(status int, text, fields string) {
			x.Error(serial, status, group.Page(status, text, x.id), group.IDField(x.id)+fields)
		},
	}
	opened, err := x.open(d, url, file)
	if err != nil {
		x.front.logger.Warn("cannot send the file that the application names", "request_id", x.id, "file", url+file, "err", err)
		d.refuse(404, "There is no such file.", "")
		return true
	}
	d.send(opened)
	return true
}

// describesFile names the fields that the file has itself, in lower case.
func describesFile(name string) bool {
	switch name {
	case "content-length", "content-encoding", "content-range", "etag", "last-modified", "accept-ranges":
		return true
	}
	return strings.HasPrefix(name, "x-accel-")
}

var errNotInternal = errors.New("it is not below any [[static]] with internal = true")

// open finds the file that a URL path leads to, or else a path in the file system.
func (x *sending) open(d *delivery, url, file string) (*openFile, error) {
	var path []byte
	for _, st := range x.files {
		found := st.named(url, file)
		if found != nil && (d.static == nil || len(st.path) > len(d.static.path)) {
			d.static, path = st, found
		}
	}
	if d.static == nil {
		return nil, errNotInternal
	}
	var codings []coding
	if d.static.siblings {
		codings = codingsOf(x.ask.fields)
	}
	return d.static.find(path, codings)
}

// named is the clean URL path of a file that an application names, nil for one that is
// not below st. A URL path is percent-encoded, and may have a query, which files have not.
func (st *static) named(url, file string) []byte {
	if url != "" {
		url, _, _ = strings.Cut(url, "?")
		path, err := cleanPath(nil, []byte(url))
		if err != nil || !bytes.HasPrefix(path, []byte(st.path+"/")) {
			return nil
		}
		return path
	}
	directory := strings.TrimSuffix(filepath.Clean(st.tree.directory), "/")
	rest, below := strings.CutPrefix(filepath.Clean(file), directory+"/")
	if !below {
		return nil
	}
	return []byte(st.path + "/" + rest)
}

// internalFiles are the static files of a host that only its applications can have sent;
// nil means none.
func internalFiles(v *site.Vhost) []*static {
	var all []*static
	for _, st := range v.Statics {
		if st.Internal {
			all = append(all, newStatic(st))
		}
	}
	return all
}
