package sd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// notifySocket sends datagrams to systemd. The descriptor is kept, so that a
// server without a free one is not taken for dead as well; the address is looked
// up for each datagram, so that it does not matter who listens there since when.
type notifySocket struct {
	fd int
	to unix.Sockaddr
}

func openNotifySocket(path string) (*notifySocket, error) {
	// "@" is for the abstract namespace (unix(7)), to x/sys/unix as well.
	if path[0] != '/' && path[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET=%s is neither a path nor an abstract socket", path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return &notifySocket{fd: fd, to: &unix.SockaddrUnix{Name: path}}, nil
}

func (s *notifySocket) send(message string, rights []byte) error {
	for {
		err := unix.Sendmsg(s.fd, []byte(message), rights, s.to, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return os.NewSyscallError("sendmsg", err)
		}
	}
}

func (s *notifySocket) close() error { return unix.Close(s.fd) }

// busy reports whether err says that there was no room: the receiver's queue is
// full, or the kernel short of memory.
func busy(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// maxStatus bounds a status, in bytes. systemd throws away datagrams beyond 4096
// bytes, and nobody reads a longer line.
const maxStatus = 500

// oneLine makes text what may stand in a line of a datagram and on a terminal:
// whatever does not print becomes a space, several of which become one. systemd
// refuses a status that is not UTF-8.
func oneLine(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || !strconv.IsPrint(r) })
	line := strings.ToValidUTF8(strings.Join(words, " "), string(utf8.RuneError))
	if len(line) <= maxStatus {
		return line
	}
	const more = "…"
	cut := maxStatus - len(more)
	for !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + more
}
