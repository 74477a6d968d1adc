package load

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// timeline plays requests and stalls; all times are milliseconds since the start.
type timeline struct {
	t *testing.T
	g gaps
}

func newTimeline(t *testing.T) *timeline { return &timeline{t, newGaps()} }

func (l *timeline) ask(at int) { l.g.ask(time.Duration(at) * ms) }

func (l *timeline) answer(from, to int) {
	l.g.answered("id", span{time.Duration(from) * ms, time.Duration(to) * ms}, nil)
}

func (l *timeline) stall(from, to int) {
	l.g.stalled(span{time.Duration(from) * ms, time.Duration(to) * ms})
}

func (l *timeline) mark(label string, at int) { l.g.mark(label, time.Duration(at)*ms) }

// longest judges everything and gives a mark's gaps.
func (l *timeline) longest(mark int) (latency, silence Gap) {
	l.g.settle(time.Hour, true, 0)
	return l.g.marks[mark].Latency, l.g.marks[mark].Silence
}

func (l *timeline) assert(what string, got Gap, at, length, stalled int) {
	l.t.Helper()
	if got.At != time.Duration(at)*ms || got.Length != time.Duration(length)*ms || got.Stalled != time.Duration(stalled)*ms {
		l.t.Errorf("longest %s: %v long at %v, %v stalled; want %dms at %dms, %dms stalled",
			what, got.Length, got.At, got.Stalled, length, at, stalled)
	}
}

func TestGaps(t *testing.T) {
	for _, tc := range []struct {
		name             string
		play             func(*timeline)
		latency, silence [3]int // at, length, stalled
	}{
		{"one request", func(l *timeline) {
			l.ask(10)
			l.answer(10, 15)
		}, [3]int{10, 5, 0}, [3]int{10, 5, 0}},
		{"nobody asks for a while: no silence", func(l *timeline) {
			l.ask(10)
			l.answer(10, 15)
			l.ask(1000)
			l.answer(1000, 1001)
		}, [3]int{10, 5, 0}, [3]int{10, 5, 0}},
		{"one waits while others are answered: no silence", func(l *timeline) {
			l.ask(0)
			for at := 10; at < 100; at += 10 {
				l.ask(at)
				l.answer(at, at+10)
			}
			l.answer(0, 101)
		}, [3]int{0, 101, 0}, [3]int{0, 20, 0}},
		{"an outage: failures do not end a silence", func(l *timeline) {
			l.ask(0)
			l.answer(0, 1)
			for at := 10; at < 500; at += 10 {
				l.ask(at)
				l.g.failed()
			}
			l.ask(500)
			l.answer(500, 502)
		}, [3]int{500, 2, 0}, [3]int{10, 492, 0}},
		{"an outage without an end", func(l *timeline) {
			l.ask(5)
			l.g.failed()
			l.g.close(900 * ms)
		}, [3]int{}, [3]int{5, 895, 0}},
		{"the client stalls for most of it", func(l *timeline) {
			l.ask(0)
			l.stall(20, 110)
			l.stall(15, 100) // another timer, told later
			l.answer(0, 120)
			l.ask(200)
			l.answer(200, 230)
		}, [3]int{200, 30, 0}, [3]int{200, 30, 0}},
		{"a stall that is told of after the answer", func(l *timeline) {
			l.ask(0)
			l.answer(0, 120)
			l.stall(10, 121)
		}, [3]int{0, 120, 110}, [3]int{0, 120, 110}},
		{"a stall before and after the request", func(l *timeline) {
			l.stall(0, 100)
			l.ask(90)
			l.stall(130, 200)
			l.answer(90, 140)
		}, [3]int{90, 50, 20}, [3]int{90, 50, 20}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newTimeline(t)
			tc.play(l)
			latency, silence := l.longest(0)
			l.assert("latency", latency, tc.latency[0], tc.latency[1], tc.latency[2])
			l.assert("silence", silence, tc.silence[0], tc.silence[1], tc.silence[2])
		})
	}
}

// TestMarks: a gap is put down to the last mark at or before its end, and each mark has
// its own longest.
func TestMarks(t *testing.T) {
	l := newTimeline(t)
	l.ask(0)
	l.answer(0, 5)
	l.ask(95)
	l.mark("reload 1", 100)
	l.answer(95, 130) // begun before: the reload held it up
	l.mark("restart 1", 200)
	l.ask(210)
	l.answer(210, 290)
	for mark, want := range [][2]int{{0, 5}, {95, 35}, {210, 80}} {
		latency, silence := l.longest(mark)
		l.assert("latency", latency, want[0], want[1], 0)
		l.assert("silence", silence, want[0], want[1], 0)
	}
	report := Report{Marks: l.g.marks}
	for _, tc := range []struct {
		labels []string
		want   string
	}{{nil, "restart 1"}, {[]string{"reload"}, "reload 1"}, {[]string{"none"}, ""}, {[]string{"start", "re"}, "restart 1"}} {
		if gap := report.LongestGap(tc.labels...); gap.Mark != tc.want {
			t.Errorf("longest gap of %q is of %q, want %q", tc.labels, gap.Mark, tc.want)
		}
	}
	if gap := report.LongestGap("reload"); gap.AfterMark != 30*ms {
		t.Errorf("it ended %v after its mark, want 30ms", gap.AfterMark)
	}
}

// TestSettle: a gap is judged once the stalls during it can be known, not before.
func TestSettle(t *testing.T) {
	l := newTimeline(t)
	l.ask(0)
	l.answer(0, 100)
	l.g.settle(300*ms, false, 0)
	l.assert("latency", l.g.marks[0].Latency, 0, 0, 0)
	l.stall(0, 90)
	l.g.settle(351*ms, false, 0)
	l.assert("latency", l.g.marks[0].Latency, 0, 100, 90)
	if len(l.g.open) > 0 {
		t.Errorf("%d gaps are still to be judged", len(l.g.open))
	}
}

// TestForget: stalls too old to matter are forgotten, but for their sum.
func TestForget(t *testing.T) {
	l := newTimeline(t)
	l.stall(10, 20)
	l.stall(30, 35)
	l.stall(900_000, 900_007)
	l.g.settle(900_010*ms, false, 0)
	if len(l.g.stalls) != 1 {
		t.Errorf("%d stalls are remembered, want 1", len(l.g.stalls))
	}
	if sum, want := l.g.stallSum(), (Stalls{Count: 3, Total: 22 * ms, Longest: 10 * ms}); sum != want {
		t.Errorf("stalls %+v, want %+v", sum, want)
	}
}

// TestSpans: a set of stretches in whatever order they come has the moments of all.
func TestSpans(t *testing.T) {
	var set spans
	for _, s := range []span{{50, 60}, {10, 20}, {80, 90}, {15, 30}, {30, 31}, {0, 5}, {55, 85}} {
		set.add(s)
	}
	want := spans{{0, 5}, {10, 31}, {50, 90}}
	if len(set) != len(want) || set[0] != want[0] || set[1] != want[1] || set[2] != want[2] {
		t.Fatalf("set %v, want %v", set, want)
	}
	if got := set.within(span{4, 52}); got != 1+21+2 {
		t.Errorf("%d of 4 to 52, want 24", got)
	}
	if got := set.within(span{90, 100}); got != 0 {
		t.Errorf("%d of 90 to 100, want 0", got)
	}
	if got := set.total(); got != 66 {
		t.Errorf("total %d, want 66", got)
	}
}
