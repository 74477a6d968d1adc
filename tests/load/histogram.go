package load

import (
	"math"
	"math/bits"
	"time"
)

// perDoubling is how many buckets cover a doubling: a value is known to 1/32 of itself.
const perDoubling = 32

// Histogram counts durations in buckets of microseconds that grow with the value.
// The zero Histogram is empty.
type Histogram struct {
	Count int
	Max   time.Duration // exact; zero when empty

	buckets []int
}

func (h *Histogram) add(d time.Duration) {
	h.Count++
	h.Max = max(h.Max, d)
	i := bucketOf(uint64(max(0, d.Microseconds())))
	for len(h.buckets) <= i {
		h.buckets = append(h.buckets, 0)
	}
	h.buckets[i]++
}

// bucketOf: the first two doublings' worth have a bucket for each microsecond.
func bucketOf(us uint64) int {
	shift := max(0, bits.Len64(us)-bits.Len(2*perDoubling-1))
	return shift*perDoubling + int(us>>shift)
}

// upper is the largest number of microseconds in a bucket.
func upper(bucket int) uint64 {
	shift := max(0, bucket/perDoubling-1)
	return uint64(bucket-shift*perDoubling+1)<<shift - 1
}

// Percentile is what p per cent of the durations do not exceed, rounded up by at most
// 1/32. Zero when empty.
func (h *Histogram) Percentile(p float64) time.Duration {
	rank := max(1, int(math.Ceil(p/100*float64(h.Count))))
	for i, n := range h.buckets {
		if rank -= n; rank <= 0 {
			return min(h.Max, time.Duration(upper(i)+1)*time.Microsecond)
		}
	}
	return h.Max
}

// clone shares nothing with h.
func (h *Histogram) clone() Histogram {
	c := *h
	c.buckets = append([]int(nil), h.buckets...)
	return c
}
