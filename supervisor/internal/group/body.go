package group

import (
	"errors"
	"os"
	"sync"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// ErrNotWanted says that nobody will read the rest of a request's body.
var ErrNotWanted = errors.New("the rest of the request body is not wanted")

// Body is a request body that is sent when the application first reads it:
// what a file holds, then what the front end passes on by Write while it
// arrives. A nil Body is no body.
type Body struct {
	// File holds the first Size bytes; nil if there are none. The group closes it.
	File *os.File
	Size int64
	// Stream says that more follows by Write.
	Stream bool

	mu      sync.Mutex
	thread  *thread
	wanted  chan struct{} // closed when the application reads, or nobody will
	told    bool          // wanted is closed
	asked   bool          // the application has asked for the body
	over    bool          // nobody will read any more
	passing bool          // Write or Abort has still to end the body
	ended   bool          // the thread has ended its exchange and waits for that
	closed  bool
}

// NewBody returns a body for Exchange.Body.
func NewBody(file *os.File, size int64, stream bool) *Body {
	return &Body{File: file, Size: size, Stream: stream, wanted: make(chan struct{})}
}

// Wait blocks until the application reads the body, or nobody will any more
// (ErrNotWanted).
func (b *Body) Wait() error {
	<-b.wanted
	b.mu.Lock()
	over, passing := b.over, b.passing
	b.mu.Unlock()
	switch {
	case !over:
		return nil
	case passing:
		b.Abort() // the application had asked, and waits
	}
	return ErrNotWanted
}

// StreamRoom is what Write wants free at the start of its buffer, in bytes.
const StreamRoom = wire.HeaderSize

// Write passes on the bytes behind the first StreamRoom bytes of frame, which
// it overwrites. It waits while the application does not read. It returns
// ErrNotWanted when nobody will.
func (b *Body) Write(frame []byte, last bool) error {
	h := wire.Header{Kind: wire.Body, Body: uint32(len(frame) - wire.HeaderSize)}
	if last {
		h.Flags = wire.Last
	}
	h.Put(frame)
	return b.pass(frame, last)
}

// Abort ends the body where it is: the application's next read fails.
func (b *Body) Abort() {
	_ = b.pass(abortedBody(), true) // nobody is left to tell
}

// abortedBody is the frame that ends a body where it is.
func abortedBody() []byte {
	frame := make([]byte, wire.HeaderSize)
	h := wire.Header{Kind: wire.Body, Flags: wire.Last | wire.Aborted}
	h.Put(frame)
	return frame
}

func (b *Body) pass(frame []byte, last bool) error {
	b.mu.Lock()
	thread, wanted := b.thread, b.passing
	over := b.over && !last
	b.mu.Unlock()
	if !wanted || thread == nil {
		return ErrNotWanted
	}
	if over {
		b.Abort()
		return ErrNotWanted
	}
	err := thread.sendWaiting(frame)
	thread.noteHeard()
	if last || err != nil {
		b.mu.Lock()
		b.passing = false
		release := b.ended
		b.mu.Unlock()
		if release {
			thread.free()
		}
	}
	return err
}

// ask is called when the application reads: it sends what the file holds and
// wakes whoever passes on the rest.
func (b *Body) ask(t *thread) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked {
		return errors.New("a body was asked for twice")
	}
	b.asked, b.thread = true, t
	if b.over {
		// The request was given up on, which the application does not know.
		return t.send(abortedBody())
	}
	b.passing = b.Stream
	var err error
	if b.File != nil {
		err = t.sendFile(b) // under the lock: nobody must close the file now
	}
	if b.Stream {
		b.tellLocked()
	}
	return err
}

// end is called when the thread has ended its exchange. It reports whether the
// thread is free; if not, whoever passes the body on will free it.
func (b *Body) end() (free bool) {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopLocked()
	b.ended = b.passing
	return !b.passing
}

// cancel ends a body of a request that is given up on. Whoever passes it on
// still ends it, so that the application does not wait for more.
func (b *Body) cancel() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopLocked()
}

func (b *Body) tellLocked() {
	if !b.told {
		b.told = true
		close(b.wanted)
	}
}

func (b *Body) stopLocked() {
	b.over = true
	b.tellLocked()
	if b.File != nil && !b.closed {
		b.closed = true
		b.File.Close()
	}
}
