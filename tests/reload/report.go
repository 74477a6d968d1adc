package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/load"
	"github.com/wsgid/wsgid/tests/peers"
)

// row is one line of the table.
type row struct {
	trial    trial
	requests int
	failed   int
	closed   int    // under a request, on a kept connection
	others   string // the other failures, by kind
	idle     int    // kept connections that were closed between two requests
	twice    int    // requests that the application got twice
	heard    int    // generations of new code
	wentBack int    // answers of older code after newer
	wait     load.Gap
	silence  load.Gap
	rest     time.Duration // the longer of both, before the first reload
	late     time.Duration
}

func newRow(t trial, report *load.Report, twice []load.Seen) row {
	r := row{
		trial: t, requests: report.Requests(), failed: report.Failures(), closed: report.Count(load.ClosedReused), idle: report.Count(load.ClosedIdle),
		others: others(report), twice: len(twice), wentBack: report.WentBack,
		heard: max(0, len(report.Generations)-1), late: report.Stalls.Longest,
		rest: report.LongestGap(markRest).Net(),
	}
	for _, m := range report.Marks {
		if strings.HasPrefix(m.Label, markReload) {
			r.wait, r.silence = longer(r.wait, m.Latency), longer(r.silence, m.Silence)
		}
	}
	return r
}

func longer(a, b load.Gap) load.Gap {
	if b.Net() > a.Net() {
		return b
	}
	return a
}

// others lists the failures of all other kinds, the statuses by number.
func others(report *load.Report) string {
	var list []string
	for kind := load.OK; kind < load.ClosedIdle; kind++ {
		n := report.Count(kind)
		switch {
		case n == 0 || !kind.Failed() || kind == load.ClosedReused:
		case kind == load.WrongStatus:
			for _, status := range slices.Sorted(maps.Keys(report.Statuses)) {
				list = append(list, fmt.Sprintf("%d status %d", report.Statuses[status], status))
			}
		default:
			list = append(list, fmt.Sprintf("%d %v", n, kind))
		}
	}
	return strings.Join(list, ", ")
}

// versions names the packages of the servers.
func versions(ctx context.Context, o options) []string {
	files := neededFiles(o)
	var list []string
	for _, pkg := range slices.Compact(slices.Sorted(maps.Values(files))) {
		list = append(list, pkg+" "+peers.Version(ctx, pkg))
	}
	return list
}

// String is the whole output, as Markdown.
func (res results) String() string {
	var b strings.Builder
	o := res.options
	fmt.Fprintf(&b, "# %d reloads under a light load, one every %v, of an application that imports for %v\n\n", o.reloads, o.interval, o.imports)
	fmt.Fprintf(&b, "- seed: %d\n- packages: %s\n", o.seed, strings.Join(res.packages, ", "))
	if res.lacking != "" {
		fmt.Fprintf(&b, "- wsgid without systemd: %s\n", res.lacking)
	}
	b.WriteString("\n| server | reload by | requests | failed | closed under a request | other failures | closed idle | wait, ms | silence, ms | at rest, ms | late, ms |\n")
	b.WriteString("|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|\n")
	for i := range res.rows {
		res.rows[i].print(&b)
	}
	for i := range res.rows {
		res.rows[i].remark(&b, o.reloads)
	}
	if len(res.failures) > 0 {
		b.WriteString("\n## Failures\n\n")
		for _, f := range res.failures {
			fmt.Fprintf(&b, "- %s\n", f)
		}
	}
	return b.String()
}

func (r *row) print(b *strings.Builder) {
	fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %s | %d | %s | %s | %s | %s |\n",
		r.trial.server, r.trial.how, r.requests, r.failed, r.closed, dash(r.others), r.idle,
		milliseconds(r.wait.Net()), milliseconds(r.silence.Net()), milliseconds(r.rest), milliseconds(r.late))
}

// remark says what no column has.
func (r *row) remark(b *strings.Builder, reloads int) {
	var list []string
	if !r.trial.sameCode && r.heard != reloads {
		list = append(list, fmt.Sprintf("%d of %d new generations answered", r.heard, reloads))
	}
	if r.wentBack > 0 {
		list = append(list, fmt.Sprintf("%d answers of older code after newer", r.wentBack))
	}
	if r.twice > 0 {
		list = append(list, fmt.Sprintf("%d requests came to the application twice", r.twice))
	}
	if len(list) > 0 {
		fmt.Fprintf(b, "\n%s: %s.\n", r.trial.title(), strings.Join(list, "; "))
	}
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// milliseconds are whole from ten on.
func milliseconds(d time.Duration) string {
	ms := d.Seconds() * 1e3
	if ms < 9.95 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}
