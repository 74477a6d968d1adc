package wire

import (
	"encoding/binary"
	"fmt"
)

// HeaderSize is the size in bytes of every frame's header.
const HeaderSize = 20

// Bounds on what a frame may announce, in bytes. A frame beyond them is a
// broken frame: the worker that sent it is ended.
const (
	MaxHead = 1 << 20
	MaxBody = 16 << 20
)

// MaxPacket is how much of a request frame comes as a packet, in bytes: a body of
// 64 KiB with its environ goes in one, because a second write costs.
const MaxPacket = 80 << 10

// Kind says what a frame is. Kinds below 16 go to the worker, the others come
// from it.
type Kind uint8

// The frames of an exchange, in the order in which they may appear.
const (
	Request  Kind = 1 // environ in the head, the whole body or none of it behind
	Body     Kind = 2 // a piece of a body that the worker asked for
	BodyFile Kind = 3 // the body as a file; its descriptor comes with the header
	Take     Kind = 4 // the worker may send the descriptor it announced by File

	Response Kind = 16 // status and fields in the head, first piece of the body behind
	Data     Kind = 17 // a further piece of the body
	End      Kind = 18 // the exchange is over and the thread is free
	Failed   Kind = 19 // the application failed; the thread is free
	Want     Kind = 20 // the application reads a deferred body: send it
	File     Kind = 21 // the rest of the body is a file; in the head two uint64, offset and length
	Refused  Kind = 22 // access control refuses the request; status and fields in the head; the thread is free
	User     Kind = 23 // access control knows the client: its name in the head, for the access log; a response follows
)

// Flags of a frame.
const (
	Last     = 1 << 0 // nothing more of this body follows; on a Response or Data frame also what End says
	Aborted  = 1 << 1 // the body ends here because the client went away or broke the rules
	Deferred = 1 << 2 // the request has a body that is sent when asked for by Want
)

// Header opens each frame. Integers are little-endian and unsigned.
//
//	offset  size  field
//	0       1     Kind
//	1       1     Flags
//	2       2     Count: fields of a Response or Refused
//	4       4     Head: bytes of head that follow
//	8       4     Body: bytes of body that follow the head
//	12      4     P: CPU time of the thread in microseconds (End); low half of a length (BodyFile)
//	16      4     Q: wall time in microseconds (End); high half of a length (BodyFile)
type Header struct {
	Kind  Kind
	Flags uint8
	Count uint16
	Head  uint32
	Body  uint32
	P, Q  uint32
}

// Put writes h into the first HeaderSize bytes of b.
func (h *Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	b[0], b[1] = byte(h.Kind), h.Flags
	binary.LittleEndian.PutUint16(b[2:], h.Count)
	binary.LittleEndian.PutUint32(b[4:], h.Head)
	binary.LittleEndian.PutUint32(b[8:], h.Body)
	binary.LittleEndian.PutUint32(b[12:], h.P)
	binary.LittleEndian.PutUint32(b[16:], h.Q)
}

// Parse reads a header from the first HeaderSize bytes of b. A length beyond
// MaxHead or MaxBody is an error.
func (h *Header) Parse(b []byte) error {
	_ = b[HeaderSize-1]
	h.Kind, h.Flags = Kind(b[0]), b[1]
	h.Count = binary.LittleEndian.Uint16(b[2:])
	h.Head = binary.LittleEndian.Uint32(b[4:])
	h.Body = binary.LittleEndian.Uint32(b[8:])
	h.P = binary.LittleEndian.Uint32(b[12:])
	h.Q = binary.LittleEndian.Uint32(b[16:])
	if h.Head > MaxHead || h.Body > MaxBody {
		return fmt.Errorf("cannot accept a frame of kind %d: head of %d and body of %d bytes exceed the bounds", h.Kind, h.Head, h.Body)
	}
	return nil
}

// Length is the 64-bit number that P and Q carry in a BodyFile frame.
func (h *Header) Length() uint64 { return uint64(h.Q)<<32 | uint64(h.P) }

// SetLength stores n in P and Q.
func (h *Header) SetLength(n uint64) { h.P, h.Q = uint32(n), uint32(n>>32) }
