package main

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// h2loadPrints is what h2load prints, with the lines that are read.
const h2loadPrints = `Application protocol: h2
finished in 2.50s, 1.60 req/s, 302.76KB/s
requests: 4 total, 6 started, 4 done, 4 succeeded, 1 failed, ERRORED errored, 0 timeout
status codes: 4 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 302B (302) total, 33B (33) headers (space savings 94.53%), BODYB (BODY) data
`

func TestReadH2load(t *testing.T) {
	r := row{conns: 2, streams: 1, want: answer{length: 10}}
	const good = "1795284296344496\t200\t1000\n1795284296344440\t200\t3000\n1795284296344470\t200\t2000\n"
	for _, tc := range []struct {
		name, log, errored, body string
		requests                 int
		errors                   map[string]int
	}{
		{"good", good, "0", "30", 3, map[string]int{}},
		{"bodies on their way", good, "0", "50", 3, map[string]int{}},
		{"short", good, "0", "29", 0, map[string]int{"length": 3}},
		{"long", good, "0", "51", 0, map[string]int{"length": 3}},
		{"status", good + "1795284296344496\t502\t10\n", "0", "99", 3, map[string]int{"status": 1}},
		{"failed", good + "1795284296344496\t-1\t10\n", "2", "30", 3, map[string]int{"status": 1, "socket": 2}},
	} {
		out := strings.ReplaceAll(strings.ReplaceAll(h2loadPrints, "ERRORED", tc.errored), "BODY", tc.body)
		got, err := readH2load(out, tc.log, r)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got.requests != tc.requests || !maps.Equal(got.errors, tc.errors) {
			t.Errorf("%s: %d requests, errors %v", tc.name, got.requests, got.errors)
		}
		if got.elapsed != 2500*time.Millisecond || got.p50 != 2*time.Millisecond || got.p99 != 3*time.Millisecond {
			t.Errorf("%s: %v, p50 %v, p99 %v", tc.name, got.elapsed, got.p50, got.p99)
		}
	}
	for _, out := range []string{"", "Application protocol: h2\n", strings.Replace(h2loadPrints, ": h2", ": http/1.1", 1)} {
		if _, err := readH2load(out, good, r); err == nil {
			t.Errorf("this is taken: %s", out)
		}
	}
	for _, bad := range []string{"1", "1 200\n", "1 x 3\n", "1 200 x\n"} {
		if _, err := readH2load(h2loadPrints, bad, r); err == nil {
			t.Errorf("log %q is taken", bad)
		}
	}
}
