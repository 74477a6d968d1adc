package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestHistogram: every percentile is at least the exact one and at most 1/32 and a
// microsecond more.
func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var exact []time.Duration
	for range 5000 {
		d := time.Duration(random.ExpFloat64() * float64(40*time.Millisecond))
		h.add(d)
		exact = append(exact, d)
	}
	slices.Sort(exact)
	for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 100} {
		want := exact[max(1, int(p/100*5000))-1]
		got := h.Percentile(p)
		if got < want || got > want+want/32+time.Microsecond {
			t.Errorf("percentile %g is %v, the exact one %v", p, got, want)
		}
	}
	if h.Max != exact[4999] || h.Count != 5000 {
		t.Errorf("max %v of %d, want %v of 5000", h.Max, h.Count, exact[4999])
	}
	var empty Histogram
	if empty.Percentile(99) != 0 {
		t.Error("an empty histogram has a percentile")
	}
}

// TestBuckets: buckets follow one another without a hole, and each ends where upper says.
func TestBuckets(t *testing.T) {
	for us := range uint64(100_000) {
		bucket, next := bucketOf(us), bucketOf(us+1)
		if last := upper(bucket); us > last || next != bucket && (next != bucket+1 || us != last) {
			t.Fatalf("%d is in bucket %d, which ends with %d; %d is in %d", us, bucket, last, us+1, next)
		}
	}
}
