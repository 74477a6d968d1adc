package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// unitsStep is what so many sites cost systemd.
type unitsStep struct {
	Sites       int       `json:"sites"`
	Active      bool      `json:"active"` // their sockets listen; else nothing of them is started
	GeneratorMs []float64 `json:"generator_ms"`
	ReloadMs    []float64 `json:"reload_ms"`   // of `systemctl daemon-reload`
	StartMs     float64   `json:"start_ms"`    // of one `systemctl start` of all their sockets
	Units       int       `json:"units"`       // that PID 1 has loaded, those of the system included
	ManagerMiB  float64   `json:"manager_mib"` // RSS of PID 1
}

// severalSite has two groups. It listens where the shipped unit says.
const severalSite = `[group.web]
user = "joe"
processes = 2
threads = 15
[group.api]
[[mount]]
path = "/"
script = "` + insideApp + `"
group = "web"
[[mount]]
path = "/api"
script = "` + insideApp + `"
group = "api"
`

// activeSites is how many sites have their sockets started at most.
const activeSites = 100

// unitsWithin bounds one command to systemd with many units.
const unitsWithin = 5 * time.Minute

// measureUnits takes more and more sites. A quick run leaves the largest number out.
func (b *bench) measureUnits(ctx context.Context, m *machine, figures *scale) {
	counts := []int{0, 1, 10, activeSites, 1000}
	if b.opts.quick {
		counts = counts[:4]
	}
	take := func(step unitsStep) {
		m.step(ctx, "%s: %d sites, active: %v", rowUnits, step.Sites, step.Active)
		figures.Units = append(figures.Units, b.unitsStep(m, step))
	}
	for _, count := range counts {
		m.Must(boot.Command{Args: []string{"python3", insideSites, strconv.Itoa(count)}, Stdin: severalSite})
		take(unitsStep{Sites: count})
		if count == activeSites {
			m.within("systemctl", "daemon-reload")
			begin := time.Now()
			m.within(append([]string{"systemctl", "start"}, siteSockets(count)...)...)
			took := milliseconds(time.Since(begin))
			take(unitsStep{Sites: count, Active: true, StartMs: took})
			m.within("systemctl", "stop", "wsgi@site*.socket", "wsgi-site*")
		}
	}
}

func siteSockets(count int) []string {
	names := make([]string, count)
	for n := range names {
		names[n] = fmt.Sprintf("wsgi@site%04d.socket", n)
	}
	return names
}

// unitsStep takes the figures. PID 1 starts anew before: its heap would otherwise be
// that of the largest number of units that it ever had.
func (b *bench) unitsStep(m *machine, step unitsStep) unitsStep {
	m.within("systemctl", "daemon-reexec")
	step.GeneratorMs = m.clock(b.opts.rounds, generator, "DIRECTORY", "DIRECTORY", "DIRECTORY")
	step.ReloadMs = m.clock(b.opts.rounds, "systemctl", "daemon-reload")
	step.Units = m.number(m.MustRun("systemctl", "show", "--property=NNames", "--value"))
	step.ManagerMiB = float64(sizeLine(m.ReadFile("/proc/1/status"), "VmRSS:")) / 1024
	return step
}

// within is MustRun with more time.
func (m *machine) within(args ...string) string {
	return m.Must(boot.Command{Args: args, Within: unitsWithin})
}

// clock runs a program inside so many times and gives how long each took, in
// milliseconds, about two of which are for starting it.
func (m *machine) clock(times int, program ...string) []float64 {
	args := append([]string{"python3", insideClock, strconv.Itoa(times)}, program...)
	var took []float64
	for line := range strings.Lines(m.within(args...)) {
		ms, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			m.stage.Fatal(err)
		}
		took = append(took, ms)
	}
	return took
}

func (m *machine) number(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		m.stage.Fatal(err)
	}
	return n
}
