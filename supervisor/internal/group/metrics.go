package group

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// What mod_wsgi.server_metrics() of an application returns, with the key
// server-metrics: the processes of its own group, and what their threads do. Of
// other groups, whose applications may be other people's, it hears nothing.

// metricsAge is how old the figures may be that a process gets, so that processes
// which ask all the time do not keep the others from theirs.
const metricsAge = 50 * time.Millisecond

// groupMetrics, and what is in it, have the names and units of mod_wsgi's
// dictionaries: times in seconds of the epoch, 0 for never.
type groupMetrics struct {
	Processes  int              `json:"server_limit"`
	Threads    int              `json:"thread_limit"`
	Generation int              `json:"running_generation"`
	Started    float64          `json:"restart_time"`
	Now        float64          `json:"current_time"`
	Running    int              `json:"running_time"`
	Each       []processMetrics `json:"processes"`
}

type processMetrics struct {
	Number     int             `json:"process_num"`
	PID        int             `json:"pid"`
	Generation int             `json:"generation"`
	Quiescing  bool            `json:"quiescing"`
	Workers    []workerMetrics `json:"workers"`
}

type workerMetrics struct {
	Number     int     `json:"thread_num"`
	Generation int     `json:"generation"`
	Status     string  `json:"status"` // "_" waits for a request, "W" has one, "G" has one that is given up on
	Requests   uint64  `json:"access_count"`
	Start      float64 `json:"start_time"`
	Stop       float64 `json:"stop_time"`
	LastUsed   float64 `json:"last_used"`
	Client     string  `json:"client"` // of the present request
	Request    string  `json:"request"`
	Host       string  `json:"vhost"`
}

// answerMetrics sends the figures of the group to a process that asks for them.
func (gen *generation) answerMetrics(m wire.Message) {
	g := gen.group
	if !g.options.Site.ServerMetrics {
		return
	}
	g.mu.Lock()
	if now := time.Now(); now.Sub(g.metricsAt) > metricsAge {
		// What is marshalled has no kind of value that JSON has not.
		text, _ := json.Marshal(g.metricsLocked(now))
		g.metrics, g.metricsAt = string(text), now
	}
	text := g.metrics
	g.mu.Unlock()
	g.tell(gen.control, wire.Message{Type: wire.Metrics, Process: m.Process, Index: m.Index, Text: text})
}

func (g *Group) metricsLocked(now time.Time) groupMetrics {
	all := groupMetrics{Processes: g.conf().Processes, Threads: g.conf().Threads, Now: epoch(now), Each: []processMetrics{}}
	if g.current != nil {
		all.Generation, all.Started = g.current.number, epoch(g.current.began)
		all.Running = int(now.Sub(g.current.began).Seconds())
	}
	for _, gen := range g.generationsLocked() {
		for _, p := range gen.order {
			all.Each = append(all.Each, p.metricsLocked())
		}
	}
	slices.SortStableFunc(all.Each, func(a, b processMetrics) int {
		return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Number, b.Number))
	})
	return all
}

func (p *process) metricsLocked() processMetrics {
	m := processMetrics{Number: p.number, PID: p.pid, Generation: p.generation.number, Quiescing: p.retiring, Workers: []workerMetrics{}}
	for _, t := range p.threads {
		if t != nil {
			m.Workers = append(m.Workers, t.metricsLocked())
		}
	}
	return m
}

func (t *thread) metricsLocked() workerMetrics {
	m := workerMetrics{
		Number: t.index, Generation: t.process.generation.number, Status: "_", Requests: t.served,
		Start: epoch(t.lastBegan), Stop: epoch(t.lastBegan.Add(time.Duration(t.wall) * time.Microsecond)),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := &t.job; t.busy && j.frame != nil {
		m.Status, m.Start = "W", epoch(j.began)
		if j.failed {
			m.Status = "G"
		}
		b := j.frame.Bytes
		text := func(key string) string { return string(environValue(b, key)) }
		m.Client, m.Host = text("REMOTE_ADDR"), text("SERVER_NAME")
		m.Request = text("REQUEST_METHOD") + " " + text("REQUEST_URI") + " " + text("SERVER_PROTOCOL")
	}
	m.LastUsed = max(m.Start, m.Stop)
	return m
}

func epoch(t time.Time) float64 {
	if t.IsZero() || t.Unix() < 0 {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}
