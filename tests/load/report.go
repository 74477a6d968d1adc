package load

import (
	"slices"
	"strings"
	"time"
)

// Report is the account of a client's requests. All its times count from Start.
type Report struct {
	Seed     uint64
	Took     time.Duration // until the last request ended, or until now
	Rows     []Row         // one for each of Options.Workers, in their order
	Statuses map[int]int   // of answers of the kind WrongStatus

	First  []Failure // the first failures, at most Options.Keep, by time
	Failed int       // all failures

	Marks  []Mark // by time; the first is "start"
	Stalls Stalls

	Generations []Generation // by their first answer
	WentBack    int          // requests sent after the answer of a newer generation that an older one answered
	Announced   int          // answers on kept connections that said "Connection: close"

	run      string
	answered []bitmap
}

// Row is the account of one group of workers.
type Row struct {
	Workers
	Requests int       // that have ended
	Latency  Histogram // of complete right answers, from before the connect or the first byte sent

	kinds [kinds]int
}

// Of is how many requests, or events between requests, were of the kind.
func (r *Row) Of(kind Kind) int { return r.kinds[kind] }

// Failure is one request that failed.
type Failure struct {
	At      time.Duration // when it was over
	Took    time.Duration
	Kind    Kind
	Worker  string // "get 3"
	Request int    // which one on its connection, 1 for the first; 0 when there was no connection
	ID      string // empty for what was no request's answer

	Status     int    // zero: none came
	PID        int    // of the process that answered; zero: it did not say
	Generation string // the same

	Detail   string // what was wrong
	Received string // the first bytes that came

	Mark      string // what went on
	AfterMark time.Duration
}

// Mark is an event that Client.Mark told of, and what is put down to it.
type Mark struct {
	Label  string
	At     time.Duration
	Failed int

	Latency Gap // the longest that one Get, GetClose or Post waited for its right answer
	Silence Gap // the longest that some waited and none was answered
}

func (m *Mark) longest(silence bool) *Gap {
	if silence {
		return &m.Silence
	}
	return &m.Latency
}

// Gap is a stretch of time in which an answer was missing.
type Gap struct {
	At      time.Duration // its beginning
	Length  time.Duration
	Stalled time.Duration // the part in which the client itself was not run
	ID      string        // of the request that waited; empty: of all that waited, none was answered

	Mark      string        // the last one before its end
	AfterMark time.Duration // of its end
}

// Net is what is left without the client's own stalls.
func (g Gap) Net() time.Duration { return g.Length - g.Stalled }

// Stalls are the times in which the client's timers were late: it was not run, or the
// whole machine stood.
type Stalls struct {
	Count          int
	Total, Longest time.Duration
}

// Generation is what the application said about itself, and how long it was heard.
type Generation struct {
	Name        string
	Answers     int
	Processes   int
	First, Last time.Duration // answers
}

// Count is how many requests, or events between requests, were of the kind.
func (r *Report) Count(kind Kind) int {
	n := 0
	for i := range r.Rows {
		n += r.Rows[i].Of(kind)
	}
	return n
}

// Requests is how many requests have ended.
func (r *Report) Requests() int {
	n := 0
	for i := range r.Rows {
		n += r.Rows[i].Requests
	}
	return n
}

// Failures is how many requests failed, those of the given kinds left out.
func (r *Report) Failures(ignore ...Kind) int {
	n := 0
	for kind := range kinds {
		if kind.Failed() && !slices.Contains(ignore, kind) {
			n += r.Count(kind)
		}
	}
	return n
}

// LongestGap is the longest of all, or of the marks whose labels begin with one of
// the given ones; by Net.
func (r *Report) LongestGap(labels ...string) Gap {
	return r.longest(labels, func(m *Mark) Gap {
		if m.Silence.Net() > m.Latency.Net() {
			return m.Silence
		}
		return m.Latency
	})
}

func (r *Report) longest(labels []string, of func(*Mark) Gap) Gap {
	var longest Gap
	for i := range r.Marks {
		m := &r.Marks[i]
		named := func(label string) bool { return strings.HasPrefix(m.Label, label) }
		if len(labels) > 0 && !slices.ContainsFunc(labels, named) {
			continue
		}
		if g := of(m); g.Net() > longest.Net() {
			longest = g
		}
	}
	return longest
}

// report copies: the load may go on.
func (r *record) report(now time.Time) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over.IsZero() {
		now = r.over
	}
	c := &Report{
		Took: r.since(now), Failed: r.failed, First: slices.Clone(r.failures),
		Statuses: map[int]int{}, Marks: slices.Clone(r.gaps.marks), Stalls: r.gaps.stallSum(),
		Generations: slices.Clone(r.generations), WentBack: r.wentBack, Announced: r.announced,
	}
	for status, n := range r.statuses {
		c.Statuses[status] = n
	}
	for _, row := range r.rows {
		row.Latency = row.Latency.clone()
		c.Rows = append(c.Rows, row)
	}
	for _, b := range r.answered {
		c.answered = append(c.answered, slices.Clone(b))
	}
	slices.SortStableFunc(c.First, func(a, b Failure) int { return int(a.At - b.At) })
	return c
}
