package load

import (
	"strconv"
	"sync"
	"time"
)

// record is the account of all requests. Its times are durations since the start.
type record struct {
	start     time.Time
	slowAfter time.Duration // zero: never
	keep      int           // failures

	mu          sync.Mutex
	over        time.Time // zero: not yet
	rows        []Row
	statuses    map[int]int // of answers other than 200
	failures    []Failure   // the first ones
	failed      int
	announced   int
	answered    []bitmap // by worker: the sequence numbers of requests with an OK
	generations []Generation
	processes   map[string]*process
	wentBack    int
	gaps        gaps

	notYet  map[int]bool // workers that have not got going
	running chan struct{}
}

// process is one import of the application, or a fork of it.
type process struct {
	generation int // index into generations
	tokens     bitmap
}

func newRecord(o Options, start time.Time) *record {
	r := &record{
		start: start, slowAfter: o.SlowAfter, keep: o.Keep,
		statuses: map[int]int{}, processes: map[string]*process{},
		notYet: map[int]bool{}, running: make(chan struct{}),
		gaps: newGaps(),
	}
	for _, what := range o.Workers {
		r.rows = append(r.rows, Row{Workers: what})
		for range what.Count {
			r.notYet[len(r.answered)] = true
			r.answered = append(r.answered, nil)
		}
	}
	return r
}

func (r *record) since(t time.Time) time.Duration { return t.Sub(r.start) }

// begin is told of every request before anything is done for it.
func (r *record) begin(w *worker, at time.Time) {
	if !w.what.Job.fast() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps.ask(r.since(at))
}

// underWay is told that a request has been sent, or that its body is being sent.
func (r *record) underWay(w *worker) {
	if w.what.Job.fast() || w.sequence > 1 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.goingLocked(w)
}

func (r *record) goingLocked(w *worker) {
	if !r.notYet[w.number] {
		return
	}
	delete(r.notYet, w.number)
	if len(r.notYet) == 0 {
		close(r.running)
	}
}

// end is told how a request ended and gives the kind that it counts as.
func (r *record) end(x *result) Kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.kind == OK {
		r.identifyLocked(x)
	}
	row := &r.rows[x.worker.group]
	row.Requests++
	request := span{r.since(x.began), r.since(x.ended)}
	fast := x.worker.what.Job.fast()
	if x.kind != OK {
		if fast {
			r.gaps.failed()
		}
		r.countLocked(x)
		return x.kind
	}
	r.answered[x.worker.number].add(x.worker.sequence)
	row.Latency.add(request.length())
	if x.announced && x.worker.what.Job != GetClose {
		r.announced++
	}
	if !fast {
		r.countLocked(x)
		return OK
	}
	r.goingLocked(x.worker)
	if r.slowAfter > 0 && request.length() > r.slowAfter {
		x.kind = Slow // or not, once it is known how late the client itself was
		r.gaps.answered(x.id, request, x)
		return Slow
	}
	r.gaps.answered(x.id, request, nil)
	r.countLocked(x)
	return OK
}

// event is told of what happened between two requests.
func (r *record) event(x *result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.countLocked(x)
}

func (r *record) countLocked(x *result) {
	r.rows[x.worker.group].kinds[x.kind]++
	if x.kind == WrongStatus {
		r.statuses[x.status]++
	}
	if !x.kind.Failed() {
		return
	}
	r.failed++
	at := r.since(x.ended)
	mark := r.gaps.markAt(at)
	mark.Failed++
	if len(r.failures) == r.keep {
		return
	}
	pid, _ := strconv.Atoi(x.identity.pid)
	r.failures = append(r.failures, Failure{
		At: at, Took: x.ended.Sub(x.began), Kind: x.kind, Worker: x.worker.name(), Request: x.ordinal, ID: x.id,
		Status: x.status, PID: pid, Generation: x.identity.generation,
		Detail: x.detail, Received: string(x.received), Mark: mark.Label, AfterMark: at - mark.At,
	})
}

// identifyLocked sees who answered, and that no answer comes twice.
func (r *record) identifyLocked(x *result) {
	who := x.identity
	token, err := strconv.Atoi(who.token)
	if err != nil || token < 0 || token > mostTokens {
		x.kind, x.detail = Foreign, "an answer without a count: "+strconv.Quote(who.token)
		return
	}
	name := who.process + " " + who.pid // a server may load the application once and fork
	p := r.processes[name]
	if p == nil {
		p = &process{generation: r.generationLocked(who.generation, r.since(x.ended))}
		r.processes[name] = p
		r.generations[p.generation].Processes++
	}
	if !p.tokens.add(token) {
		x.kind, x.detail = Foreign, "process "+who.pid+" has given its answer "+who.token+" before"
		return
	}
	g := &r.generations[p.generation]
	g.Answers++
	g.Last = max(g.Last, r.since(x.ended))
	if newest := r.generations[len(r.generations)-1]; g.Name != newest.Name && r.since(x.began) > newest.First {
		r.wentBack++
	}
}

// mostTokens bounds what a wrong count can cost.
const mostTokens = 1 << 28

func (r *record) generationLocked(name string, at time.Duration) int {
	for i := range r.generations {
		if r.generations[i].Name == name {
			return i
		}
	}
	r.generations = append(r.generations, Generation{Name: name, First: at})
	return len(r.generations) - 1
}

// late is told when a timer of the client was due and when its goroutine ran.
func (r *record) late(due, ran time.Time) {
	if ran.Sub(due) <= tolerance {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps.stalled(span{r.since(due), r.since(ran)})
}

// mark is told of an event that goes on from now.
func (r *record) mark(label string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps.mark(label, r.since(at))
}

// settle decides what has waited for the client's own stalls to be known; all of it
// when nothing more can come.
func (r *record) settle(now time.Time, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if all {
		r.gaps.close(r.since(now))
		r.over = now
	}
	for _, x := range r.gaps.settle(r.since(now), all, r.slowAfter) {
		r.countLocked(x)
	}
}
