package boot_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
)

// The long form of TestSoak, which `make soak` runs, takes most of an hour. Its order of
// events is random, and settled by a seed that it prints.
const (
	soakVariable     = "WSGID_SOAK"      // "long" for the long form
	soakSeedVariable = "WSGID_SOAK_SEED" // a number; drawn when it is not set
)

// The longest that a request which is answered at once may wait for its answer, and the
// longest that none may be answered. The long form asserts them. The short form, which
// runs beside other tests, only prints what it found: on a busy machine the scheduler
// alone takes longer now and then.
const (
	swapLimit    = 20 * time.Millisecond
	restartLimit = 150 * time.Millisecond // while no slow request is in flight
	rotateLimit  = 50 * time.Millisecond
)

// event is something that happens to a site.
type event struct {
	name  string
	times int
	limit time.Duration // of the longest gap, also beside slow requests; zero: none
	do    func(s *soak)
}

// events are all that can happen, each so often. One more is one more line.
func events(reloads, broken, upgrades, restarts, kills, rotations int) []event {
	return []event{
		{"reload", reloads, swapLimit, (*soak).reload},
		{"broken reload", broken, swapLimit, (*soak).reloadBroken},
		{"upgrade", upgrades, swapLimit, (*soak).upgrade},
		{"restart", restarts, 0, (*soak).restart},
		{"worker kill", kills, 0, (*soak).kill},
		{"log rotation", rotations, rotateLimit, (*soak).rotateLogs},
	}
}

// restarts are those that no slow request delays.
func restarts(times int) []event {
	return []event{{"restart", times, restartLimit, (*soak).restart}}
}

// part is a site under one load and what happens to it, in random order.
type part struct {
	name    string
	imports time.Duration // of the application
	workers []load.Workers
	events  []event
}

func shortParts() []part {
	return []part{
		{name: "restart at once", workers: quick(), events: restarts(5)},
		{name: "mixed", workers: busy(2 * time.Second), events: events(10, 2, 2, 5, 5, 3)},
		{name: "slow import", imports: 3 * time.Second, workers: busy(), events: events(1, 0, 0, 0, 0, 0)},
	}
}

func longParts() []part {
	all := []part{{name: "restart at once", workers: quick(), events: restarts(50)}}
	every := events(200, 20, 20, 50, 50, 20)
	for _, e := range every {
		all = append(all, part{name: e.name, workers: busy(2 * time.Second), events: []event{e}})
	}
	return append(all,
		part{name: "mixed", workers: busy(2 * time.Second), events: every},
		part{name: "slow import", imports: 3 * time.Second, workers: busy(2*time.Second, 20*time.Second), events: events(2, 2, 2, 2, 2, 2)},
	)
}

// quick are requests that are answered at once.
func quick() []load.Workers {
	return []load.Workers{
		{Job: load.Get, Count: 4, Think: 5 * time.Millisecond},
		{Job: load.GetClose, Think: 10 * time.Millisecond},
		{Job: load.Post, Count: 2, Think: 10 * time.Millisecond},
	}
}

// busy adds what is in flight while things happen; slow is how long a request sleeps.
func busy(slow ...time.Duration) []load.Workers {
	all := append(quick(),
		load.Workers{Job: load.Upload, Bytes: 1 << 20, For: time.Second},
		load.Workers{Job: load.Upload, Bytes: 1 << 20, For: time.Second, Chunked: true},
		load.Workers{Job: load.Stream, Bytes: 1 << 20, For: time.Second},
		load.Workers{Job: load.Stream, Bytes: 1 << 20, For: time.Second, Chunked: true},
		load.Workers{Job: load.Download, Bytes: 4 << 20, For: time.Second},
	)
	for _, length := range slow {
		all = append(all, load.Workers{Job: load.Sleep, For: length})
	}
	return all
}

func TestSoak(t *testing.T) {
	long := os.Getenv(soakVariable) == "long"
	seed := rand.Uint64()
	if text := os.Getenv(soakSeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", soakSeedVariable, err)
		}
	}
	t.Logf("%s=%d repeats the order of events", soakSeedVariable, seed)
	parts := shortParts()
	if long {
		parts = longParts()
	}
	var cases []boot.Case
	for _, p := range parts {
		cases = append(cases, boot.Case{Name: p.name, Run: func(t *testing.T, m *boot.Machine) { p.run(t, m, seed, long) }})
	}
	boot.Run(t, "reloads, upgrades, restarts and killed processes lose no request", cases...)
}

// soak is a site under load to which things happen.
type soak struct {
	*served
	t      *testing.T
	client *load.Client
	random *rand.Rand

	code   int           // the number of the generation that is on disk
	whole  bool          // the group has all of its processes
	killed map[int]bool  // their process ids
	last   time.Time     // when one of them was killed
	apart  time.Duration // the least time between two kills
	count  int           // of events
	quiet  time.Duration // the longest of the times in between
	noise  time.Duration // the longest that the program took to start and end
}

