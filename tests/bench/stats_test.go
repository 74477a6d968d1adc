package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	values := []float64{9, 1, 5}
	if got := median(values); got != 5 {
		t.Errorf("median of three: %v", got)
	}
	if values[0] != 9 {
		t.Error("median has sorted its argument")
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(least(nil)) {
		t.Error("no values have a median or a minimum")
	}
}

func TestPercentile(t *testing.T) {
	var hundred []int
	for n := 1; n <= 100; n++ {
		hundred = append(hundred, n)
	}
	for _, tc := range []struct {
		values []int
		p      float64
		want   int
	}{
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{[]int{7}, 50, 7},
		{[]int{7, 8}, 99, 8},
		{[]int{7, 8}, 0, 7},
		{nil, 99, 0},
	} {
		if got := percentile(tc.values, tc.p); got != tc.want {
			t.Errorf("percentile %v of %d values: %d, want %d", tc.p, len(tc.values), got, tc.want)
		}
	}
}
