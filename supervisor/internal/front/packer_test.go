package front

import (
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"sync"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// basin is a sink that keeps what comes to it.
type basin struct {
	sink // nil: what is not here is not called

	mu     sync.Mutex
	got    []byte
	starts int
	ended  chan struct{}
}

func (b *basin) Complete(_ uint64, _ http1.Head, body http1.Piece) error {
	_, _ = b.Start(0, http1.Head{}, body)
	return b.End(0)
}

func (b *basin) Start(serial uint64, _ http1.Head, body http1.Piece) (bool, error) {
	b.mu.Lock()
	b.starts++
	b.mu.Unlock()
	return b.Data(serial, body)
}

func (b *basin) Data(_ uint64, body http1.Piece) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, body.Bytes()...)
	for i := range body.Buf[:body.Start] {
		body.Buf[i] = '#' // the engine's to write to
	}
	return false, nil
}

func (b *basin) End(uint64) error         { close(b.ended); return nil }
func (b *basin) Full(uint64, func()) bool { return false }
func (b *basin) SetCut(uint64)            {}
func (b *basin) Abort(uint64)             { close(b.ended) }
func (b *basin) unpacked(t *testing.T) []byte {
	t.Helper()
	<-b.ended
	z, err := gzip.NewReader(bytes.NewReader(b.got))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var _ group.Response = (*compressed)(nil)

// FuzzCompress: however a response comes in pieces, what the client unpacks is what the
// application has sent, up to its Content-Length.
func FuzzCompress(f *testing.F) {
	f.Add([]byte("some text, some text, some text"), uint16(5), int32(-1), false)
	f.Add(bytes.Repeat([]byte("0123456789"), 8000), uint16(40000), int32(70000), false)
	f.Add([]byte("x"), uint16(1), int32(-1), true)
	var p packer
	p.init()
	rules := newCompression(&site.Policy{Compress: []string{"text/plain"}})
	f.Fuzz(func(t *testing.T, text []byte, size uint16, declared int32, whole bool) {
		if len(text) == 0 || size == 0 || len(text)/int(size) > 100 || declared == 0 || int(declared) > len(text) {
			return
		}
		to := &basin{ended: make(chan struct{})}
		r := &compressed{sink: to, packer: &p, rules: rules, memory: 1 << 10, gzip: true}
		head := headOf("200 OK", "Content-Type: text/plain")
		want := text
		if whole {
			if err := r.Complete(0, head, http1.Piece{Buf: bytes.Clone(text), End: len(text)}); err != nil {
				t.Fatal(err)
			}
		} else {
			if declared > 0 {
				addField(&head, "Content-Length", strconv.Itoa(int(declared)))
				want = text[:declared]
			}
			send(t, r, head, text, int(size))
		}
		if got := to.unpacked(t); !bytes.Equal(got, want) || to.starts != 1 {
			t.Errorf("%d bytes came as %d, with %d heads", len(want), len(got), to.starts)
		}
		p.running.Wait()
		if p.open.Load() != 0 {
			t.Error("a compressor is kept")
		}
	})
}

// send streams a text in pieces of a size.
func send(t *testing.T, r group.Response, head http1.Head, text []byte, size int) {
	t.Helper()
	buffer := make([]byte, size) // used again, as by a group
	over, err := r.Start(0, head, http1.Piece{})
	for rest := text; len(rest) > 0 && !over && err == nil; {
		n := copy(buffer, rest)
		rest = rest[n:]
		over, err = r.Data(0, http1.Piece{Buf: buffer, End: n})
	}
	if !over && err == nil {
		err = r.End(0)
	}
	if err != nil {
		t.Fatal(err)
	}
}
