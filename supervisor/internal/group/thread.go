package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// Receive buffers have room in front of what is read, where a response head is
// put so that head and body are one write, and a little behind.
const (
	frontRoom  = 1 << 10
	backRoom   = 16
	bufferSize = 128 << 10
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// strayLimit is how many bytes of a response that nobody wants are passed over
// before the thread's connection is ended instead.
const strayLimit = 256 << 10

// thread is a worker thread's connection. A goroutine waits on it all its
// life: it carries the response side of the thread's exchanges.
type thread struct {
	process *process
	index   int
	ident   string // of the thread in stack dumps; guarded by the group's lock
	file    *os.File
	raw     syscall.RawConn

	// Reading, by the thread's goroutine alone.
	buf        *[bufferSize]byte // nil while nothing is buffered
	large      []byte            // in its place, for a head that does not fit
	start, end int
	frame      wire.Header // the frame whose body is being read
	left       int         // bytes left of it
	stray      int         // bytes passed over of a response nobody wants
	fileComing bool        // the next byte brings a file's descriptor
	fileOffset int64
	fileLength int64
	readable   func(fd uintptr) bool
	failure    error

	// Writing. The lock is for the moment in which a worker has answered, and
	// gets its next request, before the sender of the last one has seen that its
	// write is done.
	sending  sync.Mutex
	out      []byte
	outErr   error
	writable func(fd uintptr) bool

	mu  sync.Mutex
	job job

	// Guarded by the group's lock.
	busy bool
	lost bool // the connection has ended; the thread counts as busy until it offers another
}

// job is what the thread is working on.
type job struct {
	exchange *Exchange // only for whoever takes the client over from the thread
	response Response
	serial   uint64
	frame    *Frame
	body     *Body
	began    time.Time
	started  bool // the response's head was passed on
	over     bool // the client has its answer; what comes is passed over
	failed   bool // given up on
	// sendFailed: the request could not be written to the process.
	sendFailed bool
	tries      int
}

func newThread(p *process, index, fd int) (*thread, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot use a worker's connection: %w", err)
	}
	t := &thread{process: p, index: index, file: os.NewFile(uintptr(fd), "worker thread")}
	raw, err := t.file.SyscallConn()
	if err != nil {
		t.file.Close()
		return nil, fmt.Errorf("cannot use a worker's connection: %w", err)
	}
	t.raw = raw
	t.readable, t.writable = t.receive, t.transmit
	return t, nil
}

// run carries responses until the connection ends.
func (t *thread) run() {
	err := t.raw.Read(t.readable)
	if err == nil {
		err = t.failure
	}
	t.process.generation.group.threadEnded(t, err)
	t.file.Close()
	t.releaseBuffer()
}

// shut ends the connection; run returns.
func (t *thread) shut() {
	_ = t.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
}

// send writes a frame, waiting as long as the worker does not read.
func (t *thread) send(frame []byte) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	t.out, t.outErr = frame, nil
	if err := t.raw.Write(t.writable); err != nil {
		return err
	}
	return t.outErr
}

func (t *thread) transmit(fd uintptr) bool {
	for len(t.out) > 0 {
		n, err := syscall.Write(int(fd), t.out)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			t.outErr = err
			return true
		default:
			t.out = t.out[n:]
		}
	}
	return true
}

// sendFile hands over a body that stands in a file.
func (t *thread) sendFile(b *Body) error {
	h := wire.Header{Kind: wire.BodyFile}
	if !b.Stream {
		h.Flags = wire.Last
	}
	h.SetLength(uint64(b.Size))
	frame := make([]byte, wire.HeaderSize)
	h.Put(frame)
	rights := unix.UnixRights(int(b.File.Fd()))
	var n int
	var err error
	waitErr := t.raw.Write(func(fd uintptr) bool {
		n, err = unix.SendmsgN(int(fd), frame, rights, nil, unix.MSG_NOSIGNAL)
		return err != unix.EAGAIN
	})
	if err = errors.Join(waitErr, err); err == nil && n < len(frame) {
		err = t.send(frame[n:])
	}
	return err
}

