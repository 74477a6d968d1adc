package sd

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstDescriptor is where the descriptors begin (SD_LISTEN_FDS_START,
// sd_listen_fds(3)).
const firstDescriptor = 3

// Sockets are the descriptors that systemd passed and that nobody has taken
// yet, by the names that FileDescriptorName= of their socket units gave them.
type Sockets struct {
	byName map[string][]int
}

// TakeSockets takes over the descriptors that systemd passed; there may be none.
// It is to be called once and early: it relies on nobody having opened or closed
// descriptors of these numbers. No program that is started later inherits them,
// or with os.Unsetenv the variables.
func TakeSockets(getenv func(string) string, unsetenv func(string) error) (*Sockets, error) {
	byName, err := passed(getenv)
	for _, variable := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		err = errors.Join(err, unsetenv(variable))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the sockets that systemd passed: %w", err)
	}
	return &Sockets{byName: byName}, nil
}

func passed(getenv func(string) string) (map[string][]int, error) {
	// What was meant for another process is none of ours: a parent's, if it did
	// not clean up.
	mine, err := isForThisProcess(getenv, "LISTEN_PID")
	if err != nil || !mine {
		return nil, err
	}
	text := getenv("LISTEN_FDS")
	if text == "" {
		return nil, nil
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 || count > math.MaxInt32-firstDescriptor {
		return nil, fmt.Errorf("LISTEN_FDS=%s is no number of descriptors", text)
	}
	names, err := descriptorNames(getenv("LISTEN_FDNAMES"), count)
	if err != nil {
		return nil, err
	}
	byName := map[string][]int{}
	for i, name := range names {
		fd := firstDescriptor + i
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("descriptor %d (%s): %w", fd, name, err)
		}
		byName[name] = append(byName[name], fd)
	}
	return byName, nil
}

func descriptorNames(text string, count int) ([]string, error) {
	if text == "" {
		return slices.Repeat([]string{"unknown"}, count), nil // as sd_listen_fds(3) has it
	}
	names := strings.Split(text, ":")
	if len(names) != count {
		return nil, fmt.Errorf("LISTEN_FDNAMES=%s does not name %d descriptors", text, count)
	}
	return names, nil
}

// Listeners takes the sockets of a name, which must be there and listen for
// streams, in TCP or UNIX. They come sorted by address. Closing one closes this
// process's copy: systemd listens on.
func (s *Sockets) Listeners(name string) ([]net.Listener, error) {
	return s.take(name, "a TCP or UNIX stream socket that listens", unix.AF_INET, unix.AF_INET6, unix.AF_UNIX)
}

// UnixListener takes the one socket of a name, which must be a UNIX stream
// socket that listens.
func (s *Sockets) UnixListener(name string) (*net.UnixListener, error) {
	if n := len(s.byName[name]); n > 1 {
		return nil, fmt.Errorf("cannot take the socket %q: systemd passed %d of that name, and one is expected", name, n)
	}
	listeners, err := s.take(name, "a UNIX stream socket that listens", unix.AF_UNIX)
	if err != nil {
		return nil, err
	}
	return listeners[0].(*net.UnixListener), nil
}

// Discard closes what nobody has taken and returns the names, sorted, each as
// often as it was passed.
func (s *Sockets) Discard() []string {
	names := s.names()
	for _, fds := range s.byName {
		closeAll(fds)
	}
	s.byName = nil
	return names
}

func (s *Sockets) names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		names = append(names, slices.Repeat([]string{name}, len(s.byName[name]))...)
	}
	return names
}

func (s *Sockets) take(name, expected string, families ...int) ([]net.Listener, error) {
	fds := s.byName[name]
	if len(fds) == 0 {
		return nil, s.missing(name)
	}
	delete(s.byName, name)
	var listeners []net.Listener
	for i, fd := range fds {
		l, err := listener(os.NewFile(uintptr(fd), name), families)
		if err != nil {
			closeAll(fds[i+1:])
			for _, l := range listeners {
				err = errors.Join(err, l.Close())
			}
			return nil, fmt.Errorf("cannot take the socket %q (descriptor %d): %w, but %s is expected", name, fd, err, expected)
		}
		listeners = append(listeners, l)
	}
	slices.SortFunc(listeners, func(a, b net.Listener) int {
		return strings.Compare(a.Addr().Network()+" "+a.Addr().String(), b.Addr().Network()+" "+b.Addr().String())
	})
	return listeners, nil
}

func (s *Sockets) missing(name string) error {
	if len(s.byName) == 0 {
		return fmt.Errorf("cannot take the socket %q: systemd passed none", name)
	}
	return fmt.Errorf("cannot take the socket %q: systemd passed only %s\nhint: the socket unit needs FileDescriptorName=%s",
		name, strings.Join(s.names(), ", "), name)
}

// listener makes a listener of file, which it closes. The error says what file
// is instead.
func listener(file *os.File, families []int) (net.Listener, error) {
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var kindErr error
	if err := raw.Control(func(fd uintptr) { kindErr = checkListens(int(fd), families) }); err != nil {
		return nil, err
	}
	if kindErr != nil {
		return nil, kindErr
	}
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if l, ok := l.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // the path is systemd's
	}
	return l, nil
}

func checkListens(fd int, families []int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return errors.New("it is no socket")
	}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case !slices.Contains(families, family):
		return errors.New("it is " + familyName(family))
	case kind == unix.SOCK_DGRAM:
		return errors.New("it is a datagram socket")
	case kind != unix.SOCK_STREAM:
		return fmt.Errorf("it is a socket of type %d", kind)
	case listens == 0:
		return errors.New("it does not listen (is Accept=yes set?)")
	}
	return nil
}

func familyName(family int) string {
	switch family {
	case unix.AF_INET, unix.AF_INET6:
		return "an IP socket"
	case unix.AF_UNIX:
		return "a UNIX socket"
	case unix.AF_VSOCK:
		return "a vsock socket"
	}
	return fmt.Sprintf("a socket of address family %d", family)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
