package load

import (
	"bytes"
	"crypto/sha3"
	"fmt"
	"strconv"
)

// patternBlock is app.py's BLOCK.
const patternBlock = 4096

// pattern is the endless sequence of bytes of a seed, as app.py makes it. No part of it
// comes again, so nothing lost, doubled or swapped goes unseen.
type pattern struct {
	seed   uint64
	number int64  // of the next block
	rest   []byte // of the block before
}

// next is what follows, at most n bytes; valid until the next call.
func (p *pattern) next(n int) []byte {
	if len(p.rest) == 0 {
		name := strconv.AppendUint(nil, p.seed, 10)
		name = strconv.AppendInt(append(name, ':'), p.number, 10)
		p.rest = sha3.SumSHAKE128(name, patternBlock)
		p.number++
	}
	n = min(n, len(p.rest))
	piece := p.rest[:n]
	p.rest = p.rest[n:]
	return piece
}

// expected is what the body of an answer has to be.
type expected interface {
	take(piece []byte) error // the next bytes that came
	end() error              // nothing follows
}

// contentError says how a body differs from what was asked for.
type contentError string

func (e contentError) Error() string { return string(e) }

// text is a short body known beforehand; it shrinks as it is taken.
type text string

func (t *text) take(piece []byte) error {
	if len(piece) > len(*t) || string(piece) != string((*t)[:len(piece)]) {
		return contentError(fmt.Sprintf("body %s instead of %q", clip(piece), string(*t)))
	}
	*t = (*t)[len(piece):]
	return nil
}

func (t *text) end() error {
	if *t != "" {
		return contentError(fmt.Sprintf("body ends %d bytes early: %q is missing", len(*t), string(*t)))
	}
	return nil
}

// patterned is a body of the given length of a pattern.
type patterned struct {
	pattern
	length int64
	taken  int64
	pace   *pace // nil: as fast as it comes
}

func (p *patterned) take(piece []byte) error {
	for len(piece) > 0 {
		if p.taken == p.length {
			return contentError(fmt.Sprintf("body goes on after %d bytes with %s", p.length, clip(piece)))
		}
		want := p.next(int(min(int64(len(piece)), p.length-p.taken)))
		if i := firstDifference(piece, want); i < len(want) {
			return contentError(fmt.Sprintf("body differs at byte %d of %d", p.taken+int64(i), p.length))
		}
		p.taken += int64(len(want))
		piece = piece[len(want):]
	}
	if p.pace != nil {
		p.pace.wait(p.taken)
	}
	return nil
}

// firstDifference is len(want) when got begins with want.
func firstDifference(got, want []byte) int {
	if bytes.HasPrefix(got, want) {
		return len(want)
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	return i
}

func (p *patterned) end() error {
	if p.taken < p.length {
		return contentError(fmt.Sprintf("body ends after %d of %d bytes", p.taken, p.length))
	}
	return nil
}

// anything is the body of an error: its beginning, for people.
type anything struct{ beginning []byte }

func (a *anything) take(piece []byte) error {
	a.beginning = append(a.beginning, piece[:min(len(piece), clipped-len(a.beginning))]...)
	return nil
}

func (a *anything) end() error { return nil }

// clipped is how much of what was received a report shows.
const clipped = 160

func clip(b []byte) string {
	if len(b) > clipped {
		return strconv.Quote(string(b[:clipped])) + "…"
	}
	return strconv.Quote(string(b))
}