func (p *part) run(t *testing.T, m *boot.Machine, seed uint64, long bool) {
	name := strings.ReplaceAll(p.name, " ", "-")
	s := &soak{
		served: serve(m, name, fmt.Sprintf("access-log = \"/var/log/wsgi/%s/access.log\"", name), "processes = 2\nthreads = 15\ngraceful-timeout = \"60s\"", ""),
		t:      t, random: rand.New(rand.NewPCG(seed, 0)), whole: true, killed: map[int]bool{}, quiet: 200 * time.Millisecond,
	}
	if long {
		s.quiet, s.apart = time.Minute, soundKills
	}
	s.set(load.FileImportSeconds, fmt.Sprint(p.imports.Seconds()))
	s.set(load.FileGeneration, "0")
	s.set(load.FileRecord, s.file("seen"))
	m.WriteFile(s.file("seen"), "", 0o644, "joe")
	s.start()
	s.begin(p.workers, seed)
	for _, e := range p.order(s.random) {
		s.happens(e)
	}
	report := s.client.Stop()
	t.Log(report)
	s.assertServed(report)
	s.assertGaps(p.events, report, long)
}

// order has the events of the part one by one.
func (p *part) order(random *rand.Rand) []event {
	var all []event
	for _, e := range p.events {
		for range e.times {
			all = append(all, e)
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// begin begins the load and lets it run for a moment in which nothing happens.
func (s *soak) begin(workers []load.Workers, seed uint64) {
	s.t.Helper()
	client, err := load.New(load.Options{Dial: s.dial, Workers: workers, Seed: max(1, seed), Keep: 1 << 16})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(func() {
		cancel()
		client.Wait()
	})
	s.client = client
	client.Start(ctx)
	limited, done := context.WithTimeout(ctx, within)
	defer done()
	if err := client.AwaitLoad(limited); err != nil {
		s.t.Fatalf("the load does not get going: %v\n%v", err, client.Report())
	}
	s.rest("quiet", time.Second)
}

// happens has an event happen. What its end delays is put down to it as well, and
// times in which nothing happens come in between, to compare with.
func (s *soak) happens(e event) {
	s.t.Helper()
	s.count++
	s.client.Mark(fmt.Sprint(e.name, " ", s.count))
	begun := time.Now()
	s.watched(e)
	took := time.Since(begun)
	s.rest("after "+e.name, 100*time.Millisecond)
	if s.count%4 == 0 {
		s.rest("quiet", min(took, s.quiet))
		s.probe()
	}
}

// probe starts the program for nothing: what that takes here and now, a restart takes
// as well.
func (s *soak) probe() {
	s.client.Mark(fmt.Sprint("probe ", s.count))
	begun := time.Now()
	s.m.MustRun("wsgid", "version")
	s.noise = max(s.noise, time.Since(begun))
}

// rest lets time pass in which nothing is done to the site. That is what it is for:
// there is nothing to wait for.
func (s *soak) rest(label string, length time.Duration) {
	s.client.Mark(fmt.Sprint(label, " ", s.count))
	time.Sleep(length)
}

// assertServed wants every request answered, once and by the right code, but for
// those that a killed process had.
func (s *soak) assertServed(report *load.Report) {
	s.t.Helper()
	seen, err := load.ReadSeen(strings.NewReader(s.m.ReadFile(s.file("seen"))))
	if err != nil {
		s.t.Fatal(err)
	}
	had := map[string]int{} // by whom a request was served
	for _, call := range seen {
		had[call.ID] = call.PID
	}
	if report.Failed > len(report.First) {
		s.t.Errorf("%d failures, too many to look at each", report.Failed)
	}
	lost := 0
	for _, f := range report.First {
		pid, served := had[f.ID]
		switch {
		case served && s.killed[pid]:
			lost++
		case served:
			s.t.Errorf("a request failed that process %d had: %v", pid, f)
		default:
			s.t.Errorf("a request failed that no process had: %v", f)
		}
	}
	if len(s.killed) > 0 {
		s.t.Logf("%d requests were lost with the %d processes that were killed", lost, len(s.killed))
	}
	if twice := report.Repeated(seen); len(twice) > 0 {
		s.t.Errorf("served twice: %v", twice)
	}
	if missing := report.Unrecorded(seen); len(missing) > 0 {
		s.t.Errorf("answered by somebody else: %v", missing)
	}
	if report.WentBack > 0 {
		s.t.Errorf("%d requests were answered by older code after newer", report.WentBack)
	}
	if n := len(report.Generations); n != s.code+1 {
		s.t.Errorf("%d generations of code have answered, want %d", n, s.code+1)
	}
}

// assertGaps prints the longest gaps beside the machine's own noise, and wants them
// within the limits in the long form.
func (s *soak) assertGaps(events []event, report *load.Report, long bool) {
	s.t.Helper()
	noise := fmt.Sprintf("while nothing happened %v; the client was up to %v late itself; to start the program took up to %v",
		report.LongestGap("quiet").Net(), report.Stalls.Longest, s.noise)
	for _, e := range events {
		if e.times == 0 {
			continue
		}
		gap := report.LongestGap(e.name+" ", "after "+e.name+" ")
		s.t.Logf("longest gap at %s: %v (%s)", e.name, gap, noise)
		if long && e.limit > 0 && gap.Net() > e.limit {
			s.t.Errorf("at %s a gap of %v, more than %v: %v (%s)", e.name, gap.Net(), e.limit, gap, noise)
		}
	}
}
