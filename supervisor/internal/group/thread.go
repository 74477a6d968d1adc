package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/loop"
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

// thread is a worker thread's connection. A loop watches it and carries the
// response side of the thread's exchanges.
type thread struct {
	process *process
	index   int
	ident   string // of the thread in stack dumps; guarded by the group's lock
	// requests takes request packets, and stream is for all else. unread is a copy of
	// the worker's end of requests: what can be received there the worker has not.
	requests, stream, unread int
	source                   *loop.Source

	// Reading, by the loop's goroutine alone.
	buf        *[bufferSize]byte // nil while nothing is buffered
	large      []byte            // in its place, for a head that does not fit
	start, end int
	frame      wire.Header // the frame whose body is being read
	left       int         // bytes left of it
	stray      int         // bytes passed over of a response nobody wants
	paused     bool        // the client's spool is full
	received   int         // bytes, in all
	bulk       bool        // the response comes in large frames, which need not be copied
	hungUp     bool        // no event comes after what is there
	fileComing bool        // the next byte brings a file's descriptor
	fileOffset int64
	fileLength int64
	room       func() // ends paused

	// sending is held to write. A worker may have answered, and get its next
	// request, before the sender of the last one has seen that its write is done.
	sending sync.Mutex
	// closing is held to close, and to use fd without sending.
	closing sync.Mutex
	closed  bool

	mu    sync.Mutex
	job   job
	ended bool // takes no request any more

	// Guarded by the group's lock.
	cpu, wall uint32 // times of the request that has ended, in microseconds
	served    uint64 // requests
	lastBegan time.Time
	busy      bool
	ahead     []*Exchange // requests that were sent before their turn, the next one first
	slow      bool        // stallTime has passed with one request, see stalledLocked
	lost      bool        // the connection has ended; the thread counts as busy until it offers another
	// replaced: it has offered another.
	replaced bool
}

// job is what the thread is working on.
type job struct {
	exchange *Exchange // only for whoever takes the client over from the thread
	response Response
	serial   uint64
	frame    *Frame
	body     *Body
	began    time.Time
	// submitted is when the group got the request, and slow the time after which it is
	// logged as slow; 0 if it is not, or was.
	submitted time.Time
	slow      time.Duration
	ignored   bool // does not count for inactivity-timeout
	started   bool // the response's head was passed on
	over      bool // the client has its answer; what comes is passed over
	logged    bool // its end was: the log needs no other line
	// heard is when something of the response came last; zero while silence does not
	// count against the process.
	heard  time.Time
	failed bool // given up on
	// interrupted: the thread takes no other request on this connection.
	interrupted bool
	// sendFailed: the request could not be written to the process.
	sendFailed bool
	tries      int
}

// newThread takes over the descriptors of a thread's connection.
func newThread(p *process, index int, fds [wire.ThreadDescriptors]int) (*thread, error) {
	t := &thread{process: p, index: index, requests: fds[0], stream: fds[1], unread: fds[2]}
	// The worker's end stays as it is: the worker waits there.
	if err := errors.Join(unix.SetNonblock(t.requests, true), unix.SetNonblock(t.stream, true)); err != nil {
		wire.CloseAll(fds[:])
		return nil, fmt.Errorf("cannot use a worker's connection: %w", err)
	}
	t.room = func() { t.watched().Loop().Post(t.resume) }
	return t, nil
}

// watch has the loop carry the thread's responses.
func (t *thread) watch(l *loop.Loop) error {
	t.closing.Lock()
	defer t.closing.Unlock()
	source, err := l.Add(t.stream, loop.Reading, t)
	t.source = source
	return err
}

// watched returns the source. The loop may call before watch has stored it.
func (t *thread) watched() *loop.Source {
	t.closing.Lock()
	defer t.closing.Unlock()
	return t.source
}

// Ready implements loop.Handler.
func (t *thread) Ready(e loop.Event) {
	t.hungUp = t.hungUp || e.HungUp()
	if t.paused {
		return // resume reads
	}
	if err := t.receive(); err != nil {
		t.disconnect(err)
	}
}

