package front

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Why there is no file to send.
var (
	errNoFile    = errors.New("there is no such file")
	errNoIndex   = errors.New("the directory has no index")
	errDirectory = errors.New("the file is a directory")
	errForbidden = errors.New("the file may not be read")
)

// openFile is a regular file that is to be sent.
type openFile struct {
	fd       int
	size     int64
	modified time.Time // to the second
	dated    bool      // modified is in the past, so that it can be told
	etag     string
	kind     string // Content-Type
	coding   string // Content-Encoding; "" for none
}

func (f *openFile) close() { _ = unix.Close(f.fd) }

// give is the descriptor for somebody who owns it from now on.
func (f *openFile) give() int { return f.fd }

// readCached fills p from offset on if the kernel has all of that in memory.
func (f *openFile) readCached(p []byte, offset int64) bool {
	n, err := unix.Preadv2(f.fd, [][]byte{p}, offset, unix.RWF_NOWAIT)
	return err == nil && n == len(p)
}

// find opens the file for a clean path, or a compressed one in its place; codings are
// those that the client takes, the best first.
func (st *static) find(path []byte, codings []coding) (*openFile, error) {
	rest := path[len(st.path):]
	if bytes.IndexByte(rest, 0) >= 0 || !st.hidden && hasHidden(rest) {
		return nil, errNoFile
	}
	dir, err := st.tree.open()
	if err != nil {
		return nil, treeError(err) // that of the start has told why
	}
	defer dir.close()
	name := string(bytes.Trim(rest, "/"))
	if len(rest) > 0 && rest[len(rest)-1] == '/' {
		return st.findIndex(dir, name, codings)
	}
	file, err := dir.file(orDot(name))
	if errors.Is(err, errDirectory) && st.fallback {
		index, err := st.findIndex(dir, name, nil)
		if err != nil {
			return nil, err
		}
		index.close()
	}
	if err != nil {
		return nil, err
	}
	return file.best(dir, name, codings), nil
}

// findIndex is find for a directory.
func (st *static) findIndex(dir *openTree, name string, codings []coding) (*openFile, error) {
	if st.index != "" {
		index := st.index
		if name != "" {
			index = name + "/" + st.index
		}
		file, err := dir.file(index)
		switch {
		case err == nil:
			return file.best(dir, index, codings), nil
		case !errors.Is(err, errNoFile) && !errors.Is(err, errDirectory):
			return nil, err
		}
	}
	if err := dir.directory(orDot(name)); err != nil {
		return nil, err
	}
	return nil, errNoIndex
}

// best is the file, named for its type, or the compressed one in its place that the
// client likes best.
func (f *openFile) best(dir *openTree, name string, codings []coding) *openFile {
	f.kind = contentType(name)
	for _, c := range codings {
		if c.name == "" {
			return f // as it is
		}
		other, err := dir.file(name + c.ending)
		if err != nil {
			continue
		}
		if other.modified.Before(f.modified) {
			other.close() // made of an earlier one
			continue
		}
		f.close()
		other.kind, other.coding = f.kind, c.name
		return other
	}
	return f
}

func orDot(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// hasHidden reports whether a part of a path begins with a dot.
func hasHidden(path []byte) bool {
	return len(path) > 0 && path[0] == '.' || bytes.Contains(path, []byte("/."))
}

// describe makes a file of what is open; it owns fd.
func describe(fd int) (*openFile, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		_ = unix.Close(fd)
		return nil, errDirectory
	default:
		_ = unix.Close(fd)
		return nil, errNoFile
	}
	seconds, nanoseconds := stat.Mtim.Unix()
	modified := time.Unix(seconds, 0)
	return &openFile{
		fd: fd, size: stat.Size, modified: modified, dated: modified.Before(time.Now()),
		etag: makeTag(stat.Ino, seconds, nanoseconds, stat.Size),
	}, nil
}

// makeTag is a strong entity tag (RFC 9110, 8.8.3): a file that is replaced has another
// inode, one that is written to another time.
func makeTag(inode uint64, seconds, nanoseconds, size int64) string {
	b := append(make([]byte, 0, 64), '"')
	b = append(strconv.AppendUint(b, inode, 16), '-')
	b = append(strconv.AppendInt(b, seconds, 16), '.')
	b = append(strconv.AppendInt(b, nanoseconds, 16), '-')
	return string(append(strconv.AppendInt(b, size, 16), '"'))
}
