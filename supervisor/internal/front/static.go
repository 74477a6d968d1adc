package front

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

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
	internal bool   // only an application can have a file sent
	handlers []*handler
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
		path: prefix(st.Path), index: st.Index, siblings: st.Precompressed, hidden: st.HiddenFiles, fallback: st.Fallback, internal: st.Internal,
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
	if st.internal {
		s.answer(404, "There is no such file.", "")
		return true
	}
	if method := s.conn.Request.Method; string(method) != "GET" && string(method) != "HEAD" {
		if !st.fallback {
			s.answer(405, "Files can be asked for with GET and HEAD only.", "Allow: GET, HEAD\r\n")
		}
		return !st.fallback
	}
	var codings []coding
	if st.siblings {
		codings = codingsOf(s.conn.Request.Fields)
	}
	file, err := st.find(s.path, codings)
	if err == errDirectory && s.rewritten != nil && bytes.HasSuffix(s.rewritten.oldPath, []byte("/")) {
		file, err = st.find(append(s.path, '/'), codings) // the client has the slash already
	}
	switch {
	case err == nil:
		s.delivery().send(file)
	case st.fallback && (err == errNoFile || err == errNoIndex):
		return false
	case err == errDirectory:
		s.redirectToDirectory()
	default:
		status, text := s.front.noFile(err, string(s.id))
		s.answer(status, text, "")
	}
	return true
}

// noFile is the answer to a request for a file that there is none to send for.
func (f *Front) noFile(err error, id string) (status int, text string) {
	switch err {
	case errNoFile, errDirectory:
		return 404, "There is no such file."
	case errNoIndex:
		return 403, "Directories are not listed."
	case errForbidden:
		return 403, "The file may not be read."
	}
	f.logger.Error("cannot open a static file", "request_id", id, "err", err)
	return 500, "The file cannot be read."
}

func (s *session) delivery() *delivery {
	r, ask := &s.conn.Response, askedBy(&s.conn.Request)
	return &delivery{
		to: s.front.compressing(r, s.place, &ask), serial: r.Serial(), static: s.place.static, copied: !s.place.policy.Sendfile, refuse: s.answer,
		ask: ask,
	}
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
	path := s.path
	if s.rewritten != nil {
		path = s.rewritten.oldPath
	}
	b := append(appendEscapedPath([]byte("Location: ./"), path[bytes.LastIndexByte(path, '/')+1:]), '/')
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
