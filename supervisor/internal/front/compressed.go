package front

import (
	"bytes"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// sink is where responses go: the engine's, or what stands before it.
type sink interface {
	group.Response
	ErrorPage(serial uint64, status int, contentType, text, fields string)
	SetCopyFiles(on bool)
	SetCut(serial uint64)
	Splice(serial uint64, from, n int) (moved int, over, ok bool, err error)
}

// compressed is the response of a place that compresses some. It belongs to one exchange.
//
// Whoever makes a response is a loop's goroutine, which others wait for. So it only copies
// what there is into a queue; a goroutine that lives as long as there is something in it
// compresses and passes on. What waits is bounded as what waits for a slow client is.
type compressed struct {
	sink
	packer *packer
	rules  *compression
	memory int // bytes that may wait
	// Of the request: it takes gzip, is HEAD, and If-None-Match.
	gzip, head bool
	tags       []byte

	packed  bool     // the body is compressed; written before anything is queued
	packing *packing // of the goroutine that empties the queue; nil before the first

	mu      sync.Mutex
	queue   []load
	waiting int    // bytes in the queue
	left    int64  // body bytes that Content-Length still announces, or -1
	running bool   // a goroutine empties the queue
	dead    bool   // nobody takes anything any more
	room    func() // see Full
}

// load is one thing for the goroutine to do.
type load struct {
	head   *http1.Head // begins the response
	bytes  []byte
	file   *span // of fd, in place of bytes
	fd     int
	whole  bool // the bytes are all of the body
	end    bool
	broken bool // the body has ended too early
}

// compressing puts the compression of a place before a response; r itself for a place
// without.
func (f *Front) compressing(r *http1.Response, p *place, ask *asked) sink {
	rules := p.rules.compress
	if rules == nil {
		return r
	}
	memory := p.memory
	if memory == 0 {
		memory = atOnce
	}
	tags, _ := fieldValue(ask.fields, "If-None-Match")
	return &compressed{
		sink: r, packer: &f.packer, rules: rules, memory: memory,
		gzip: takesGzip(ask.fields), head: ask.head, tags: bytes.Clone(tags),
	}
}

// consider gives the head of a response as it is to be, and whether its body is compressed.
// size is that of the body, -1 if it is not known.
func (c *compressed) consider(head http1.Head, size int64) (next http1.Head, declared int64, pack bool) {
	facts, ok := c.rules.facts(head)
	if size < 0 {
		size = facts.declared
	}
	switch {
	case !ok:
		return head, facts.declared, false
	case facts.status == 304:
		return change{vary: true, weak: weakOf(c.tags, head)}.of(head), facts.declared, false
	case !facts.may || size == 0 || size > 0 && size < c.rules.minimum:
		return head, facts.declared, false
	case !c.gzip || !c.head && !c.packer.begin():
		return change{vary: true}.of(head), facts.declared, false
	}
	return change{vary: true, packed: true, weak: "*"}.of(head), facts.declared, true
}

// Complete implements group.Response.
func (c *compressed) Complete(serial uint64, head http1.Head, body http1.Piece) error {
	size := int64(body.Len())
	if c.head && size == 0 {
		size = -1
	}
	next, declared, pack := c.consider(head, size)
	switch {
	case !pack:
		return c.sink.Complete(serial, next, body)
	case c.head:
		return c.sink.Complete(serial, next, http1.Piece{})
	case declared >= 0 && declared != size:
		c.packer.end()
		return c.sink.Complete(serial, head, body) // which says what is wrong
	}
	c.pack(-1)
	c.add(serial, load{head: &next, bytes: bytes.Clone(body.Bytes()), whole: true, end: true})
	return nil
}

// Start implements group.Response.
func (c *compressed) Start(serial uint64, head http1.Head, body http1.Piece) (over bool, err error) {
	next, declared, pack := c.consider(head, -1)
	if !pack || c.head {
		return c.sink.Start(serial, next, body)
	}
	c.pack(declared)
	return c.take(serial, load{head: &next}, body)
}

// pack begins the compression of a body of so many bytes.
func (c *compressed) pack(declared int64) {
	c.mu.Lock() // whoever gives up on the response may come at any moment
	defer c.mu.Unlock()
	c.packed, c.left = true, declared
}

// Data implements group.Response.
func (c *compressed) Data(serial uint64, body http1.Piece) (over bool, err error) {
	if !c.packed {
		return c.sink.Data(serial, body)
	}
	return c.take(serial, load{}, body)
}

// take queues body bytes within the declared length, and the end if that is reached.
func (c *compressed) take(serial uint64, l load, body http1.Piece) (over bool, err error) {
	b := body.Bytes()
	if c.left >= 0 {
		if int64(len(b)) > c.left {
			b = b[:c.left]
			c.sink.SetCut(serial)
		}
		c.left -= int64(len(b))
		l.end = c.left == 0
	}
	l.bytes = bytes.Clone(b)
	if !c.add(serial, l) {
		return false, http1.ErrGone
	}
	return l.end, nil
}

// SendFile implements group.Response.
func (c *compressed) SendFile(serial uint64, fd int, offset, length int64) error {
	if !c.packed {
		return c.sink.SendFile(serial, fd, offset, length)
	}
	if c.left >= 0 {
		length = min(length, c.left)
		c.left -= length
	}
	if !c.add(serial, load{file: &span{offset, offset + length}, fd: fd}) {
		_ = unix.Close(fd)
		return http1.ErrGone
	}
	return nil
}

// End implements group.Response.
func (c *compressed) End(serial uint64) error {
	if !c.packed {
		return c.sink.End(serial)
	}
	short := c.left > 0
	if !c.add(serial, load{end: !short, broken: short}) {
		return http1.ErrGone
	}
	if short {
		return http1.ErrShort
	}
	return nil
}

// Error implements group.Response.
func (c *compressed) Error(serial uint64, status int, text, fields string) {
	c.sink.Error(serial, status, text, fields)
	c.die()
}

// ErrorPage implements sink.
func (c *compressed) ErrorPage(serial uint64, status int, contentType, text, fields string) {
	c.sink.ErrorPage(serial, status, contentType, text, fields)
	c.die()
}

// Abort implements group.Response.
func (c *compressed) Abort(serial uint64) {
	c.sink.Abort(serial)
	c.die()
}

// Splice implements sink.
func (c *compressed) Splice(serial uint64, from, n int) (moved int, over, ok bool, err error) {
	if c.packed {
		return 0, false, false, nil
	}
	return c.sink.Splice(serial, from, n)
}

// Full implements group.Response.
func (c *compressed) Full(serial uint64, room func()) bool {
	if !c.packed {
		return c.sink.Full(serial, room)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.waiting < c.memory {
		return false
	}
	c.room = room
	return true
}

// add queues a load; false if nobody takes it.
func (c *compressed) add(serial uint64, l load) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false
	}
	c.queue = append(c.queue, l)
	c.waiting += len(l.bytes)
	if !c.running {
		c.running = true
		c.packer.running.Go(func() { c.empty(serial) })
	}
	return true
}

// next takes the first load from the queue, nil if it is empty. The goroutine that has said
// all it has then ends: from that moment on there may be another.
func (c *compressed) next(said bool) (l *load, ends bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.running = !said
		return nil, said
	}
	l = &c.queue[0]
	c.queue = c.queue[1:]
	c.waiting -= len(l.bytes)
	if c.room != nil && c.waiting < c.memory {
		c.tellRoomLocked()
	}
	return l, false
}

func (c *compressed) tellRoomLocked() {
	if c.room != nil {
		c.room()
		c.room = nil
	}
}

// die has everything that comes passed over.
func (c *compressed) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || !c.packed {
		return
	}
	c.dead = true
	for _, l := range c.queue {
		if l.file != nil {
			_ = unix.Close(l.fd)
		}
	}
	c.queue, c.waiting = nil, 0
	c.tellRoomLocked()
	c.packer.end()
}
