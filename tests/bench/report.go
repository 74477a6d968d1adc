package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/tests/peers"
)

// report is the whole output, as Markdown.
func report(res results) string {
	var out strings.Builder
	reportFacts(&out, res)
	reportRatios(&out, res)
	reportRouting(&out, res)
	reportOwn(&out, res)
	table(&out, res, "CPU µs per request: median (min)", func(row, server string) string {
		values := res.values(row, server, cpuMicros)
		return withLeast(median(values), least(values))
	})
	for _, t := range []struct {
		title  string
		metric metric
	}{
		{"requests/s: median", perSecond},
		{"p50 ms: median", p50},
		{"p99 ms: median", p99},
		{"switches per request: median", switchesEach},
		{"PSS MiB after load, other servers up: median", memory},
	} {
		table(&out, res, t.title, func(row, server string) string {
			return number(median(res.values(row, server, t.metric)))
		})
	}
	table(&out, res, "errors: sum over all rounds", func(row, server string) string {
		return errorText(res, row, server)
	})
	reportStarts(&out, res)
	for _, figures := range res.Scale {
		reportScale(&out, figures)
	}
	reportLacking(&out, res)
	reportFailures(&out, res)
	return out.String()
}

func reportFacts(out *strings.Builder, res results) {
	fmt.Fprintf(out, "# Side by side: %d processes x %d threads, %d x %g s\n\n", peers.Processes, peers.Threads, res.Rounds, res.Seconds)
	for _, f := range res.Facts {
		fmt.Fprintf(out, "- %s: %s\n", f.Name, f.Value)
	}
	out.WriteString("\nRows are named application:connections. Only ratios within one run mean anything.\n")
}

// reportRatios compares wsgid with its peers, beside the goals.
func reportRatios(out *strings.Builder, res results) {
	peers := peersOf(res)
	if len(res.Rows) == 0 || len(peers) == 0 || !slices.Contains(res.Servers, nameWsgid) {
		return
	}
	head := []string{"wsgid's ratio to"}
	for _, peer := range peers {
		head = append(head, "CPU: "+peer, "p99: "+peer)
	}
	rule(out, head)
	for _, row := range res.Rows {
		line := []string{row}
		for _, peer := range peers {
			line = append(line, cpuVerdict(res, row, peer), p99Verdict(res, row, peer))
		}
		tableLine(out, line)
	}
	fmt.Fprintf(out, "\nCPU per request: ratio of the medians (of the minima), the goal for the medians. p99: ratio of the medians, the goal is ≤ %.2f.\n", p99Goal)
}

// reportOwn gives the goals that compare with nobody.
func reportOwn(out *strings.Builder, res results) {
	first := median(res.startValues(nameWsgid, firstMs))
	idle := median(res.startValues(nameWsgid, idleMiB))
	if math.IsNaN(first) {
		return
	}
	rule(out, []string{"wsgid", "figure", "goal", ""})
	tableLine(out, []string{"start to first 200, ms", number(first), fmt.Sprintf("≤ %g", startGoal), verdict(first, startGoal)})
	tableLine(out, []string{"idle PSS, MiB", number(idle), fmt.Sprintf("≤ %g", idleGoal), verdict(idle, idleGoal)})
}

func firstMs(s start) float64   { return s.FirstMs }
func idleMiB(s start) float64   { return s.IdleMiB }
func loadedMiB(s start) float64 { return s.LoadedMiB }

func reportStarts(out *strings.Builder, res results) {
	if len(res.Starts) == 0 {
		return
	}
	rule(out, []string{"one server up at a time", "start to first 200, ms: median (min–max)", "idle PSS, MiB", "PSS after hello:64, MiB"})
	for _, server := range res.Servers {
		first := res.startValues(server, firstMs)
		text := "–"
		if len(first) > 0 {
			text = fmt.Sprintf("%s (%s–%s)", number(median(first)), number(least(first)), number(slices.Max(first)))
		}
		tableLine(out, []string{
			server, text,
			number(median(res.startValues(server, idleMiB))),
			number(median(res.startValues(server, loadedMiB))),
		})
	}
}

func reportLacking(out *strings.Builder, res results) {
	if len(res.Lacking) == 0 {
		return
	}
	out.WriteString("\n## Not measured\n\n")
	for _, line := range res.Lacking {
		fmt.Fprintf(out, "- %s\n", line)
	}
}

func reportFailures(out *strings.Builder, res results) {
	if len(res.Failures) == 0 {
		return
	}
	out.WriteString("\n## Failures\n\n")
	for _, f := range res.Failures {
		fmt.Fprintf(out, "- %s on %s: %s\n", f.Server, f.Row, f.Error)
	}
}

// table prints rows against servers; none without rows.
func table(out *strings.Builder, res results, title string, text func(row, server string) string) {
	if len(res.Rows) == 0 {
		return
	}
	rule(out, append([]string{title}, res.Servers...))
	for _, row := range res.Rows {
		line := []string{row}
		for _, server := range res.Servers {
			line = append(line, text(row, server))
		}
		tableLine(out, line)
	}
}

// rule prints the head of a table, all columns but the first set to the right.
func rule(out *strings.Builder, head []string) {
	out.WriteByte('\n')
	tableLine(out, head)
	out.WriteString("|---|" + strings.Repeat("---:|", len(head)-1) + "\n")
}

func tableLine(out *strings.Builder, fields []string) {
	out.WriteString("| " + strings.Join(fields, " | ") + " |\n")
}

// number prints three digits or more; "–" for no figure.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func withLeast(middle, low float64) string {
	if math.IsNaN(middle) {
		return "–"
	}
	return number(middle) + " (" + number(low) + ")"
}

// errorText sums the errors of a row by kind, most telling when there are none.
func errorText(res results, row, server string) string {
	sums := map[string]int{}
	measured := false
	for _, c := range res.Cells {
		if c.Row != row || c.Server != server {
			continue
		}
		measured = true
		for kind, n := range c.Errors {
			sums[kind] += n
		}
	}
	var texts []string
	for kind, n := range sums {
		texts = append(texts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(texts)
	switch {
	case !measured:
		return "–"
	case len(texts) == 0:
		return "0"
	}
	return strings.Join(texts, ", ")
}