// receive is called when the connection may have bytes. It never returns true
// but at the connection's end, so the runtime's poller waits once and for all;
// a read that fills less than its buffer has emptied the socket, and whatever
// comes later wakes it again.
func (t *thread) receive(fd uintptr) bool {
	for {
		if t.fileComing {
			arrived, err := t.receiveFile(fd)
			if err != nil {
				t.failure = err
			}
			if !arrived {
				return err != nil
			}
		}
		space := t.space()
		n, err := syscall.Read(int(fd), space)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			t.settle()
			return false
		case err != nil:
			t.failure = err
			return true
		case n == 0:
			t.failure = io.EOF
			return true
		}
		t.end += n
		if err := t.consume(); err != nil {
			t.failure = err
			return true
		}
		t.settle()
		if n < len(space) && !t.fileComing {
			return false
		}
	}
}

func (t *thread) bytes() []byte {
	if t.large != nil {
		return t.large
	}
	if t.buf == nil {
		t.buf = buffers.Get().(*[bufferSize]byte)
		t.start, t.end = frontRoom, frontRoom
	}
	return t.buf[:]
}

// space is where the next bytes go.
func (t *thread) space() []byte {
	b := t.bytes()
	if len(b)-backRoom-t.end < 4096 && t.start > frontRoom {
		t.end = frontRoom + copy(b[frontRoom:], b[t.start:t.end])
		t.start = frontRoom
	}
	return b[t.end : len(b)-backRoom]
}

// settle gives the buffer back when nothing is left in it.
func (t *thread) settle() {
	if t.start == t.end {
		t.releaseBuffer()
	}
}

func (t *thread) releaseBuffer() {
	if t.buf != nil {
		buffers.Put(t.buf)
	}
	t.buf, t.large = nil, nil
}

// consume handles what has arrived.
func (t *thread) consume() error {
	for {
		if t.left > 0 {
			if t.start == t.end {
				return nil
			}
			if err := t.body(); err != nil {
				return err
			}
			continue
		}
		if t.end-t.start < wire.HeaderSize {
			return nil
		}
		if err := t.frame.Parse(t.bytes()[t.start:]); err != nil {
			return err
		}
		need := wire.HeaderSize + int(t.frame.Head)
		if t.end-t.start < need {
			t.grow(need)
			return nil
		}
		head := t.bytes()[t.start+wire.HeaderSize : t.start+need]
		t.start += need
		t.left = int(t.frame.Body)
		if err := t.handle(head); err != nil {
			return err
		}
	}
}

// grow makes room for a head that is larger than the buffer.
func (t *thread) grow(need int) {
	b := t.bytes()
	if frontRoom+need+backRoom <= len(b) {
		return
	}
	large := make([]byte, frontRoom+need+bufferSize)
	t.end = frontRoom + copy(large[frontRoom:], b[t.start:t.end])
	t.start = frontRoom
	t.releaseBuffer()
	t.large = large
}

// piece takes what has arrived of the frame's body.
func (t *thread) piece() http1.Piece {
	n := min(t.left, t.end-t.start)
	p := http1.Piece{Buf: t.bytes(), Start: t.start, End: t.start + n}
	t.start += n
	t.left -= n
	return p
}

func (t *thread) current() job {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.job
}

// handle handles a frame of which the header and the head have arrived.
func (t *thread) handle(head []byte) error {
	switch t.frame.Kind {
	case wire.Response:
		return t.handleResponse(head)
	case wire.Data:
		if t.left == 0 {
			return t.afterBody()
		}
		return nil // body does the rest
	case wire.End:
		return t.handleEnd()
	case wire.Failed:
		return t.handleFailed(head)
	case wire.Want:
		return t.handleWant()
	case wire.File:
		return t.handleFile(head)
	}
	return fmt.Errorf("a frame of kind %d", t.frame.Kind)
}

