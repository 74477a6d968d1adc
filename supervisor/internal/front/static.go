package front

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// static are files that the front end serves itself.
//
// They are opened where requests are read, as nginx does it: what the kernel has in memory
// is sent at once, and what the disk has to bring by a goroutine of its own.
type static struct {
	path     string // of the URL, in the form of place.path
	index    string // "" for none
	cache    string // Cache-Control; "" for none
	siblings bool   // FILE.br and FILE.gz are looked for
	hidden   bool   // names that begin with a dot are served
	fallback bool   // what is not there is the application's
	tree     tree
}

// checkStatic reports the directories that cannot be served at all.
func checkStatic(s *site.Site) error {
	var errs []error
	for _, dir := range s.StaticDirectories() {
		if err := newTree(dir.Path, true).check(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func newStatic(st *site.Static) *static {
	s := &static{
		path: prefix(st.Path), index: st.Index, siblings: st.Precompressed, hidden: st.HiddenFiles, fallback: st.Fallback,
		tree: newTree(st.Directory, st.Symlinks == site.SymlinksInside),
	}
	if st.Expires > 0 {
		s.cache = "max-age=" + strconv.FormatInt(int64(st.Expires/time.Second), 10)
	}
	return s
}

// serveFile answers a request for static files. It reports whether it has; false leaves
// the request to the application.
func (s *session) serveFile() bool {
	st := s.place.static
	if method := s.conn.Request.Method; string(method) != "GET" && string(method) != "HEAD" {
		if !st.fallback {
			s.answer(405, "Files can be asked for with GET and HEAD only.", "Allow: GET, HEAD\r\n")
		}
		return !st.fallback
	}
	var codings []coding
	if st.siblings {
		codings = s.codings()
	}
	file, err := st.find(s.path, codings)
	switch {
	case err == nil:
		s.sendFile(file)
	case st.fallback && (err == errNoFile || err == errNoIndex):
		return false
	case err == errNoFile:
		s.answer(404, "There is no such file.", "")
	case err == errNoIndex:
		s.answer(403, "Directories are not listed.", "")
	case err == errDirectory:
		s.redirectToDirectory()
	case err == errForbidden:
		s.answer(403, "The file may not be read.", "")
	default:
		s.front.logger.Error("cannot open a static file", "request_id", string(s.id), "err", err)
		s.answer(500, "The file cannot be read.", "")
	}
	return true
}

// fallBack takes a request for which there is no file to the place that it would go to
// without the static files; status is not 0 if that refuses it.
func (s *session) fallBack() (status int, text, fields string) {
	s.place = s.vhost.places.apps.find(s.path)
	s.believe()
	status, text, fields = s.refusal()
	s.conn.Response.SetFields(nil)
	s.addFields()
	return status, text, fields
}

// redirectToDirectory adds the slash that the relative links of an index need. The
// address is relative to that of the request, which a proxy may have shortened, and cannot
// lead to another host.
func (s *session) redirectToDirectory() {
	b := []byte("Location: ./")
	for _, c := range s.path[bytes.LastIndexByte(s.path, '/')+1:] {
		if isUnreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	b = append(b, '/')
	if query := s.conn.Request.Query; query != nil {
		b = append(append(b, '?'), query...)
	}
	s.answer(301, "The address of a directory ends with a slash.", string(append(b, '\r', '\n')))
}

const upperHex = "0123456789ABCDEF"

// isUnreserved names the characters that a URL has as they are (RFC 3986, 2.3).
func isUnreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("-._~", c) >= 0
}

// sendFile answers with a file, with the part of it that is asked for, or that the client
// has it already. It owns the file.
func (s *session) sendFile(f *openFile) {
	st, req := s.place.static, &s.conn.Request
	var head http1.Head
	switch s.precondition(f) {
	case 412:
		f.close()
		s.answer(412, "The file is not the one that the request is for.", "")
		return
	case 304:
		head = newHead("304 Not Modified")
		f.addValidators(&head, st)
		f.close()
		s.complete(head, http1.Piece{})
		return
	}
	part := span{0, f.size}
	line := "200 OK"
	if asked, outcome := s.askedRange(f); outcome == unsatisfiable {
		f.close()
		s.answer(416, "The file is not that long.", "Content-Range: bytes */"+strconv.FormatInt(f.size, 10)+"\r\n")
		return
	} else if outcome == satisfiable {
		part, line = asked, "206 Partial Content"
	}
	head = newHead(line)
	addField(&head, "Content-Type", f.kind)
	if f.coding != "" {
		addField(&head, "Content-Encoding", f.coding)
	}
	f.addValidators(&head, st)
	if line[2] == '6' {
		addField(&head, "Content-Range", part.of(f.size))
	} else {
		addField(&head, "Accept-Ranges", "bytes")
	}
	addField(&head, "Content-Length", strconv.FormatInt(part.length(), 10))
	if string(req.Method) == "HEAD" || part.length() == 0 {
		f.close()
		s.complete(head, http1.Piece{})
		return
	}
	s.sendPart(f, head, part)
}

// addValidators adds what a 304 has, too (RFC 9110, 15.4.5).
func (f *openFile) addValidators(head *http1.Head, st *static) {
	addField(head, "ETag", f.etag)
	if f.dated {
		addField(head, "Last-Modified", f.modified.UTC().Format(httpDate))
	}
	if st.cache != "" {
		addField(head, "Cache-Control", st.cache)
	}
	if st.siblings {
		addField(head, "Vary", "Accept-Encoding")
	}
}

// httpDate is the form of dates (RFC 9110, 5.6.7).
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func newHead(line string) http1.Head {
	const longest = 64 << 10 // of a field line; none of these comes near
	return http1.Head{Block: append(make([]byte, 0, 512), line...), MaxLine: longest}
}

// complete ends the exchange with a head of this program's own, which is well-formed.
func (s *session) complete(head http1.Head, body http1.Piece) {
	r := &s.conn.Response
	serial := r.Serial()
	if r.Complete(serial, head, body) != nil {
		r.Abort(serial) // nothing for a client that has gone
	}
}

// atOnce is the largest part of a file that is sent together with the head, in bytes.
const atOnce = 64 << 10

// headSpace is what stands before a body, so that the head can be put there, in bytes.
const headSpace = 2 << 10

// sendPart sends head and body: by one write if the kernel has them in memory, else with
// sendfile(2).
func (s *session) sendPart(f *openFile, head http1.Head, part span) {
	if n := int(part.length()); part.length() <= atOnce {
		buffer := copyBuffers.Get().(*[copySize]byte)
		defer copyBuffers.Put(buffer)
		if f.readCached(buffer[headSpace:headSpace+n], part.first) {
			f.close()
			s.complete(head, http1.Piece{Buf: buffer[:], Start: headSpace, End: headSpace + n})
			return
		}
	}
	r := &s.conn.Response
	serial := r.Serial()
	r.SetCopyFiles(!s.place.policy.Sendfile)
	if _, err := r.Start(serial, head, http1.Piece{}); err != nil {
		f.close()
		r.Abort(serial)
		return
	}
	if r.SendFile(serial, f.give(), part.first, part.length()) == nil {
		_ = r.End(serial) // the response has ended if it cannot
	}
}
