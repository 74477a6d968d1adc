package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestHeaderBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		h    Header
		good bool
	}{
		{"nothing", Header{Kind: Want}, true},
		{"largest", Header{Kind: Response, Count: math.MaxUint16, Head: MaxHead, Body: MaxBody, P: math.MaxUint32, Q: math.MaxUint32}, true},
		{"head too large", Header{Kind: Response, Head: MaxHead + 1}, false},
		{"body too large", Header{Kind: Data, Body: MaxBody + 1}, false},
		{"all ones", Header{Kind: 255, Flags: 255, Count: math.MaxUint16, Head: math.MaxUint32, Body: math.MaxUint32}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b [HeaderSize]byte
			c.h.Put(b[:])
			var got Header
			err := got.Parse(b[:])
			if (err == nil) != c.good {
				t.Fatalf("Parse: %v, want good=%t", err, c.good)
			}
			if err != nil && !strings.Contains(err.Error(), "exceed the bounds") {
				t.Errorf("the error does not say what is wrong: %v", err)
			}
			if c.good && got != c.h {
				t.Errorf("got %+v, want %+v", got, c.h)
			}
		})
	}
}

func TestHeaderLength(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 1, math.MaxUint32, math.MaxUint32 + 1, 1 << 40, math.MaxUint64} {
		var h Header
		h.SetLength(n)
		var b [HeaderSize]byte
		h.Put(b[:])
		var got Header
		if err := got.Parse(b[:]); err != nil {
			t.Fatal(err)
		}
		if got.Length() != n {
			t.Errorf("got %d, want %d", got.Length(), n)
		}
	}
}

// FuzzHeader: whatever Parse accepts is within the bounds, and Put gives back
// the same bytes; whatever it refuses is beyond them.
func FuzzHeader(f *testing.F) {
	for _, h := range []Header{
		{},
		{Kind: Request, Flags: Last, Head: 20, Body: 5},
		{Kind: BodyFile, P: 7, Q: 1},
		{Kind: Response, Flags: Last, Count: 3, Head: MaxHead, Body: MaxBody},
		{Kind: Data, Head: MaxHead + 1, Body: MaxBody + 1},
	} {
		b := make([]byte, HeaderSize)
		h.Put(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderSize {
			return
		}
		var h Header
		err := h.Parse(b)
		if bounded := h.Head <= MaxHead && h.Body <= MaxBody; bounded != (err == nil) {
			t.Fatalf("%+v: %v", h, err)
		}
		var again [HeaderSize]byte
		h.Put(again[:])
		if !bytes.Equal(again[:], b[:HeaderSize]) {
			t.Fatalf("Put(Parse(% x)) = % x", b[:HeaderSize], again)
		}
	})
}
