package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// isStream reports whether w is the stream whose device and inode number
// journalStream has (JOURNAL_STREAM, systemd.exec(5)). That the variable is set
// is not enough: it is inherited, also by programs whose streams go elsewhere.
func isStream(w io.Writer, journalStream string) bool {
	file, ok := w.(*os.File)
	if !ok || journalStream == "" {
		return false
	}
	var stat unix.Stat_t
	err := control(file, func(fd int) error { return unix.Fstat(fd, &stat) })
	return err == nil && journalStream == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// withoutWaiting returns a writer to w whose Write does not wait for room if w
// is a socket, as a stream of the journal is.
func withoutWaiting(w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	var stat unix.Stat_t
	err := control(file, func(fd int) error { return unix.Fstat(fd, &stat) })
	if err != nil || stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return w
	}
	return &hastyWriter{file: file}
}

// hastyWriter writes lines to a stream socket and gives up on what there is no
// room for. The socket may be shared with other programs, so it is not made
// non-blocking.
type hastyWriter struct {
	file *os.File
	torn bool // the last line went out in part
}

// Write implements io.Writer. After an error the text is lost, in part or in
// whole.
func (h *hastyWriter) Write(text []byte) (int, error) {
	if h.torn {
		if n, err := h.send([]byte("\n")); n == 0 {
			return 0, err
		}
		h.torn = false
	}
	n, err := h.send(text)
	h.torn = n > 0 && n < len(text)
	if n < len(text) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

func (h *hastyWriter) send(text []byte) (int, error) {
	n := 0
	err := control(h.file, func(fd int) error {
		for {
			var err error
			n, err = unix.SendmsgN(fd, text, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			if err != unix.EINTR {
				return os.NewSyscallError("sendmsg", err)
			}
		}
	})
	return max(n, 0), err
}

// control calls f with the descriptor, which os.File.Fd could make a blocking
// one.
func control(file syscall.Conn, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) { callErr = f(int(fd)) })
	return errors.Join(err, callErr)
}