// handleResponse passes on a response, whole if it has arrived whole.
func (t *thread) handleResponse(block []byte) error {
	j := t.current()
	switch {
	case j.response == nil:
		return errors.New("a response without a request")
	case j.over:
		return t.passOver()
	case j.started:
		return errors.New("a second response to one request")
	}
	head := http1.Head{Block: block, Count: int(t.frame.Count), MaxLine: t.process.generation.group.maxLine}
	last := t.frame.Flags&wire.Last != 0
	if last && t.left <= t.end-t.start {
		t.takeOver()
		return t.finish(j, j.response.Complete(j.serial, head, t.piece()))
	}
	t.setStarted()
	over, err := j.response.Start(j.serial, head, t.piece())
	if err != nil || over {
		t.note(j, err)
	}
	if t.left == 0 && last {
		return t.afterBody()
	}
	return nil
}

// body passes on what has arrived of a frame's body.
func (t *thread) body() error {
	j := t.current()
	if j.response == nil || (!j.started && !j.over) {
		return errors.New("body without a response")
	}
	if j.over {
		if err := t.passOver(); err != nil || t.left > 0 {
			return err
		}
		return t.afterBody()
	}
	over, err := j.response.Data(j.serial, t.piece())
	if err != nil || over {
		t.note(j, err)
	}
	if t.left == 0 {
		return t.afterBody()
	}
	return nil
}

// afterBody ends the exchange if the frame that was read says so.
func (t *thread) afterBody() error {
	if t.frame.Flags&wire.Last == 0 {
		return nil
	}
	return t.handleEnd()
}

// passOver drops what has arrived of a frame that nobody wants.
func (t *thread) passOver() error {
	t.stray += t.piece().Len()
	if t.stray > strayLimit {
		return errStray
	}
	if t.left == 0 && t.frame.Kind == wire.Response {
		return t.afterBody()
	}
	return nil
}

// errStray ends the connection of a thread that goes on producing a response
// that nobody wants: its next write fails.
var errStray = errors.New("the client has gone away")

func (t *thread) handleEnd() error {
	j := t.current()
	if j.response == nil {
		return errors.New("an end without a request")
	}
	if j.over {
		return t.finish(j, nil)
	}
	if !j.started {
		return errors.New("an end without a response")
	}
	t.takeOver()
	return t.finish(j, j.response.End(j.serial))
}

// handleFailed ends an exchange in which the application raised an exception.
func (t *thread) handleFailed(summary []byte) error {
	j := t.current()
	if j.response == nil {
		return errors.New("a failure without a request")
	}
	if !j.over {
		t.takeOver()
		t.process.generation.group.applicationFailed(t, j, string(summary))
	}
	return t.finish(j, nil)
}

func (t *thread) handleWant() error {
	j := t.current()
	if j.response == nil || j.body == nil {
		return errors.New("a body was asked for where there is none")
	}
	return j.body.ask(t)
}

// handleFile asks for a file that ends the response.
func (t *thread) handleFile(where []byte) error {
	j := t.current()
	if j.response == nil || (!j.started && !j.over) {
		return errors.New("a file without a response")
	}
	if len(where) != 16 || t.start != t.end {
		return errors.New("a malformed file frame")
	}
	t.fileOffset = int64(binary.LittleEndian.Uint64(where))
	t.fileLength = int64(binary.LittleEndian.Uint64(where[8:]))
	t.fileComing = true
	frame := make([]byte, wire.HeaderSize)
	h := wire.Header{Kind: wire.Take}
	h.Put(frame)
	return t.send(frame)
}

// receiveFile reads the one byte that a file's descriptor comes with. It
// reports whether that has arrived.
func (t *thread) receiveFile(fd uintptr) (arrived bool, err error) {
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(fd), make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, io.EOF
	}
	fds, err := wire.ParseDescriptors(oob[:oobn])
	if err != nil || len(fds) != 1 {
		wire.CloseAll(fds)
		return false, errors.Join(errors.New("a file without its descriptor"), err)
	}
	t.fileComing = false
	j := t.current()
	if j.over {
		unix.Close(fds[0])
		return true, nil
	}
	if err := j.response.SendFile(j.serial, fds[0], t.fileOffset, t.fileLength); err != nil {
		t.note(j, err)
	}
	return true, nil
}
