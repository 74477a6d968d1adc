package load

import (
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden file anew")

// sample is a report with something of everything.
func sample() *Report {
	get := Row{Workers: Workers{Job: Get, Count: 8}, Requests: 1000}
	for i := range 990 {
		get.Latency.add(time.Duration(i+300) * time.Microsecond)
	}
	get.kinds = [kinds]int{OK: 985, WrongStatus: 4, ClosedReused: 6, Slow: 5, ClosedIdle: 2}
	sleep := Row{Workers: Workers{Job: Sleep, Count: 1}, Requests: 3}
	sleep.Latency.add(20_003 * time.Millisecond)
	sleep.kinds = [kinds]int{OK: 1, WrongStatus: 1, Abandoned: 1}
	r := &Report{
		Seed: 42, Took: 61_234 * time.Millisecond, Rows: []Row{get, sleep},
		Statuses: map[int]int{503: 3, 502: 2}, Failed: 16, Announced: 7,
		Stalls:      Stalls{Count: 3, Total: 30 * time.Millisecond, Longest: 17 * time.Millisecond},
		Generations: []Generation{{Name: "1", Processes: 2}, {Name: "2", Processes: 2}, {Name: "3", Processes: 3}},
		WentBack:    1,
		First: []Failure{
			{
				At: 12_345 * time.Millisecond, Took: 3 * time.Millisecond, Kind: WrongStatus, Worker: "get 3", Request: 12,
				ID: "abc-3-77", Status: 502, Detail: `body "request 17"`, Received: "HTTP/1.1 502 Bad Gateway\r\n",
				Mark: "reload 2", AfterMark: 132 * time.Millisecond,
			},
			{
				At: 12_400 * time.Millisecond, Took: 2 * time.Second, Kind: Truncated, Worker: "stream 9", Request: 1,
				ID: "abc-9-4", Status: 200, PID: 4711, Generation: "1", Detail: "unexpected EOF",
				Mark: "reload 2", AfterMark: 187 * time.Millisecond,
			},
			{
				At: 13 * time.Second, Kind: Unasked, Worker: "get 4", Request: 2, Received: "x",
				Mark: "restart 1", AfterMark: time.Millisecond,
			},
		},
	}
	for i, label := range []string{"start", "reload 1", "reload 2", "restart 1", "reload 3", "logrotate of all"} {
		r.Marks = append(r.Marks, Mark{
			Label: label, At: time.Duration(i) * 4 * time.Second,
			Latency: Gap{
				At: time.Duration(i)*4*time.Second + 90*time.Millisecond, Length: time.Duration(5*i+3) * time.Millisecond,
				Stalled: time.Duration(i) * time.Millisecond, ID: "abc-1-5", Mark: label, AfterMark: 100 * time.Millisecond,
			},
			Silence: Gap{At: time.Second, Length: time.Duration(4*i) * 999 * time.Microsecond, Mark: label},
		})
	}
	r.Marks[2].Failed = 15
	r.Marks[3].Failed = 1
	return r
}

func TestReportString(t *testing.T) {
	const file = "testdata/report.txt"
	got := sample().String()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("report is\n%s\nwant\n%s", got, want)
	}
}

func TestFailures(t *testing.T) {
	r := sample()
	for _, tc := range []struct {
		ignore []Kind
		want   int
	}{
		{nil, 16},
		{[]Kind{WrongStatus}, 11},
		{[]Kind{WrongStatus, Slow, ClosedReused}, 0},
		{[]Kind{OK, ClosedIdle}, 16},
	} {
		if got := r.Failures(tc.ignore...); got != tc.want {
			t.Errorf("%d failures without %v, want %d", got, tc.ignore, tc.want)
		}
	}
	if r.Requests() != 1003 || r.Count(WrongStatus) != 5 {
		t.Errorf("%d requests, %d with another status", r.Requests(), r.Count(WrongStatus))
	}
}

// TestNames: every kind and job has a name of its own.
func TestNames(t *testing.T) {
	names := map[string]bool{}
	for kind := range kinds {
		names[kind.String()] = true
	}
	for job := Job(1); job < jobs; job++ {
		names[job.String()] = true
	}
	if len(names) != int(kinds)+int(jobs)-1 || names[""] {
		t.Errorf("names %v", names)
	}
	if Kind(-1).String() != "kind -1" || kinds.String() == "" || Job(0).String() != "job 0" {
		t.Error("what is no kind or job has a name")
	}
}