// resume goes on after the client has made room.
func (t *thread) resume() {
	if !t.paused {
		return
	}
	t.paused = false
	t.listen()
	err := t.consume()
	if err == nil {
		err = t.receive()
	}
	if err != nil {
		t.disconnect(err)
	}
}

// disconnect ends the connection, from the loop's goroutine. What follows may
// have to wait a moment for the process to be gone.
func (t *thread) disconnect(err error) {
	t.watched().Remove()
	t.releaseBuffer()
	g := t.process.generation.group
	go func() {
		defer g.running.Done() // offer has counted the thread
		g.threadEnded(t, err)
		t.close()
	}()
}

// close closes the descriptors. A writer that waits is woken by the shutdown
// first.
func (t *thread) close() {
	t.shut()
	t.sending.Lock()
	defer t.sending.Unlock()
	t.closing.Lock()
	defer t.closing.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	wire.CloseAll([]int{t.requests, t.stream, t.unread})
}

// shut ends the connection from any goroutine; the loop sees its end.
func (t *thread) shut() {
	t.closing.Lock()
	defer t.closing.Unlock()
	if !t.closed {
		_ = unix.Shutdown(t.requests, unix.SHUT_RDWR)
		_ = unix.Shutdown(t.stream, unix.SHUT_RDWR)
	}
}

// send writes a frame without waiting: what the socket does not take at once,
// more than an idle worker's buffer holds, is written by a goroutine.
func (t *thread) send(frame []byte) error {
	t.sending.Lock()
	return t.sendHolding(frame)
}

// sendHolding is send for a caller that holds sending, which it gives up.
func (t *thread) sendHolding(frame []byte) error {
	rest, err := t.tryWrite(frame)
	if err == nil && len(rest) > 0 {
		go func() {
			defer t.sending.Unlock()
			if t.writeAll(rest) != nil {
				t.setSendFailed()
				t.shut()
			}
		}()
		return nil
	}
	if err != nil {
		t.setSendFailed()
	}
	t.sending.Unlock()
	return err
}

// sendWaiting writes a frame, waiting as long as the worker does not read.
func (t *thread) sendWaiting(frame []byte) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	return t.writeAll(frame)
}

// tryWrite returns what was not written. The caller holds sending.
func (t *thread) tryWrite(p []byte) (rest []byte, err error) {
	if t.closed {
		return p, syscall.EPIPE
	}
	for {
		n, err := syscall.Write(t.stream, p)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return p, nil
		default:
			return p[max(n, 0):], err
		}
	}
}

// writeAll writes all of p. The caller holds sending.
func (t *thread) writeAll(p []byte) error {
	for {
		rest, err := t.tryWrite(p)
		if err != nil || len(rest) == 0 {
			return err
		}
		p = rest
		polled := []unix.PollFd{{Fd: int32(t.stream), Events: unix.POLLOUT}}
		if _, err := unix.Poll(polled, -1); err != nil && err != unix.EINTR {
			return err
		}
	}
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
	t.sending.Lock()
	defer t.sending.Unlock()
	if t.closed {
		return syscall.EPIPE
	}
	// The socket is empty: the worker waits for exactly this.
	n, err := unix.SendmsgN(t.stream, frame, unix.UnixRights(int(b.File.Fd())), nil, unix.MSG_NOSIGNAL)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	return err
}

// turn is how many bytes of one thread's responses are carried before others
// have a turn.
const turn = 1 << 20

// bulkSize is from where on a frame's body is spliced to the client, in bytes:
// below, the system calls cost more than the copies.
const bulkSize = 32 << 10

// splicer is a Response that can take body bytes from a socket by itself.
type splicer interface {
	Splice(serial uint64, from, n int) (moved int, over, ok bool, err error)
}

// splice moves the rest of a large frame to the client. It reports whether to
// wait for more; otherwise receive reads on.
func (t *thread) splice() (wait bool, err error) {
	for t.left > 0 {
		j := t.current()
		response, able := j.response.(splicer)
		if !able || j.over {
			return false, nil
		}
		moved, over, ok, err := response.Splice(j.serial, t.stream, t.left)
		t.left -= moved
		t.received += moved
		switch {
		case err != nil || over:
			t.note(j, err)
		case !ok:
			return false, nil
		case moved == 0:
			t.settle()
			return true, nil
		default:
			t.noteHeard()
			t.pauseIfFull(j)
		}
		if t.paused {
			return true, nil
		}
		if t.left == 0 {
			return false, t.afterBody()
		}
	}
	return false, nil
}

