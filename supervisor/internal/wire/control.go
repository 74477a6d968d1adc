package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// MaxMessage bounds a control message, in bytes.
const MaxMessage = 1 << 20

// maxDescriptors is what one message may carry; the kernel's own limit is 253
// (SCM_MAX_FD, unix(7)).
const maxDescriptors = 253

// MessageType names a control message.
type MessageType string

// What a leader tells the supervisor.
const (
	ProcessStarted MessageType = "process-started" // Process, PID, Text: Python version
	ThreadsOffered MessageType = "threads"         // Process, Index of the first, ThreadDescriptors each
	ThreadIdent    MessageType = "thread-ident"    // Process, Index, Text: the ident in stack dumps
	ProcessReady   MessageType = "process-ready"   // Process: imported, all threads offered
	ProcessFailed  MessageType = "process-failed"  // Process, Text: why it could not start, Status: what to answer, 0 for the usual
	ProcessExited  MessageType = "process-exited"  // Process, PID, Text: the cause
	Stacks         MessageType = "stacks"          // Process, Text: what the fault handler wrote
	FilesLoaded    MessageType = "files"           // Files: source files, in watch mode
	GroupReady     MessageType = "group-ready"     // every process is ready for the first time
	// Hello is a leader's first message. Version is LinkVersion, PID the
	// leader's, Generation what it has been to a supervisor before, Process the
	// number of its newest process (both 0 when there is none), Text what its site
	// file has the processes load (site.LoadedFiles), and the one
	// descriptor a socket that the leader made: SO_PEERCRED of it says as whom the
	// leader runs, which that of a socket made by systemd does not.
	Hello MessageType = "hello"
	// Expired asks the supervisor to retire Process; Text is the reason.
	Expired MessageType = "expired"
	// ScriptChanged says that a script of the group is another now, where
	// script-reloading is on: the supervisor brings up another generation.
	ScriptChanged MessageType = "script-changed"
	// Forbidden says that the group's script may not be executed any more, and Text
	// why: its owner is not who script-user or script-group says. Without Text it may.
	Forbidden MessageType = "forbidden"
	// Metrics asks for the figures of the group, for a Process; the supervisor answers
	// with the same Process and Index, and Text: a JSON object. It does not answer
	// where the site file does not allow that.
	Metrics MessageType = "metrics"
	// Leaving says that the leader was told to end, by systemd for example: the
	// supervisor brings up another generation and then shuts this one down.
	Leaving MessageType = "leaving"
)

// ThreadDescriptors is how many a thread's connection has: that to which requests
// are written, that of the stream, and a copy of that from which the thread receives
// requests, in this order.
const ThreadDescriptors = 3

// LogRecords is the one message on the socket that came with Attach: Records. They
// have a socket of their own so that nothing else waits for them.
const LogRecords MessageType = "log-records"

// LinkVersion is the version of everything that a supervisor and a leader say
// to each other. They may come from different installations of wsgid.
const LinkVersion = 2

// What the supervisor tells a leader.
const (
	// Replace has the leader start another process; the supervisor sends
	// StopProcess for the old one once its requests are done.
	Replace MessageType = "replace"
	// StopProcess ends one process: gracefully within the group's
	// shutdown-timeout, then by SIGKILL. Kill skips the graceful part. Text is why.
	StopProcess MessageType = "stop-process"
	// Shutdown ends every process, as StopProcess does, and then the leader. It
	// may be sent again with Kill.
	Shutdown MessageType = "shutdown"
	// DumpStacks asks for Stacks.
	DumpStacks MessageType = "dump-stacks"
	// Interrupt has a Process raise mod_wsgi.RequestTimeout in the thread Index, if
	// that still has the request whose id is Text, and make a new connection for it
	// when the request is over.
	Interrupt MessageType = "interrupt"
	// Attach is a supervisor's first message, with the Generation that the leader
	// is from now on. The leader answers with what it has: ProcessStarted,
	// ThreadsOffered, ThreadIdent and ProcessReady of each process, and GroupReady
	// if it has been ready. A connection that ends without Shutdown leaves the
	// processes warm for orphan-timeout. With a descriptor, that of a stream socket,
	// the supervisor wants the log records about processes: see LogRecords.
	Attach MessageType = "attach"
	// Retire says that the leader's generation gets no more requests: it ends
	// with the connection, without waiting for another supervisor.
	Retire MessageType = "retire"
)

// Message is one control message. Fields that its type does not name are zero.
type Message struct {
	Type       MessageType `json:"type"`
	Process    int         `json:"process,omitempty"` // number of the process in its leader's life, from 1
	PID        int         `json:"pid,omitempty"`
	Index      int         `json:"index,omitempty"` // thread, from 0
	Kill       bool        `json:"kill,omitempty"`
	Version    int         `json:"version,omitempty"`
	Generation int         `json:"generation,omitempty"`
	Text       string      `json:"text,omitempty"`
	Status     int         `json:"status,omitempty"` // of HTTP
	Files      []string    `json:"files,omitempty"`
	Records    []Record    `json:"records,omitempty"`
	// Descriptors travel beside the message. The receiver owns them and must
	// close each; the sender keeps its own.
	Descriptors []int `json:"-"`
	Attached    int   `json:"attached,omitempty"` // how many descriptors come with it
}

// Record is a log record about a process.
type Record struct {
	Time  time.Time  `json:"time"`
	Level slog.Level `json:"level"`
	Text  string     `json:"text"`
	Attrs []string   `json:"attrs,omitempty"` // keys and values in turn
}

