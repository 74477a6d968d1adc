package load

import (
	"slices"
	"time"
)

// span is a stretch of time, in durations since the client's start.
type span struct{ from, to time.Duration }

func (s span) length() time.Duration { return s.to - s.from }

// spans is a set of moments: sorted stretches that do not touch.
type spans []span

// add unites the set with s and gives the stretch that s is now part of.
func (all *spans) add(s span) span {
	from := len(*all)
	// What is added is late in the set, nearly always.
	for from > 0 && (*all)[from-1].to >= s.from {
		from--
	}
	to := from
	for to < len(*all) && (*all)[to].from <= s.to {
		s.from, s.to = min(s.from, (*all)[to].from), max(s.to, (*all)[to].to)
		to++
	}
	*all = slices.Replace(*all, from, to, s)
	return s
}

// within is how much of s is in the set.
func (all spans) within(s span) time.Duration {
	var sum time.Duration
	for i := len(all) - 1; i >= 0 && all[i].to > s.from; i-- {
		if common := min(all[i].to, s.to) - max(all[i].from, s.from); common > 0 {
			sum += common
		}
	}
	return sum
}

// total is the length of all stretches together.
func (all spans) total() time.Duration {
	var sum time.Duration
	for _, s := range all {
		sum += s.length()
	}
	return sum
}
