package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// limits are set, and have to hold.
func limits() []experiment {
	return []experiment{
		{
			id: "E6", title: "request-timeout=2, deadlock-timeout=0, a request of 6 s", daemon: "threads=1 request-timeout=2 deadlock-timeout=0",
			group: "threads = 1\nrequest-timeout = 2\ndeadlock-timeout = 0", steps: func(s *subject) []string { return []string{s.get("/sleep?6").String()} },
		},
		{
			id: "E7", title: "maximum-requests=20, graceful-timeout=3, three clients whose requests overlap",
			daemon: "processes=1 maximum-requests=20 graceful-timeout=3", group: "processes = 1\nmaximum-requests = 20\ngraceful-timeout = 3", steps: overlap,
		},
		{
			id: "E11", title: "startup-timeout=2, an import of 12 s, the application loaded at start", daemon: "startup-timeout=2",
			group: "startup-timeout = 2", files: map[string]string{"import-seconds": "12"}, broken: true, steps: slowImport,
		},
		{
			id: "E11", title: "the same, loaded by the first request", daemon: "startup-timeout=2", lazy: true,
			group: "startup-timeout = 2", files: map[string]string{"import-seconds": "12"}, broken: true, steps: slowImport,
		},
		{
			id: "E15, E16", title: "1 thread, room for 1 in the queue, connect-timeout=4, queue-timeout=2: five more requests behind one of 6 s",
			daemon: "processes=1 threads=1 listen-backlog=1 connect-timeout=4 queue-timeout=2",
			group:  "processes = 1\nthreads = 1\nqueue-limit = 1\nqueue-timeout = 2", steps: crowd,
		},
	}
}

// overlap keeps the server busy at every moment, and counts who answered.
func overlap(s *subject) []string {
	const clients, each = 3, 40
	var mu sync.Mutex
	processes, failures := map[string]int{}, 0
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			time.Sleep(time.Duration(i) * 40 * time.Millisecond)
			for range each {
				o := s.get("/sleep?0.12")
				mu.Lock()
				if o.status == 200 {
					processes[o.body]++
				} else {
					failures++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	most := 0
	for _, n := range processes {
		most = max(most, n)
	}
	return []string{fmt.Sprintf("%d requests by %d processes, %d at most by one, %d failed", clients*each, len(processes), most, failures)}
}

func slowImport(s *subject) []string {
	facts := failed("start", s.started)
	s.reachable()
	return append(facts, "first request: "+s.get("/pid").String())
}

// crowd: what becomes of requests that nobody has time for.
func crowd(s *subject) []string {
	long := s.begin("/sleep?6")
	time.Sleep(pause / 2)
	var waiting []<-chan outcome
	for range 5 {
		waiting = append(waiting, s.begin("/pid"))
	}
	var seen []string
	for _, w := range waiting {
		seen = append(seen, (<-w).String())
	}
	slices.Sort(seen)
	return []string{"the first: " + (<-long).String(), "the others: " + strings.Join(seen, ", ")}
}
