package load

import "time"

const (
	// tolerance is how late a timer may be before the client counts as stalled: Go's
	// timers wait in whole milliseconds.
	tolerance = 2 * time.Millisecond

	// settleAfter is how long after its end a gap is judged: a stall is known when the
	// goroutines that were late have run.
	settleAfter = 250 * time.Millisecond

	// remembered is how long stalls are kept for gaps that are not over: longer than
	// any request's limit in use.
	remembered = 10 * time.Minute
)

// gaps measures how long answers were missing, and what of that was the client's fault.
type gaps struct {
	marks   []Mark
	stalls  spans
	longest time.Duration // stall
	forgot  Stalls        // stalls that are no longer in the set
	open    []candidate

	asked   int           // requests under way
	waiting bool          // since then, without an answer to any
	since   time.Duration // the last answer, or the first request after it
}

// candidate may turn out to be the longest gap of its mark.
type candidate struct {
	span
	id   string  // of the request; empty: a silence
	slow *result // an answer that is perhaps slow
}

func newGaps() gaps { return gaps{marks: []Mark{{Label: "start"}}} }

func (g *gaps) mark(label string, at time.Duration) {
	g.marks = append(g.marks, Mark{Label: label, At: at})
}

// markAt is the last mark at or before a moment.
func (g *gaps) markAt(at time.Duration) *Mark {
	i := len(g.marks) - 1
	for i > 0 && g.marks[i].At > at {
		i--
	}
	return &g.marks[i]
}

// ask: a request begins.
func (g *gaps) ask(at time.Duration) {
	g.asked++
	if !g.waiting {
		g.waiting, g.since = true, at
	}
}

// failed: a request ended otherwise. The silence goes on, even while nobody asks.
func (g *gaps) failed() { g.asked-- }

// answered: a request was answered. slow is not nil when it was perhaps too slow.
func (g *gaps) answered(id string, request span, slow *result) {
	g.asked--
	g.consider(candidate{span: request, id: id, slow: slow})
	if request.to > g.since {
		g.consider(candidate{span: span{g.since, request.to}})
		g.since = request.to
	}
	g.waiting = g.asked > 0
}

// close ends a silence that no answer has ended.
func (g *gaps) close(at time.Duration) {
	if g.waiting {
		g.consider(candidate{span: span{g.since, at}})
		g.waiting = false
	}
}

// consider keeps what may be longer than the longest. Stalls only take off.
func (g *gaps) consider(c candidate) {
	m := g.markAt(c.to)
	if c.slow != nil || c.length() > m.longest(c.id == "").Net() {
		g.open = append(g.open, c)
	}
}

func (g *gaps) stalled(s span) {
	g.longest = max(g.longest, g.stalls.add(s).length())
}

// settle judges the candidates that ended a while before now, or all. It gives the
// answers that were perhaps slow, with the kind that they are of.
func (g *gaps) settle(now time.Duration, all bool, slowAfter time.Duration) []*result {
	var decided []*result
	kept := g.open[:0]
	for _, c := range g.open {
		if !all && c.to > now-settleAfter {
			kept = append(kept, c)
			continue
		}
		gap := g.judge(c)
		if c.slow != nil {
			if gap.Net() <= slowAfter {
				c.slow.kind = OK
			}
			decided = append(decided, c.slow)
		}
	}
	clear(g.open[len(kept):])
	g.open = kept
	g.forget(now - remembered)
	return decided
}

// judge takes off what is the client's own, and enters the gap at its mark.
func (g *gaps) judge(c candidate) Gap {
	m := g.markAt(c.to)
	gap := Gap{
		At: c.from, Length: c.length(), Stalled: g.stalls.within(c.span), ID: c.id, Mark: m.Label, AfterMark: c.to - m.At,
	}
	if longest := m.longest(c.id == ""); gap.Net() > longest.Net() {
		*longest = gap
	}
	return gap
}

func (g *gaps) forget(before time.Duration) {
	n := 0
	for n < len(g.stalls) && g.stalls[n].to < before {
		g.forgot.Count++
		g.forgot.Total += g.stalls[n].length()
		n++
	}
	if n > 0 {
		g.stalls = append(spans(nil), g.stalls[n:]...)
	}
}

// stallSum is what the stalls amount to.
func (g *gaps) stallSum() Stalls {
	return Stalls{
		Count: g.forgot.Count + len(g.stalls), Total: g.forgot.Total + g.stalls.total(), Longest: g.longest,
	}
}
