package main

import (
	"io"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/peers"
	sitefile "github.com/wsgid/wsgid/units/site"
)

// TestSites holds the site files that machines get to what wsgid reads.
func TestSites(t *testing.T) {
	for name, tc := range map[string]struct {
		text   string
		groups int
	}{
		"single":  {singleText(0), 1},
		"several": {severalSite, 2},
	} {
		parsed, err := sitefile.Parse(name, name+".toml", []byte(tc.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(parsed.Groups) != tc.groups {
			t.Errorf("%s has %d groups", name, len(parsed.Groups))
		}
		if g := parsed.Group("web"); g == nil || g.Processes != peers.Processes || g.Threads != peers.Threads {
			t.Errorf("%s: the group web is %+v", name, g)
		}
	}
}

func TestWantsScale(t *testing.T) {
	for args, want := range map[string]bool{
		"":                          true,
		"-only scale":               true,
		"-only ^scale:memory$":      true,
		"-only hello":               false,
		"-servers apache":           false,
		"-wsgid= -only scale":       false,
		"-quick":                    true,
		"-servers wsgid -only e:co": true,
	} {
		o, err := parseOptions(strings.Fields(args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.wantsScale(); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

func TestMembership(t *testing.T) {
	const groups = `/proc/71/cgroup:0::/wsgi.slice/wsgi-single.slice/wsgi@single.service
/proc/95/cgroup:0::/wsgi.slice/wsgi-single.slice/wsgi-single-web.slice/wsgi-single:web@a.service
/proc/90/cgroup:0::/wsgi.slice/wsgi-single.slice/wsgi-single-web.slice/wsgi-single:web@a.service
/proc/101/cgroup:0::/wsgi.slice/wsgi-single.slice/wsgi-single-web.slice/wsgi-single:web@a.service
`
	first, got := leaders(groups), ""
	for line := range strings.Lines(groups) {
		pid, unit := parseMembership(line)
		got += whoOf(unit, first[unit] == pid) + "\n"
	}
	if want := "supervisor\nworker processes\nleader\nworker processes\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestMemoryRows(t *testing.T) {
	if got := len(memoryRows()); got != 4 {
		t.Errorf("%d rows", got)
	}
}

func sampleScale() scale {
	return scale{
		Release: "bookworm", Systemd: 252,
		Units: []unitsStep{
			{GeneratorMs: []float64{2, 4, 3}, ReloadMs: []float64{150}, Units: 150, ManagerMiB: 11},
			{Sites: 1, GeneratorMs: []float64{11}, ReloadMs: []float64{150}, Units: 150, ManagerMiB: 11},
			{Sites: 200, Active: true, GeneratorMs: []float64{90}, ReloadMs: []float64{900}, StartMs: 3000, Units: 2000, ManagerMiB: 41},
		},
		Wakes: []wake{
			{What: wakeSite, FirstMs: []float64{130, 120, 150}, SupervisorMs: []float64{100}, LeaderMs: []float64{70}},
			{What: wakeGroup, FirstMs: []float64{90}, LeaderMs: []float64{80}},
		},
		Memory: []footprint{
			{Who: whoIdle},
			{Who: whoSupervisor, Processes: 1, PSS: 2, Anon: 1, RSS: 3},
			{Who: whoLeader, Processes: 1, PSS: 2, Anon: 1, RSS: 3},
			{Who: whoSupervisor, Load: "hello:64", Processes: 1, PSS: 16, Anon: 15, RSS: 18},
			{Who: whoLeader, Load: "hello:64", Processes: 1, PSS: 8, Anon: 5, RSS: 9},
			{Who: whoWorkers, Load: "hello:64", Processes: 2, PSS: 14, Anon: 10, RSS: 22},
			{Who: whoSupervisor, Load: "upload10m:4", Processes: 1, PSS: 12, Anon: 10, RSS: 13},
		},
	}
}

func TestReportScale(t *testing.T) {
	res := sampleResults()
	res.Scale = []scale{sampleScale()}
	got := report(res)
	for _, line := range []string{
		"## Under systemd 252 (bookworm)",
		"| 0 | 3.00 (2.00) | 150 (150) | – | 150 | 11.0 | – |",
		"| 1 | 11.0 (11.0) ≤ 10 missed | 150 (150) | – | 150 | 11.0 | – |",
		"| 200, sockets active | 90.0 (90.0) | 900 (900) | 3000 | 2000 | 41.0 | 15.0 |",
		"| " + wakeSite + " | 130 (120–150) | 100 (100–100) | 70.0 (70.0–70.0) |",
		"| " + wakeGroup + " | 90.0 (90.0–90.0) | – | 80.0 (80.0–80.0) |",
		"| PSS (anonymous; RSS), MiB | processes | at rest | serving hello:64 | serving upload10m:4 | goal |  |",
		"| " + whoIdle + " | 0 | 0.00 (0.00; 0.00) | – | – | ≤ 0 | reached |",
		"| supervisor | 1 | 2.00 (1.00; 3.00) | 16.0 (15.0; 18.0) | 12.0 (10.0; 13.0) | ≤ 15 | missed |",
		"| leader | 1 | 2.00 (1.00; 3.00) | 8.00 (5.00; 9.00) | – | ≤ 8 | reached |",
		"| worker processes | 2 | – | 14.0 (10.0; 22.0) | – | – | – |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("line is missing: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestReportLacking(t *testing.T) {
	res := sampleResults()
	res.Lacking = []string{"no systemd booted: not root: not proved that it is small"}
	got := report(res)
	if !strings.Contains(got, "## Not measured\n\n- no systemd booted: not root: ") || strings.Contains(got, "Under systemd") {
		t.Errorf("got\n%s", got)
	}
}
