package http1

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// sendFileSize is how many bytes one sendfile(2) call may move, so that a
// response that was aborted is noticed.
const sendFileSize = 1 << 20

// spool holds the part of a response that the client has not taken yet: first
// in memory, then in an unlinked file. A goroutine of its own gives it to the
// client; when it has caught up, the response is sent directly again.
//
// All fields belong to the response's lock.
type spool struct {
	r     *Response
	ready *sync.Cond // something was added, taken, or has ended

	memory      []byte // older than what stands in the file
	spare       []byte // the other buffer of memory, for use again
	file        *os.File
	read, write int64  // positions in file
	slow        bool   // the client has used up the producer's patience: use the file
	excess      []byte // newer than what stands in a file that is full
	flight      int    // bytes that were in memory and are being written to the client
}

// fileTail is a file of the application's that ends the body.
type fileTail struct {
	fd     int // owned; -1 none
	offset int64
	left   int64
}

// newSpool starts a spool for r, whose lock the caller holds.
func newSpool(r *Response) *spool {
	s := &spool{r: r, ready: sync.NewCond(&r.mu)}
	r.conn.server.running.Go(s.drain)
	return s
}

func (s *spool) wake() { s.ready.Broadcast() }

// add stores p. It does not wait: what exceeds the bounds is kept in memory,
// and the producer is expected to ask Full before it produces more.
func (s *spool) add(p []byte) error {
	for len(p) > 0 {
		n, err := s.store(p)
		if err != nil {
			s.r.abortLocked(Broken)
			return err
		}
		p = p[n:]
	}
	s.wake()
	return nil
}

// full reports whether the bounds are reached.
func (s *spool) full() bool {
	inMemory := len(s.memory) + len(s.excess) + s.flight
	return inMemory >= s.r.limit && (!s.slow || s.write >= s.r.conn.server.options().ResponseSpool)
}

// store puts as much of p where there is room: in memory while nothing is in
// the file, so that the order is kept, then in the file, and at last in memory
// beyond its bound.
func (s *spool) store(p []byte) (int, error) {
	options := s.r.conn.server.options()
	room := s.r.limit - len(s.memory)
	fileRoom := options.ResponseSpool - s.write
	switch {
	case s.write == s.read && room > 0:
		p = p[:min(room, len(p))]
	case s.slow && fileRoom > 0:
		return s.storeInFile(p[:min(fileRoom, int64(len(p)))])
	case s.write > s.read:
		// The file is full and not yet read: what comes after it waits here.
		s.excess = append(s.excess, p...)
		return len(p), nil
	}
	s.memory = append(s.memory, p...)
	return len(p), nil
}

func (s *spool) storeInFile(p []byte) (int, error) {
	if s.file == nil {
		file, err := s.r.conn.server.options().Spool()
		if err != nil {
			return 0, fmt.Errorf("cannot make a spool file for a response: %w", err)
		}
		s.file = file
	}
	n, err := s.file.WriteAt(p, s.write)
	s.write += int64(n)
	if err != nil {
		return n, fmt.Errorf("cannot write to a spool file: %w", err)
	}
	return n, nil
}

// drain gives the client what is spooled until nothing is left.
func (s *spool) drain() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case r.aborted:
			s.close()
			r.finishLocked(r.outcome)
			return
		case len(s.memory) > 0:
			s.drainMemory()
		case s.read < s.write:
			s.drainFile()
		case r.file.left > 0:
			s.drainTail()
		case r.ended:
			s.close()
			r.finishLocked(r.outcome)
			return
		case r.file.fd < 0:
			// Caught up with an application that goes on.
			s.close()
			r.spool = nil
			return
		default:
			s.ready.Wait()
		}
	}
}

// unlocked runs a write to the client without the lock and handles its error.
func (s *spool) unlocked(write func() error) {
	r := s.r
	r.mu.Unlock()
	err := write()
	r.mu.Lock()
	s.flight = 0
	if err != nil && !r.aborted {
		r.aborted, r.outcome = true, ClientGone
		if errors.Is(err, errShortFile) {
			r.outcome = Broken
		}
	}
	r.tellRoomLocked()
}

