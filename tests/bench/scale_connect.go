package main

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

// wake is how often and how fast something that systemd starts answered.
type wake struct {
	What    string    `json:"what"`
	FirstMs []float64 `json:"first_ms"` // from before the connect to the response
	// Of that, from the start of a service to its READY=1, as systemd has logged it.
	SupervisorMs []float64 `json:"supervisor_ms"` // empty where it was up
	LeaderMs     []float64 `json:"leader_ms"`
}

// What is measured.
const (
	wakeSite  = "site: supervisor, leader, processes"
	wakeGroup = "daemon group: leader, processes"
)

// singleSite has one group, like the servers of the other rows.
const singleSite = `listen = "ADDRESS"
[group.web]
user = "joe"
processes = PROCESSES
threads = THREADS
python = "PYTHON"
inactivity-timeout = "INACTIVITY"
[[mount]]
path = "/"
script = "` + insideApp + `"
`

const (
	singleAddress    = "127.0.0.1:8080"
	singleSupervisor = "wsgi@single.service"
)

// slotServices are those of the site's one group.
func slotServices() []string {
	return []string{"wsgi-single:web@a.service", "wsgi-single:web@b.service"}
}

// serveSingle has the site's sockets listen. Zero as inactivity lets the group be.
func (m *machine) serveSingle(inactivity time.Duration) {
	m.Site("single", singleText(inactivity))
	m.MustRun("systemctl", "start", "wsgi@single.socket")
}

func singleText(inactivity time.Duration) string {
	return strings.NewReplacer(
		"ADDRESS", singleAddress, "PROCESSES", strconv.Itoa(peers.Processes), "THREADS", strconv.Itoa(peers.Threads),
		"PYTHON", peers.Python, "INACTIVITY", inactivity.String(),
	).Replace(singleSite)
}

// single connects to the site.
func (m *machine) single() dialer {
	return func(time.Duration) (net.Conn, error) { return m.Dial("tcp", singleAddress) }
}

// measureConnect stops the site again and again, then has its group fall asleep
// again and again, and takes the time that the next request waits.
func (b *bench) measureConnect(ctx context.Context, m *machine, figures *scale) {
	if b.opts.starts == 0 {
		return
	}
	m.serveSingle(0)
	site := wake{What: wakeSite}
	for n := range b.opts.starts {
		m.step(ctx, "%s: site, %d of %d", rowConnect, n+1, b.opts.starts)
		m.MustRun("systemctl", "stop", singleSupervisor)
		m.awaitSlotsEnd()
		site.FirstMs = append(site.FirstMs, m.firstResponse())
		site.SupervisorMs = append(site.SupervisorMs, m.readyMs(singleSupervisor))
		site.LeaderMs = append(site.LeaderMs, m.readyMs(slotServices()...))
	}
	m.MustRun("systemctl", "stop", singleSupervisor)
	m.awaitSlotsEnd()

	m.serveSingle(time.Second)
	group := wake{What: wakeGroup}
	m.firstResponse()
	for n := range b.opts.starts {
		m.step(ctx, "%s: group, %d of %d", rowConnect, n+1, b.opts.starts)
		m.awaitSlotsEnd()
		group.FirstMs = append(group.FirstMs, m.firstResponse())
		group.LeaderMs = append(group.LeaderMs, m.readyMs(slotServices()...))
	}
	figures.Wakes = []wake{site, group}
}

// awaitSlotsEnd waits until no leader of the site is left.
func (m *machine) awaitSlotsEnd() {
	for _, slot := range slotServices() {
		m.AwaitProperty(slot, "ActiveState", "inactive", time.Minute)
	}
}

// firstResponse gives the time from before the connect until a 200 has been read.
func (m *machine) firstResponse() float64 {
	begin := time.Now()
	c, err := dial(m.single(), peers.StartLimit)
	if err != nil {
		m.stage.Fatal(err)
	}
	defer c.close()
	c.limit = peers.StartLimit
	reply, err := c.exchange(request{path: "/", close: true}, io.Discard)
	took := milliseconds(time.Since(begin))
	if err != nil || reply.status != 200 {
		m.stage.Fatalf("cannot get an answer: status %d, %v", reply.status, err)
	}
	return took
}

// readyMs waits until one of the services is active, for the first response may
// come before that, and gives the time from its start to its READY=1 in milliseconds.
func (m *machine) readyMs(services ...string) float64 {
	for deadline := time.Now().Add(peers.StartLimit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, service := range services {
			shown := m.properties(service, "ActiveState", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
			if shown["ActiveState"] == "active" {
				begin, end := m.number(shown["InactiveExitTimestampMonotonic"]), m.number(shown["ActiveEnterTimestampMonotonic"])
				return float64(end-begin) / 1000
			}
		}
	}
	m.stage.Fatalf("none of %v is active after %v", services, peers.StartLimit)
	return 0
}

// properties are what systemctl shows of a unit, all of one moment.
func (m *machine) properties(unit string, names ...string) map[string]string {
	shown := map[string]string{}
	for line := range strings.Lines(m.MustRun("systemctl", "show", "--property="+strings.Join(names, ","), unit)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		shown[name] = value
	}
	return shown
}
