package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// reportScale prints what one release's machines have shown.
func reportScale(out *strings.Builder, figures scale) {
	fmt.Fprintf(out, "\n## Under systemd %d (%s)\n", figures.Systemd, figures.Release)
	reportUnits(out, figures.Units)
	reportWakes(out, figures.Wakes)
	reportMemory(out, figures)
}

func reportUnits(out *strings.Builder, steps []unitsStep) {
	if len(steps) == 0 {
		return
	}
	rule(out, []string{
		"sites of two groups", "generator ms: median (min)", "daemon-reload ms: median (min)",
		"start of the sockets, ms", "units loaded", "RSS of PID 1, MiB", "of that per 100 sites",
	})
	for _, step := range steps {
		name, started := strconv.Itoa(step.Sites), "–"
		if step.Active {
			name, started = name+", sockets active", number(step.StartMs)
		}
		perHundred := "–"
		if step.Sites >= 100 {
			growth := step.ManagerMiB - steps[0].ManagerMiB
			perHundred = number(growth / float64(step.Sites) * 100)
		}
		generator := withLeast(median(step.GeneratorMs), least(step.GeneratorMs))
		if step.Sites == 1 {
			generator += fmt.Sprintf(" ≤ %g %s", generatorGoal, verdict(median(step.GeneratorMs), generatorGoal))
		}
		tableLine(out, []string{
			name, generator, withLeast(median(step.ReloadMs), least(step.ReloadMs)),
			started, strconv.Itoa(step.Units), number(step.ManagerMiB), perHundred,
		})
	}
}

func reportWakes(out *strings.Builder, wakes []wake) {
	if len(wakes) == 0 {
		return
	}
	rule(out, []string{
		"inactive until the connection", "connect to response, ms: median (min–max)",
		"supervisor's start to READY", "leader's start to READY",
	})
	for _, w := range wakes {
		tableLine(out, []string{w.What, spread(w.FirstMs), spread(w.SupervisorMs), spread(w.LeaderMs)})
	}
}

// spread prints the median between the extremes; "–" for no values.
func spread(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", number(median(values)), number(least(values)), number(slices.Max(values)))
}

// reportMemory has a line for who has it, and a column for each load.
func reportMemory(out *strings.Builder, figures scale) {
	if len(figures.Memory) == 0 {
		return
	}
	loads := []string{""}
	head := []string{"PSS (anonymous; RSS), MiB", "processes", "at rest"}
	for _, f := range figures.Memory {
		if !slices.Contains(loads, f.Load) {
			loads = append(loads, f.Load)
			head = append(head, "serving "+f.Load)
		}
	}
	rule(out, append(head, "goal", ""))
	for _, who := range append([]string{whoIdle}, serving()...) {
		line := []string{who, "–"}
		largest := math.NaN()
		for _, load := range loads {
			f, measured := footprintOf(figures.Memory, who, load)
			if !measured {
				line = append(line, "–")
				continue
			}
			line[1] = strconv.Itoa(f.Processes)
			line = append(line, fmt.Sprintf("%s (%s; %s)", number(f.PSS), number(f.Anon), number(f.RSS)))
			if math.IsNaN(largest) || f.PSS > largest {
				largest = f.PSS
			}
		}
		goal, limited := memoryGoal(who)
		if limited {
			line = append(line, fmt.Sprintf("≤ %g", goal), verdict(largest, goal))
		} else {
			line = append(line, "–", "–")
		}
		tableLine(out, line)
	}
}

func footprintOf(memory []footprint, who, load string) (footprint, bool) {
	for _, f := range memory {
		if f.Who == who && f.Load == load {
			return f, true
		}
	}
	return footprint{}, false
}