// Conn carries control messages over a stream socket. Send may be called from
// several goroutines; Receive from one.
type Conn struct {
	conn *net.UnixConn
	send sync.Mutex
	in   []byte // received, not yet consumed
	fds  []int  // received, not yet handed out
}

// NewConn takes over conn.
func NewConn(conn *net.UnixConn) *Conn { return &Conn{conn: conn} }

// Close closes the socket. It may be called from any goroutine and ends a
// Receive that waits.
func (c *Conn) Close() error { return c.conn.Close() }

// Discard closes the descriptors that arrived and were not handed out. Only
// the goroutine that calls Receive may call it, after its last Receive.
func (c *Conn) Discard() {
	CloseAll(c.fds)
	c.fds = nil
}

// Send writes m with its descriptors. A message beyond MaxMessage is refused,
// and nothing of it sent.
func (c *Conn) Send(m Message) error {
	if len(m.Descriptors) > maxDescriptors {
		return fmt.Errorf("cannot send %d descriptors in one message: the limit is %d", len(m.Descriptors), maxDescriptors)
	}
	m.Attached = len(m.Descriptors)
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("cannot encode control message %s: %w", m.Type, err)
	}
	if len(text) > MaxMessage {
		return fmt.Errorf("cannot send control message %s of %d bytes: the limit is %d", m.Type, len(text), MaxMessage)
	}
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	frame = append(frame, text...)
	var rights []byte
	if len(m.Descriptors) > 0 {
		rights = unix.UnixRights(m.Descriptors...)
	}
	c.send.Lock()
	defer c.send.Unlock()
	n, _, err := c.conn.WriteMsgUnix(frame, rights, nil)
	if err == nil && n < len(frame) {
		_, err = c.conn.Write(frame[n:])
	}
	if err != nil {
		return fmt.Errorf("cannot send control message %s: %w", m.Type, err)
	}
	return nil
}

// Receive returns the next message. It returns io.EOF when the peer has closed
// the connection between two messages, whether or not it had read everything,
// and io.ErrUnexpectedEOF when it has amid one. After an error the connection
// is of no use any more.
func (c *Conn) Receive() (Message, error) {
	var m Message
	size, err := c.need(4)
	if err != nil {
		if len(c.in) > 0 {
			err = noEOF(err)
		}
		return m, err
	}
	length := binary.LittleEndian.Uint32(size)
	if length > MaxMessage {
		return m, fmt.Errorf("cannot accept a control message of %d bytes: the limit is %d", length, MaxMessage)
	}
	frame, err := c.need(4 + int(length))
	if err != nil {
		return m, noEOF(err)
	}
	if err := json.Unmarshal(frame[4:], &m); err != nil {
		return m, fmt.Errorf("cannot decode control message: %w", err)
	}
	c.in = c.in[4+length:]
	if err := c.attach(&m); err != nil {
		return Message{}, err
	}
	return m, nil
}

// attach gives m the descriptors that came with it. While nothing of another
// message has arrived these must be all there are; the next message must not
// get what this one kept silent about.
func (c *Conn) attach(m *Message) error {
	n := m.Attached
	if n < 0 || n > len(c.fds) || n < len(c.fds) && len(c.in) == 0 {
		return fmt.Errorf("cannot accept control message %s: %d descriptors announced, %d arrived", m.Type, n, len(c.fds))
	}
	if n > 0 {
		m.Descriptors, c.fds = c.fds[:n:n], c.fds[n:]
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// need returns the first n unread bytes, reading as many as it takes.
func (c *Conn) need(n int) ([]byte, error) {
	for len(c.in) < n {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	return c.in[:n], nil
}

func (c *Conn) fill() error {
	chunk := make([]byte, 64<<10)
	oob := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, oobn, flags, _, err := c.conn.ReadMsgUnix(chunk, oob)
	if fdErr := c.keepDescriptors(oob[:oobn], flags); fdErr != nil {
		return fdErr
	}
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		// A reset is an end too: the peer closed with messages of ours unread.
		return io.EOF
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return io.EOF
	}
	c.in = append(c.in, chunk[:n]...)
	return nil
}

// keepDescriptors takes what came with a read. One read ends behind the bytes
// that descriptors came with (unix(7)), so what is pending belongs to the
// message being read and at most to the next.
func (c *Conn) keepDescriptors(oob []byte, flags int) error {
	fds, err := ParseDescriptors(oob)
	c.fds = append(c.fds, fds...)
	switch {
	case err != nil:
		return err
	case flags&unix.MSG_CTRUNC != 0:
		return errors.New("cannot receive all descriptors of a control message: this process has too many open files")
	case len(c.fds) > 2*maxDescriptors:
		return fmt.Errorf("cannot accept %d descriptors with a control message: the limit is %d", len(c.fds), maxDescriptors)
	}
	return nil
}

// ParseDescriptors returns the descriptors in the ancillary data of a message.
// The caller owns them.
func ParseDescriptors(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("cannot read ancillary data: %w", err)
	}
	var all []int
	for i := range messages {
		if messages[i].Header.Level != unix.SOL_SOCKET || messages[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return all, fmt.Errorf("cannot read passed descriptors: %w", err)
		}
		all = append(all, fds...)
	}
	return all, nil
}

// CloseAll closes descriptors that nobody wants.
func CloseAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
