package front

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is a directory below which files are opened, and nothing outside of it, whatever
// the names and the links in it are.
type tree struct {
	directory string
	links     bool // symbolic links that stay below it are followed
	// openat2 is unix.Openat2; kernels before 5.6, and some filters of system calls,
	// have none.
	openat2 func(dir int, name string, how *unix.OpenHow) (int, error)
	kept    *kept
}

func newTree(directory string, links bool) tree {
	return tree{directory: directory, links: links, openat2: unix.Openat2, kept: new(kept)}
}

// openTree is a tree during one request: what directory is a link to may change.
type openTree struct {
	tree
	*openDirectory
}

func (t tree) open() (*openTree, error) {
	dir, err := t.kept.open(t.directory)
	if err != nil {
		return nil, err
	}
	return &openTree{t, dir}, nil
}

func (t *openTree) close() { t.kept.release(t.openDirectory) }

// renew opens the directory again, which another has taken the place of on a network file
// system without that showing. It reports whether there is one.
func (t *openTree) renew() bool {
	dir, err := t.kept.renew(t.openDirectory, t.tree.directory)
	if err != nil {
		return false
	}
	t.openDirectory = dir
	return true
}

// check reports what keeps the tree from being served at all.
func (t tree) check() error {
	dir, err := t.open()
	if err != nil {
		return fmt.Errorf("cannot open directory %s: %w", t.directory, err)
	}
	defer dir.close()
	if err := unix.Access(t.directory, unix.X_OK); err != nil {
		return fmt.Errorf("cannot open files in directory %s: %w", t.directory, err)
	}
	return nil
}

// file opens a regular file; name is relative and has no "..".
func (t *openTree) file(name string) (*openFile, error) {
	// O_NONBLOCK: a FIFO that nobody writes must not be waited for.
	fd, err := t.at(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, treeError(err)
	}
	return describe(fd)
}

// directory reports whether there is a directory; nil if so.
func (t *openTree) directory(name string) error {
	fd, err := t.at(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return treeError(err)
	}
	_ = unix.Close(fd)
	return nil
}

// at opens what is below the directory (openat2(2)).
func (t *openTree) at(name string, flags uint64) (int, error) {
	how := &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	if !t.links {
		how.Resolve |= unix.RESOLVE_NO_SYMLINKS
	}
	// EAGAIN: something was renamed meanwhile, and the kernel cannot rule out that ".." in
	// a link led outside. The other way can always tell.
	const attempts = 4
	for range attempts {
		fd, err := t.openat2(t.fd, name, how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.ESTALE:
			if t.renew() {
				continue
			}
		case unix.ENOSYS, unix.EPERM:
			return t.without(name, int(how.Flags))
		}
		return fd, err
	}
	return t.without(name, int(how.Flags))
}

// without is at for kernels that cannot resolve a path in bounds.
func (t *openTree) without(name string, flags int) (int, error) {
	if t.links {
		return t.resolve(name, flags)
	}
	return t.walk(name, flags)
}

// resolve leaves it to os.Root to follow links, which does so one by one.
func (t *openTree) resolve(name string, flags int) (int, error) {
	root, err := os.OpenRoot(t.tree.directory)
	if err != nil {
		return -1, rootError(err)
	}
	defer root.Close()
	file, err := root.OpenFile(name, flags, 0)
	if err != nil {
		return -1, rootError(err)
	}
	defer file.Close()
	return unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// rootError is the system's error; a path that leads outside has none of it.
func rootError(err error) error {
	if number := syscall.Errno(0); errors.As(err, &number) {
		return number
	}
	return unix.EXDEV
}

// walk opens part after part, none of which may be a link.
func (t *openTree) walk(name string, flags int) (int, error) {
	dir, owned := t.fd, false
	for {
		part, rest, more := strings.Cut(name, "/")
		step := flags
		if more {
			step = unix.O_PATH | unix.O_CLOEXEC
		}
		next, err := unix.Openat(dir, part, step|unix.O_NOFOLLOW, 0)
		if owned {
			_ = unix.Close(dir)
		}
		if err != nil || !more {
			return next, err
		}
		if isLink(next) {
			_ = unix.Close(next)
			return -1, unix.ELOOP
		}
		dir, owned, name = next, true, rest
	}
}

func isLink(fd int) bool {
	var stat unix.Stat_t
	return unix.Fstat(fd, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFLNK
}

// treeError says what an error means for a client. It does not tell whether there is
// something outside of the tree.
func treeError(err error) error {
	switch err {
	case unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG, unix.EINVAL, unix.ENXIO, unix.ENODEV:
		return errNoFile
	case unix.EACCES, unix.ELOOP, unix.EXDEV:
		return errForbidden
	}
	return fmt.Errorf("cannot open: %w", err)
}
