package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// shown is how many failures String prints.
const shown = 20

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "load: %d requests in %v, %d failures, seed %d\n", r.Requests(), r.Took.Round(time.Millisecond), r.Failed, r.Seed)
	r.printRows(&b)
	r.printKinds(&b)
	r.printGaps(&b)
	r.printMarks(&b)
	r.printGenerations(&b)
	r.printFailures(&b)
	return b.String()
}

func columns(b io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (r *Report) printRows(b io.Writer) {
	t := columns(b)
	fmt.Fprint(t, "\tworkers\trequests\tok\tp50\tp90\tp99\tp99.9\tmax\t\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		fmt.Fprintf(t, "\t%d %v\t%d\t%d\t", row.Count, row.Job, row.Requests, row.Of(OK))
		for _, p := range []float64{50, 90, 99, 99.9} {
			fmt.Fprintf(t, "%s\t", milliseconds(row.Latency.Percentile(p)))
		}
		fmt.Fprintf(t, "%s\t\n", milliseconds(row.Latency.Max))
	}
	_ = t.Flush() // a strings.Builder never fails
}

func (r *Report) printKinds(b io.Writer) {
	var list []string
	for kind := Slow; kind < kinds; kind++ {
		n := r.Count(kind)
		if n == 0 {
			continue
		}
		entry := fmt.Sprintf("%d %v", n, kind)
		if kind == WrongStatus {
			entry += " (" + r.statusList() + ")"
		}
		list = append(list, entry)
	}
	if r.Announced > 0 {
		list = append(list, fmt.Sprintf("%d closes announced", r.Announced))
	}
	if len(list) > 0 {
		fmt.Fprintf(b, "beside ok: %s\n", strings.Join(list, ", "))
	}
}

func (r *Report) statusList() string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		list = append(list, fmt.Sprintf("%d: %d", status, r.Statuses[status]))
	}
	return strings.Join(list, ", ")
}

func (r *Report) printGaps(b io.Writer) {
	for _, g := range []struct {
		name string
		Gap
	}{
		{"latency", r.longest(nil, func(m *Mark) Gap { return m.Latency })},
		{"silence", r.longest(nil, func(m *Mark) Gap { return m.Silence })},
	} {
		if g.Length > 0 {
			fmt.Fprintf(b, "longest %s: %v\n", g.name, g.Gap)
		}
	}
	if r.Stalls.Count > 0 {
		fmt.Fprintf(b, "the client itself: %d times late, %s at most, %s in all\n",
			r.Stalls.Count, milliseconds(r.Stalls.Longest), milliseconds(r.Stalls.Total))
	}
}

// String is the gap for people.
func (g Gap) String() string {
	stalled := ""
	if g.Stalled > 0 {
		stalled = fmt.Sprintf(" and %s of the client's own", milliseconds(g.Stalled))
	}
	request := ""
	if g.ID != "" {
		request = ", request " + g.ID
	}
	return fmt.Sprintf("%s%s at %.3fs, until %s after %q%s",
		milliseconds(g.Net()), stalled, g.At.Seconds(), milliseconds(g.AfterMark), g.Mark, request)
}

// markKind is what marks have in common whose labels differ in a number at the end.
func markKind(label string) string {
	i := strings.LastIndexByte(label, ' ')
	if i < 0 {
		return label
	}
	if _, err := strconv.Atoi(label[i+1:]); err != nil {
		return label
	}
	return label[:i]
}

func (r *Report) printMarks(b io.Writer) {
	if len(r.Marks) < 2 {
		return
	}
	var order []string
	failed, longest := map[string]int{}, map[string][]time.Duration{}
	for i := range r.Marks {
		m := &r.Marks[i]
		kind := markKind(m.Label)
		if longest[kind] == nil {
			order = append(order, kind)
		}
		failed[kind] += m.Failed
		longest[kind] = append(longest[kind], max(m.Latency.Net(), m.Silence.Net()))
	}
	t := columns(b)
	fmt.Fprint(t, "\tmark\ttimes\tfailures\tlongest gap: p50\tmax\t\n")
	for _, kind := range order {
		all := longest[kind]
		slices.Sort(all)
		fmt.Fprintf(t, "\t%s\t%d\t%d\t%s\t%s\t\n", kind, len(all), failed[kind],
			milliseconds(all[(len(all)-1)/2]), milliseconds(all[len(all)-1]))
	}
	_ = t.Flush()
}

func (r *Report) printGenerations(b io.Writer) {
	processes := 0
	for _, g := range r.Generations {
		processes += g.Processes
	}
	if n := len(r.Generations); n > 0 {
		first, last := r.Generations[0], r.Generations[n-1]
		fmt.Fprintf(b, "generations: %d, %q to %q, %d processes", n, first.Name, last.Name, processes)
		if r.WentBack > 0 {
			fmt.Fprintf(b, "; %d requests went back to an older one", r.WentBack)
		}
		fmt.Fprintln(b)
	}
}

func (r *Report) printFailures(b io.Writer) {
	if r.Failed == 0 {
		return
	}
	list := r.First[:min(len(r.First), shown)]
	fmt.Fprintf(b, "failures, %d of %d:\n", len(list), r.Failed)
	for _, f := range list {
		fmt.Fprintf(b, "  %v\n", f)
	}
}

// String is the failure for people, in one line.
func (f Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.3fs (%s after %q) %s: %v", f.At.Seconds(), milliseconds(f.AfterMark), f.Mark, f.Worker, f.Kind)
	if f.Status != 0 {
		fmt.Fprintf(&b, ", status %d", f.Status)
	}
	if f.PID != 0 {
		fmt.Fprintf(&b, ", process %d, generation %s", f.PID, f.Generation)
	}
	if f.ID != "" {
		fmt.Fprintf(&b, ", request %s, %d on its connection, after %s", f.ID, f.Request, milliseconds(f.Took))
	}
	if f.Detail != "" {
		fmt.Fprintf(&b, ": %s", f.Detail)
	}
	if f.Received != "" {
		fmt.Fprintf(&b, "; received %s", clip([]byte(f.Received)))
	}
	return b.String()
}

// milliseconds prints what matters here: three digits or whole milliseconds.
func milliseconds(d time.Duration) string {
	ms := d.Seconds() * 1e3
	switch {
	case ms < 9.995:
		return fmt.Sprintf("%.2fms", ms)
	case ms < 99.95:
		return fmt.Sprintf("%.1fms", ms)
	default:
		return fmt.Sprintf("%.0fms", ms)
	}
}
