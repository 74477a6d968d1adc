package front

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/units/site"
)

// handler has files of a name answered by an application; one for each suffix.
type handler struct {
	suffix string
	path   string // of the URL, at or below which the files are, in the form of place.path
	to     *place // with the keys of the files
	// directory has the files; "" for that of the root.
	directory string
}

// newHandlers are those that files of a place can have, in the order in which they are
// looked at.
func newHandlers(s *site.Site, v *site.Vhost, p site.StaticPlace, groups map[string]*group.Group, numbers map[*site.Mount]int) []*handler {
	if p.Static.Internal {
		return nil
	}
	var all []*handler
	for _, h := range v.Handlers {
		if !h.Covers(p.Path) && !strings.HasPrefix(h.Path, prefix(p.Path)+"/") {
			continue
		}
		to := newPlace(s, site.Place{Path: p.Path, Mount: h.Run, Policy: p.Policy}, groups, numbers)
		directory := strings.TrimSuffix(filepath.Clean(p.Static.Directory), "/")
		for _, suffix := range h.Suffixes {
			all = append(all, &handler{suffix: suffix, path: prefix(h.Path), to: to, directory: directory})
		}
	}
	slices.SortStableFunc(all, func(a, b *handler) int {
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(len(b.suffix), len(a.suffix)))
	})
	return all
}

// handledFile is the file of a request that a handler answers.
type handledFile struct {
	*handler
	name string // below the directory
	path []byte // that leads to the file or through it
	end  int    // of what leads to it
}

// handlerOf is the handler for a file, whose URL path is given; nil for none.
func (st *static) handlerOf(path []byte) *handler {
	for _, h := range st.handlers {
		below := bytes.HasPrefix(path, []byte(h.path)) && len(path) > len(h.path) && path[len(h.path)] == '/'
		if bytes.HasSuffix(path, []byte(h.suffix)) && (below || string(path) == h.path) {
			return h
		}
	}
	return nil
}

// handled finds the file that a clean path leads to or through, if that has a handler; the
// first one counts. The index of a directory may be it, which needs no slash at its end if
// slash is true. Without one the error is errNoFile.
func (st *static) handled(path []byte, slash bool) (handledFile, error) {
	if len(st.handlers) == 0 { // also of an internal one
		return handledFile{}, errNoFile
	}
	file, err := st.onPath(path)
	if ended := bytes.HasSuffix(path, []byte("/")); err != errNoFile || st.index == "" || !ended && !slash {
		return file, err
	} else if !ended {
		path = append(bytes.Clone(path), '/')
	}
	if file, err = st.onPath(append(bytes.Clone(path), st.index...)); err == nil && file.end < len(file.path) {
		return handledFile{}, errNoFile
	}
	return file, err
}

// onPath is handled without an index.
func (st *static) onPath(path []byte) (handledFile, error) {
	start := len(st.path) + 1
	for end := start; end < len(path); end++ {
		if i := bytes.IndexByte(path[end:], '/'); i >= 0 {
			end += i
		} else {
			end = len(path)
		}
		h := st.handlerOf(path[:end])
		if h == nil {
			continue
		}
		switch err := st.isThere(path[start:end]); {
		case err == nil:
			return handledFile{h, string(path[start:end]), path, end}, nil
		case !errors.Is(err, errDirectory):
			return handledFile{}, err
		}
	}
	return handledFile{}, errNoFile
}

// isThere looks for a regular file below the directory.
func (st *static) isThere(name []byte) error {
	if bytes.IndexByte(name, 0) >= 0 || !st.hidden && hasHidden(name) {
		return errNoFile
	}
	dir, err := st.tree.open()
	if err != nil {
		return treeError(err)
	}
	defer dir.close()
	return dir.regular(string(name))
}

// regular reports whether there is a regular file; nil if so. It need not be readable.
func (t *openTree) regular(name string) error {
	fd, err := t.at(name, unix.O_PATH)
	if err != nil {
		return treeError(err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return treeError(err)
	}
	kind := stat.Mode & unix.S_IFMT
	if kind == unix.S_IFLNK { // without openat2(2) O_PATH opens the link itself
		if kind, err = t.linked(name); err != nil {
			return treeError(err)
		}
	}
	switch kind {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		return errDirectory
	}
	return errNoFile
}

// linked is what a symbolic link leads to, as a type of inode(7).
func (t *openTree) linked(name string) (uint32, error) {
	if !t.links {
		return 0, unix.ELOOP
	}
	root, err := os.OpenRoot(t.tree.directory)
	if err != nil {
		return 0, rootError(err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return 0, rootError(err)
	case info.Mode().IsRegular():
		return unix.S_IFREG, nil
	case info.IsDir():
		return unix.S_IFDIR, nil
	}
	return 0, nil
}

// fileOrApplication serves static files. done is false if the request is for an
// application instead, or with a status to be answered otherwise.
func (s *session) fileOrApplication() (done bool, status int, text, fields string) {
	slashed := s.rewritten != nil && bytes.HasSuffix(s.rewritten.oldPath, []byte("/"))
	switch file, err := s.place.static.handled(s.path, slashed); err {
	case nil:
		s.path, s.file, s.place = append(s.path[:0], file.path...), file, file.to
		return false, 0, "", ""
	case errNoFile:
	default:
		status, text = s.front.noFile(err, string(s.id))
		return false, status, text, ""
	}
	if s.serveFile() {
		return true, 0, "", ""
	}
	status, text, fields = s.fallBack()
	return false, status, text, fields
}

// handledFileKey has the path of the file that a handler answers for, for the Python
// program, which takes it out of the environ.
const handledFileKey = "wsgid.file"

// split parts the path of the file: SCRIPT_NAME ends with it.
func (f *handledFile) split() (script, rest []byte) { return f.path[:f.end], f.path[f.end:] }

// append says which file a handler is to answer for; there may be none.
func (f *handledFile) append(e *environ) {
	if f.handler == nil {
		return
	}
	e.b = append(append(e.b, handledFileKey+"\x00"...), f.directory...)
	e.b = append(append(append(e.b, '/'), f.name...), 0)
	e.add("mod_wsgi.request_handler", f.suffix[1:])
}
