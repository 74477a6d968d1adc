package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// footprint is what processes of one kind have in memory, in MiB.
type footprint struct {
	Who       string  `json:"who"`
	Load      string  `json:"load"` // the row that gave it; "" at rest
	Processes int     `json:"processes"`
	PSS       float64 `json:"pss_mib"`  // pages of several processes count in shares (proc_pid_smaps(5))
	Anon      float64 `json:"anon_mib"` // of that, what is no file
	RSS       float64 `json:"rss_mib"`  // pages count fully in each process
}

// Who has memory.
const (
	whoIdle       = "idle site: all processes"
	whoSupervisor = "supervisor"
	whoLeader     = "leader"
	whoWorkers    = "worker processes"
)

// memoryRows are the loads under which the site is looked at: many small exchanges,
// and few large ones in either direction.
func memoryRows() []row {
	var chosen []row
	for _, r := range rows() {
		switch r.name {
		case "hello:64", "echo64k:16", "upload10m:4", "stream100m:2":
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// memories is one look at all sites: footprints by who has them.
type memories map[string]footprint

// lookEvery is the pause between two looks while serving.
const lookEvery = 250 * time.Millisecond

// measureMemory looks before the first request, after it, and while many follow.
func (b *bench) measureMemory(ctx context.Context, m *machine, figures *scale) {
	m.serveSingle(0)
	idle := footprint{Who: whoIdle}
	for _, f := range m.look() {
		idle.add(f.Processes, f.PSS, f.Anon, f.RSS)
	}
	figures.Memory = append(figures.Memory, idle)
	for n, r := range memoryRows() {
		m.writeApp(r.app)
		m.MustRun("systemctl", "stop", singleSupervisor)
		m.awaitSlotsEnd()
		if err := check(m.single(), r); err != nil {
			m.stage.Fatal(err)
		}
		if n == 0 {
			m.step(ctx, "%s: at rest", rowMemory)
			figures.Memory = append(figures.Memory, m.settled().list("")...)
		}
		m.step(ctx, "%s: serving %s", rowMemory, r.name)
		figures.Memory = append(figures.Memory, b.serveAndLook(ctx, m, r).list(r.name)...)
	}
}

// list names the load that gave these footprints.
func (all memories) list(load string) []footprint {
	var list []footprint
	for _, who := range serving() {
		if f, is := all[who]; is {
			f.Load = load
			list = append(list, f)
		}
	}
	return list
}

// serveAndLook loads the site and gives the largest figures of that time.
func (b *bench) serveAndLook(ctx context.Context, m *machine, r row) memories {
	done := make(chan load, 1)
	var loading sync.WaitGroup
	defer loading.Wait()
	loading.Go(func() { done <- bulkLoad(ctx, m.single(), r, b.opts.time) })
	peak := memories{}
	for {
		for who, now := range m.look() {
			if now.PSS > peak[who].PSS {
				peak[who] = now
			}
		}
		select {
		case got := <-done:
			if len(got.errors) > 0 || got.requests == 0 {
				m.stage.Fatalf("cannot load the site: %d requests, errors %v", got.requests, got.errors)
			}
			m.step(ctx, "%s: %d requests", rowMemory, got.requests)
			return peak
		case <-time.After(lookEvery):
		}
	}
}

// settled looks until nothing moves any more, for at most three seconds.
func (m *machine) settled() memories {
	var last memories
	_, err := settle(func() (float64, error) {
		last = m.look()
		sum := 0.0
		for _, now := range last {
			sum += now.PSS
		}
		return sum, nil
	})
	if err != nil {
		m.stage.Fatal(err)
	}
	return last
}

// look finds every process in a cgroup of wsgid's.
func (m *machine) look() memories {
	now := memories{}
	groups := m.Run("sh", "-c", "grep -s wsgi /proc/[0-9]*/cgroup")
	leaders := leaders(groups.Stdout)
	for line := range strings.Lines(groups.Stdout) {
		pid, unit := parseMembership(line)
		rollup := m.Run("cat", fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if rollup.Status != 0 {
			continue // it has ended meanwhile
		}
		size := func(name string) float64 { return float64(sizeLine(rollup.Stdout, name)) / 1024 }
		sum := now[whoOf(unit, leaders[unit] == pid)]
		sum.Who = whoOf(unit, leaders[unit] == pid)
		sum.add(1, size("Pss:"), size("Pss_Anon:"), size("Rss:"))
		now[sum.Who] = sum
	}
	return now
}

func (f *footprint) add(processes int, pss, anon, rss float64) {
	f.Processes += processes
	f.PSS += pss
	f.Anon += anon
	f.RSS += rss
}

// leaders gives the lowest process id of each unit: that of its main process, whose
// children the others are.
func leaders(groups string) map[string]int {
	first := map[string]int{}
	for line := range strings.Lines(groups) {
		pid, unit := parseMembership(line)
		first[unit] = cmp.Or(min(first[unit], pid), pid)
	}
	return first
}

// serving are those that an active site has.
func serving() []string { return []string{whoSupervisor, whoLeader, whoWorkers} }

// parseMembership reads "/proc/12/cgroup:0::/wsgi.slice/wsgi@blog.service".
func parseMembership(line string) (pid int, unit string) {
	file, group, _ := strings.Cut(strings.TrimSpace(line), ":")
	pid, _ = strconv.Atoi(strings.Split(file, "/")[2]) // /proc/[0-9]*
	return pid, path.Base(group)
}

// whoOf names the kind of process; main tells that it is its unit's main process.
func whoOf(unit string, main bool) string {
	switch {
	case strings.HasPrefix(unit, "wsgi@"):
		return whoSupervisor
	case main:
		return whoLeader
	}
	return whoWorkers
}
