package front

import (
	"compress/gzip"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// packer bounds what compression costs a site.
type packer struct {
	turns   chan struct{} // as many as may compress at the same moment
	open    atomic.Int64  // responses that are being compressed
	writers sync.Pool     // of *gzip.Writer
	running sync.WaitGroup
}

const (
	// packLevel is where smaller costs little more time; beyond, pages shrink by a few
	// parts of a hundred for twice the time.
	packLevel = 4
	// mostPacked bounds the responses that are being compressed, each with 0.8 MB of a
	// compressor's state. Further ones are sent as they are.
	mostPacked = 64
	// packChunk is how much is compressed before others have a turn, and passed on at
	// once, in bytes.
	packChunk = 32 << 10
)

func (p *packer) init() {
	// Half of the processors are left for the loops, which connections wait for.
	p.turns = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
}

// begin reports whether one more response may be compressed; end follows.
func (p *packer) begin() bool {
	if p.open.Add(1) > mostPacked {
		p.open.Add(-1)
		return false
	}
	return true
}

func (p *packer) end() { p.open.Add(-1) }

func (p *packer) writer(to io.Writer) *gzip.Writer {
	if w, ok := p.writers.Get().(*gzip.Writer); ok {
		w.Reset(to)
		return w
	}
	w, err := gzip.NewWriterLevel(to, packLevel)
	if err != nil {
		panic("front: " + err.Error()) // the level is one
	}
	return w
}

// packing is a response on its way through the compressor. Only the goroutine that empties
// the queue uses it.
type packing struct {
	*compressed
	serial  uint64
	head    *http1.Head // until it is passed on
	zip     *gzip.Writer
	out     []byte // compressed, not passed on; with room in front for the engine's framing
	unsaid  bool   // the compressor may hold something back
	started bool
}

// outRoom is what stands before compressed bytes, see [http1.Piece].
const outRoom = 1 << 10

// Write takes what the compressor gives.
func (k *packing) Write(p []byte) (int, error) {
	k.out = append(k.out, p...)
	return len(p), nil
}

// empty compresses what is in the queue, and passes on what came of it when nothing more
// is there.
func (c *compressed) empty(serial uint64) {
	k := c.packing
	if k == nil {
		k = &packing{compressed: c, serial: serial, out: make([]byte, outRoom, outRoom+packChunk+4<<10)}
		k.zip = c.packer.writer(k)
		c.packing = k
	}
	for {
		l, ends := c.next(!k.unsaid)
		if ends {
			return
		}
		if over := l == nil && !k.flush() || l != nil && k.do(l); over {
			k.close()
			return
		}
	}
}

// do handles one load. It reports whether the response is over.
func (k *packing) do(l *load) (over bool) {
	if l.head != nil {
		k.head = l.head
		k.unsaid = true
	}
	if l.file != nil {
		ok := k.packFile(l)
		_ = unix.Close(l.fd)
		if !ok {
			return true
		}
	}
	if !k.compress(l.bytes, l.whole) {
		return true
	}
	switch {
	case l.broken:
		k.flush()
		k.sink.Abort(k.serial)
	case l.whole:
		k.finish()
		if k.sink.Complete(k.serial, *k.head, k.piece()) != nil {
			k.sink.Abort(k.serial)
		}
	case l.end:
		k.finish()
		if k.pass() {
			_ = k.sink.End(k.serial) // the response has ended if it cannot
		}
	default:
		return false
	}
	return true
}

// compress compresses bytes, in parts, between which others have a turn. It reports whether to
// go on.
func (k *packing) compress(b []byte, keep bool) bool {
	for len(b) > 0 {
		part := b[:min(len(b), packChunk)]
		b = b[len(part):]
		k.turn(func() { _, _ = k.zip.Write(part) })
		k.unsaid = true
		if !keep && len(k.out)-outRoom >= packChunk && !k.pass() {
			return false
		}
	}
	return true
}

// turn has f run while few others do.
func (k *packing) turn(f func()) {
	k.packer.turns <- struct{}{}
	f()
	<-k.packer.turns
}

// packFile compresses a part of a file.
func (k *packing) packFile(l *load) bool {
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	for at := l.file.first; at < l.file.end; {
		n, err := unix.Pread(l.fd, buffer[:min(packChunk, l.file.end-at)], at)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n <= 0:
			k.sink.Abort(k.serial) // the file became shorter
			return false
		}
		at += int64(n)
		if !k.compress(buffer[:n], false) {
			return false
		}
	}
	return true
}

// flush has the client get all that there is. It reports whether to go on.
func (k *packing) flush() bool {
	k.turn(func() { _ = k.zip.Flush() })
	k.unsaid = false
	return k.pass()
}

// finish ends what the compressor gives.
func (k *packing) finish() { k.turn(func() { _ = k.zip.Close() }) }

func (k *packing) piece() http1.Piece {
	return http1.Piece{Buf: k.out, Start: outRoom, End: len(k.out)}
}

// pass gives the client what is compressed, and waits as long as it has too much of it. It
// reports whether to go on.
func (k *packing) pass() bool {
	var err error
	if k.started {
		_, err = k.sink.Data(k.serial, k.piece())
	} else {
		k.started = true
		_, err = k.sink.Start(k.serial, *k.head, k.piece())
	}
	k.out = k.out[:outRoom]
	if err != nil {
		k.sink.Abort(k.serial)
		return false
	}
	room := make(chan struct{})
	if k.sink.Full(k.serial, func() { close(room) }) {
		<-room
	}
	return true
}

// close ends the compression.
func (k *packing) close() {
	k.zip.Reset(io.Discard)
	k.packer.writers.Put(k.zip)
	k.die()
}
