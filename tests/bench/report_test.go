package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// sampleCell is a cell with 1000 requests at so many microseconds each.
func sampleCell(row, server string, round int, micros, p99 float64) cell {
	return cell{
		Row: row, Server: server, Round: round,
		Requests: 1000, Seconds: 2, CPUSeconds: micros / 1000,
		P50Ms: 1, P99Ms: p99, Switches: 1500, MemoryMiB: 20,
	}
}

func sampleResults() results {
	res := results{
		Facts:   []fact{{"kernel", "6.1"}},
		Servers: []string{nameWsgid, nameUwsgi, nameApache},
		Rows:    []string{"hello:64", "stream100m:2", "flask:16"},
		Rounds:  3, Seconds: 2,
	}
	for round, factor := range []float64{1, 3, 2} { // medians are twice, minima once
		res.Cells = append(
			res.Cells,
			sampleCell("hello:64", nameWsgid, round, 30*factor, 4),
			sampleCell("hello:64", nameUwsgi, round, 40*factor, 5),
			sampleCell("hello:64", nameApache, round, 200*factor, 2),
			sampleCell("stream100m:2", nameWsgid, round, 60*factor, 4),
			sampleCell("stream100m:2", nameUwsgi, round, 70*factor, 4),
			sampleCell("stream100m:2", nameApache, round, 90*factor, 4),
			sampleCell("flask:16", nameUwsgi, round, 400*factor, 4),
		)
	}
	res.Cells[0].Errors = map[string]int{"socket": 2, "length": 1}
	res.Cells = append(res.Cells, cell{Row: "flask:16", Server: nameApache, Seconds: 2}) // nothing completed
	res.Cells = append(
		res.Cells,
		sampleCell("routing:1", nameWsgid, 0, 30, 4),
		sampleCell("routing:100", nameWsgid, 0, 31, 4),
		sampleCell("routing:1000", nameWsgid, 0, 33, 4),
	)
	res.Starts = []start{
		{Server: nameWsgid, FirstMs: 50},
		{Server: nameWsgid, FirstMs: 70},
		{Server: nameWsgid, FirstMs: 40, IdleMiB: 21, LoadedMiB: 30},
	}
	res.fail("flask:16", nameWsgid, errNoAnswer{})
	return res
}

type errNoAnswer struct{}

func (errNoAnswer) Error() string { return "no answer" }

func TestReport(t *testing.T) {
	got := report(sampleResults())
	for _, line := range []string{
		"- kernel: 6.1",
		"| wsgid's ratio to | CPU: nginx+uwsgi | p99: nginx+uwsgi | CPU: apache | p99: apache |",
		"| hello:64 | 0.75 (0.75) ≤ 0.65 missed | 0.80 reached | 0.15 (0.15) ≤ 0.20 reached | 2.00 missed |",
		// The goal is on the better peer alone.
		"| stream100m:2 | 0.86 (0.86) ≤ 0.75 missed | 1.00 reached | 0.67 (0.67) | 1.00 reached |",
		"| flask:16 | – | – | – | – |",
		"| start to first 200, ms | 50.0 | ≤ 60 | reached |",
		"| idle PSS, MiB | 21.0 | ≤ 20 | missed |",
		"| hello:64 | 60.0 (30.0) | 80.0 (40.0) | 400 (200) |",
		"| hello:64 | 500 | 500 | 500 |",
		"| hello:64 | 1 length, 2 socket | 0 | 0 |",
		"| flask:16 | – | 800 (400) | – |",
		"| wsgid | 50.0 (40.0–70.0) | 21.0 | 30.0 |",
		"| apache | – | – | – |",
		"- wsgid on flask:16: no answer",
		"| routing:100 | 1.03 (1.03) | ≤ 1.05 | reached |",
		"| routing:1000 | 1.10 (1.10) | ≤ 1.05 | missed |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("line is missing: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestReportWithoutWsgid(t *testing.T) {
	res := sampleResults()
	res.Servers, res.Starts = res.Servers[1:], nil
	got := report(res)
	if strings.Contains(got, "ratio to") || strings.Contains(got, "first 200") {
		t.Errorf("ratios or starts of a server that did not run:\n%s", got)
	}
	if !strings.Contains(got, "| hello:64 | 80.0 (40.0) | 400 (200) |\n") {
		t.Errorf("the peers' figures are missing:\n%s", got)
	}
}

func TestRawFiguresCanBeWritten(t *testing.T) {
	// A cell without requests has no CPU per request: NaN cannot be encoded.
	if err := writeRaw(filepath.Join(t.TempDir(), "raw.json"), sampleResults()); err != nil {
		t.Error(err)
	}
}
