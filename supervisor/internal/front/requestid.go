package front

import (
	"math/rand/v2"
	"sync/atomic"
)

// ids makes request ids: 16 hexadecimal digits, distinct within a supervisor's
// life and, for all practical purposes, between supervisors.
type ids struct {
	seed  uint64
	count atomic.Uint64
}

// newIDs seeds from the runtime's generator, which the system seeds. An id is
// to be distinct, not secret.
func newIDs() *ids { return &ids{seed: rand.Uint64()} }

// append appends a new id. The number is scrambled by a bijection (the
// finalizer of SplitMix64), so that ids of one moment do not look alike.
func (i *ids) append(dst []byte) []byte {
	const digits = "0123456789abcdef"
	z := i.seed + i.count.Add(1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[z>>shift&15])
	}
	return dst
}

// validID reports whether an id from a trusted proxy is fit for logs and
// headers: 1 to 128 letters, digits and -._=+/:@.
func validID(id []byte) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for _, c := range id {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '=', c == '+', c == '/', c == ':', c == '@':
		default:
			return false
		}
	}
	return true
}