// receive reads what has arrived and handles it. A read that fills less than
// its buffer has emptied the socket, and whatever comes later is a new event,
// unless the end was reported already, together with the last bytes.
func (t *thread) receive() error {
	for began := t.received; !t.paused; {
		if t.received-began > turn {
			// Others have a turn; the rest of the input is no new event.
			t.paused = true
			t.room()
			return nil
		}
		if t.fileComing {
			if arrived, err := t.receiveFile(); !arrived {
				return err
			}
		}
		if t.bulk && t.start == t.end {
			if again, err := t.splice(); again || err != nil {
				return err
			}
		}
		space := t.space()
		n, err := syscall.Read(t.stream, space)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			t.settle()
			return nil
		case err != nil:
			return err
		case n == 0:
			return io.EOF
		}
		t.end += n
		t.received += n
		if err := t.consume(); err != nil {
			return err
		}
		if n < len(space) && !t.fileComing && !t.hungUp {
			return nil
		}
	}
	return nil
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
	if t.bulk && t.start == t.end && t.left == 0 {
		// Only the next frame's header: its body is to stay in the socket.
		return b[t.end : t.end+wire.HeaderSize]
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

// consume handles what has arrived, as far as the client takes it.
func (t *thread) consume() error {
	for !t.paused {
		more, err := t.consumeFrame()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	t.settle()
	return nil
}

// consumeFrame handles the next frame, or what there is of its body. It
// reports whether there may be another.
func (t *thread) consumeFrame() (more bool, err error) {
	if t.left > 0 {
		return t.start < t.end, t.bodyArrived()
	}
	if t.end-t.start < wire.HeaderSize {
		return false, nil
	}
	if err := t.frame.Parse(t.bytes()[t.start:]); err != nil {
		return false, err
	}
	need := wire.HeaderSize + int(t.frame.Head)
	if t.end-t.start < need {
		t.grow(need)
		return false, nil
	}
	head := t.bytes()[t.start+wire.HeaderSize : t.start+need]
	t.start += need
	t.left = int(t.frame.Body)
	return true, t.handle(head)
}

func (t *thread) bodyArrived() error {
	if t.start == t.end {
		return nil
	}
	return t.body()
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
		t.bulk = t.left >= bulkSize
		if t.left == 0 {
			return t.afterBody()
		}
		return nil // body does the rest
	case wire.End:
		return t.handleEnd()
	case wire.Failed:
		return t.handleFailed(head)
	case wire.Refused:
		return t.handleRefused(head)
	case wire.User:
		return t.handleUser(head)
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
	head := http1.Head{Block: block, Count: int(t.frame.Count), MaxLine: int(t.process.generation.conf.HeaderBufferSize)}
	last := t.frame.Flags&wire.Last != 0
	if last && t.left <= t.end-t.start {
		t.takeOver()
		return t.finish(j, j.response.Complete(j.serial, head, t.piece()))
	}
	t.setStarted()
	over, err := j.response.Start(j.serial, head, t.piece())
	if err != nil || over {
		t.note(j, err)
	} else {
		t.pauseIfFull(j)
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
		return t.passOver()
	}
	t.noteHeard()
	over, err := j.response.Data(j.serial, t.piece())
	if err != nil || over {
		t.note(j, err)
	} else {
		t.pauseIfFull(j)
	}
	if t.left == 0 {
		return t.afterBody()
	}
	return nil
}

// pauseIfFull stops reading while the client has taken too little: the worker's
// next writes wait in its socket, and then the worker.
func (t *thread) pauseIfFull(j job) {
	if j.response.Full(j.serial, t.room) {
		t.paused = true
		t.stopListening()
	}
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
	if t.left == 0 {
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
		t.process.generation.group.applicationFailed(t, j, int(t.frame.Count), string(summary))
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
func (t *thread) receiveFile() (arrived bool, err error) {
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(t.stream, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
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
