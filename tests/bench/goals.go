package main

import (
	"fmt"
	"math"
)

// goal is the largest ratio of CPU per request, wsgid's to a peer's, that the
// project sets out to reach on a row. An empty peer stands for the better one.
type goal struct {
	row   string
	peer  string
	limit float64
}

func cpuGoals() []goal {
	return []goal{
		{"hello:1", nameUwsgi, 0.65},
		{"hello:64", nameUwsgi, 0.65},
		{"hello:64", nameApache, 0.20},
		{"hello:16:close", nameUwsgi, 1.20},
		{"json10k:16", nameUwsgi, 0.75},
		{"echo64k:16", nameUwsgi, 0.50},
		{"upload10m:4", nameUwsgi, 0.65},
		{"stream100m:2", "", 0.75},
		{"flask:16", nameUwsgi, 0.85},
		{"django:16", nameUwsgi, 0.85},
		{"static4k:16", nameUwsgi, 1.30},
		{"static4k:64", nameUwsgi, 1.30},
		{"static10m:4", nameUwsgi, 1.30},
	}
}

// The other goals: p99 on every row against every peer, and wsgid's own figures.
const (
	p99Goal   = 1.0
	idleGoal  = 20.0 // MiB of PSS
	startGoal = 60.0 // milliseconds

	generatorGoal  = 10.0 // milliseconds for one site
	supervisorGoal = 15.0 // MiB of PSS, while serving
	leaderGoal     = 8.0  // the same
)

// verdict says whether a figure is within its goal; "–" without a figure.
func verdict(value, limit float64) string {
	switch {
	case math.IsNaN(value):
		return "–"
	case value <= limit:
		return "reached"
	}
	return "missed"
}

// memoryGoal is the goal for the PSS of a kind of process under systemd, in MiB.
func memoryGoal(who string) (limit float64, limited bool) {
	switch who {
	case whoIdle:
		return 0, true
	case whoSupervisor:
		return supervisorGoal, true
	case whoLeader:
		return leaderGoal, true
	}
	return 0, false
}

// goalFor finds the CPU goal of a row against a peer. The goal against the
// better peer belongs to the one that uses less.
func goalFor(res results, row, peer string) (goal, bool) {
	for _, g := range cpuGoals() {
		if g.row == row && (g.peer == peer || g.peer == "" && peer == betterPeer(res, row)) {
			return g, true
		}
	}
	return goal{}, false
}

// betterPeer is the peer with the lower median of CPU per request; "" for none.
func betterPeer(res results, row string) string {
	best, name := math.Inf(1), ""
	for _, peer := range peersOf(res) {
		if cpu := median(res.values(row, peer, cpuMicros)); cpu < best {
			best, name = cpu, peer
		}
	}
	return name
}

func peersOf(res results) []string {
	var peers []string
	for _, name := range res.Servers {
		if name != nameWsgid {
			peers = append(peers, name)
		}
	}
	return peers
}

// cpuRatio is wsgid's CPU per request over a peer's, of medians and of minima.
func cpuRatio(res results, row, peer string) (ofMedians, ofMinima float64) {
	own, other := res.values(row, nameWsgid, cpuMicros), res.values(row, peer, cpuMicros)
	return median(own) / median(other), least(own) / least(other)
}

// cpuVerdict prints the ratio and how it stands to its goal, if there is one.
func cpuVerdict(res results, row, peer string) string {
	ofMedians, ofMinima := cpuRatio(res, row, peer)
	if math.IsNaN(ofMedians) {
		return "–"
	}
	text := fmt.Sprintf("%.2f (%.2f)", ofMedians, ofMinima)
	if g, found := goalFor(res, row, peer); found {
		text += fmt.Sprintf(" ≤ %.2f %s", g.limit, verdict(ofMedians, g.limit))
	}
	return text
}

func p99Verdict(res results, row, peer string) string {
	ratio := median(res.values(row, nameWsgid, p99)) / median(res.values(row, peer, p99))
	if math.IsNaN(ratio) {
		return "–"
	}
	return fmt.Sprintf("%.2f %s", ratio, verdict(ratio, p99Goal))
}
