package logs

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// journalSocket is where journald takes records in its native protocol.
const journalSocket = "/run/systemd/journal/socket"

// identifier is what journalctl shows before the message: as for the lines that
// systemd itself reads from the program's streams.
const identifier = "wsgid"

// maxFieldName bounds a field's name, in bytes: journald drops longer ones.
const maxFieldName = 64

// journal sends records to journald. It may be used from several goroutines.
type journal struct {
	path   string
	socket *os.File
}

func openJournal(path string) (*journal, error) {
	// It is a blocking socket, used without blocking: the runtime's poller, which
	// nobody waits at, would be woken whenever journald has read a record.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// As large as the system permits (net.core.wmem_max): a burst of records must
	// fit until journald gets to them.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<20)
	return &journal{path: path, socket: os.NewFile(uintptr(fd), path)}, nil
}

// send sends a record, in a file if it is too large for a datagram. It does not
// wait.
func (j *journal) send(record []byte) error {
	err := j.sendDatagram(record, nil)
	if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
		return j.sendFile(record)
	}
	return err
}

func (j *journal) sendDatagram(record, rights []byte) error {
	raw, err := j.socket.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		for sendErr = unix.EINTR; sendErr == unix.EINTR; {
			// The address is looked up each time, and is not shared, because x/sys/unix
			// writes into it.
			sendErr = unix.Sendmsg(int(fd), record, rights, &unix.SockaddrUnix{Name: j.path}, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		}
	})
	return errors.Join(err, os.NewSyscallError("sendmsg", sendErr))
}

// sendFile passes the record as the content of a sealed memory file: then nobody
// can change it while journald, which checks for exactly these seals, reads it.
func (j *journal) sendFile(record []byte) error {
	fd, err := unix.MemfdCreate("wsgid-log-record", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "log record")
	defer file.Close()
	if _, err := file.Write(record); err != nil {
		return err
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return j.sendDatagram(nil, unix.UnixRights(fd))
}

// encode makes a record of the native protocol. fields are encoded already.
func encode(level slog.Level, message string, fields []byte) []byte {
	b := make([]byte, 0, len(message)+len(fields)+128)
	b = appendField(b, "MESSAGE", message)
	b = appendField(b, "PRIORITY", strconv.Itoa(priority(level)))
	b = appendField(b, "SYSLOG_IDENTIFIER", identifier)
	b = appendField(b, "SYSLOG_FACILITY", "3") // daemon, as journald has it for streams
	return append(b, fields...)
}

// priority is that of syslog(3).
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}

func appendAttrFields(b []byte, prefix string, a slog.Attr) []byte {
	eachAttr(prefix, a, func(key, text string) { b = appendField(b, fieldName(key), text) })
	return b
}

// appendField appends NAME=value, or, where the value has line breaks, the form
// with a length.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		b = append(b, '=')
	} else {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	}
	b = append(b, value...)
	return append(b, '\n')
}

// fieldName makes a key one that journald accepts: capitals, digits and
// underscores, first a capital. Names that mean something else to the journal
// get a prefix.
func fieldName(key string) string {
	if key == "pid" {
		return "WORKER_PID"
	}
	name := strings.TrimLeft(strings.Map(fieldRune, key), "_")
	if name == "" || name[0] <= '9' || reserved(name) {
		name = "WSGID_" + name
	}
	return name[:min(len(name), maxFieldName)]
}

func fieldRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return r - 'a' + 'A'
	case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return r
	}
	return '_'
}

// reserved reports whether systemd.journal-fields(7) gives the name a meaning
// that no attribute has.
func reserved(name string) bool {
	switch name {
	case "MESSAGE", "MESSAGE_ID", "PRIORITY":
		return true
	}
	return strings.HasPrefix(name, "SYSLOG_") || strings.HasPrefix(name, "OBJECT_")
}