// Full reports whether a slow client has filled what may be spooled of this
// response. If so, room is called once, from any goroutine, when there is room
// again or the exchange is over; until then no more should be produced.
func (r *Response) Full(serial uint64, room func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) || r.spool == nil || !r.spool.full() {
		return false
	}
	r.room = room
	if !r.spool.slow && r.conn.server.options().ResponseSpool > 0 {
		r.patience = time.AfterFunc(patience, func() { r.losePatience(serial) })
	}
	return true
}

// patience is how long a producer waits for a client before the file is used.
// A client that merely reads in bursts empties the memory within milliseconds,
// and a file would cost more than the whole transfer; one that is slow holds
// the producer no longer than this.
const patience = 50 * time.Millisecond

// losePatience lets the file take what the client does not.
func (r *Response) losePatience(serial uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.serial == serial && r.spool != nil && r.room != nil {
		r.spool.slow = true
		r.tellRoomLocked()
	}
}

func (r *Response) tellRoomLocked() {
	if r.room == nil || (!r.aborted && !r.finished && r.spool != nil && r.spool.full()) {
		return
	}
	room := r.room
	r.room = nil
	if r.patience != nil {
		r.patience.Stop()
		r.patience = nil
	}
	room()
}

func (s *spool) drainMemory() {
	chunk := s.memory
	s.memory, s.spare = s.spare[:0], nil
	s.flight = len(chunk)
	conn := s.r.conn
	s.unlocked(func() error { return conn.write(chunk) })
	if cap(chunk) <= 2*s.r.limit {
		s.spare = chunk[:0]
	}
}

func (s *spool) drainFile() {
	conn, from, size := s.r.conn, s.read, min(s.write-s.read, sendFileSize)
	var sent int
	s.unlocked(func() (err error) {
		sent, err = conn.sendFile(int(s.file.Fd()), from, int(size))
		return err
	})
	s.read += int64(sent)
	if s.read == s.write {
		// Give the room back; what comes next starts in memory again.
		s.read, s.write = 0, 0
		_ = s.file.Truncate(0)
		s.memory, s.excess = append(s.memory, s.excess...), nil
	}
}

// errShortFile says that a file of the application's was cut while it was sent.
var errShortFile = errors.New("the file became shorter while it was sent")

func (s *spool) drainTail() {
	tail := s.r.file
	conn, size := s.r.conn, min(tail.left, sendFileSize)
	var sent int
	send := conn.sendFile
	if s.r.copyFiles {
		send = conn.copyFile
	}
	s.unlocked(func() (err error) {
		sent, err = send(tail.fd, tail.offset, int(size))
		if err == nil && sent == 0 {
			return errShortFile
		}
		return err
	})
	s.r.file.offset += int64(sent)
	s.r.file.left -= int64(sent)
}

// close gives back what the spool holds.
func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	s.r.file.close()
}

func (t *fileTail) close() {
	if t.fd >= 0 {
		closeFD(t.fd)
		t.fd = -1
	}
}

// SendFile sends length bytes of an open file from offset on as the rest of
// the body. It owns fd from then on and does not wait for the client. End
// follows, unless the exchange is over.
func (r *Response) SendFile(serial uint64, fd int, offset, length int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.overLocked(serial):
		closeFD(fd)
		return ErrGone
	case r.skip:
		closeFD(fd)
		return nil
	case r.left < 0 || offset < 0 || length < 0 || r.file.fd >= 0:
		closeFD(fd)
		r.abortLocked(Broken)
		return errors.New("a file was sent without a Content-Length, or twice")
	}
	if err := r.releaseLocked(); err != nil {
		closeFD(fd)
		return err
	}
	length = min(length, r.left)
	r.left -= length
	r.sent += length
	r.file = fileTail{fd: fd, offset: offset, left: length}
	if r.spool == nil {
		r.spool = newSpool(r)
	}
	r.spool.wake()
	return nil
}
