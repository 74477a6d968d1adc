package http1

import "sync"

// readSize is the size in bytes of a connection's read buffer. Most requests
// fit; a larger head moves to a buffer of its own.
const readSize = 16 << 10

// readBuffer is a buffer of readSize bytes, or of that doubled a few times: a
// small body is received in buffers that grow as it arrives.
type readBuffer struct {
	bytes []byte
	class int // index in readBuffers
}

// readClasses is the number of sizes that are kept for use again: up to 256 KiB.
const readClasses = 5

var readBuffers [readClasses]sync.Pool

// newReadBuffer returns a buffer of readSize<<class bytes.
func newReadBuffer(class int) *readBuffer {
	if class < readClasses {
		if b, ok := readBuffers[class].Get().(*readBuffer); ok {
			return b
		}
	}
	return &readBuffer{bytes: make([]byte, readSize<<class), class: class}
}

func (b *readBuffer) free() {
	if b.class < readClasses {
		readBuffers[b.class].Put(b)
	}
}

// headRoom is what the engine wants free before the bytes it is given, to put
// a chunk's size line there; tailRoom is for the line end after them.
const (
	headRoom = 10 // "7fffffff\r\n"
	tailRoom = 7  // "\r\n0\r\n\r\n"
)

// Piece is a run of response body inside a larger buffer. The engine may
// overwrite what stands before Start, and puts back what it overwrites behind
// End. A Buf that begins at Start or ends at End is fine; it costs a copy.
type Piece struct {
	Buf        []byte
	Start, End int
}

// Bytes returns the body bytes.
func (p Piece) Bytes() []byte { return p.Buf[p.Start:p.End] }

// Len is the number of body bytes.
func (p Piece) Len() int { return p.End - p.Start }
