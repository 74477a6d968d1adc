package load

// bitmap is a set of small numbers.
type bitmap []uint64

// add reports whether n was new. A negative n never is.
func (b *bitmap) add(n int) bool {
	if n < 0 || b.has(n) {
		return false
	}
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
	return true
}

func (b bitmap) has(n int) bool { return n >= 0 && n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }
