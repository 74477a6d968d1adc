package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
)

// results are the raw figures of a run, as -out writes them.
type results struct {
	Facts    []fact    `json:"facts"`
	Servers  []string  `json:"servers"`
	Rows     []string  `json:"rows"`
	Rounds   int       `json:"rounds"`
	Seconds  float64   `json:"seconds"` // of a cell, as asked for
	Starts   []start   `json:"starts"`
	Cells    []cell    `json:"cells"`
	Scale    []scale   `json:"scale"`
	Failures []failure `json:"failures"`
	Lacking  []string  `json:"lacking"` // what could not be measured on this host, and why
}

// start is one cold start. The memory figures, PSS summed over the server's
// processes, are taken with the last start only and zero in the others.
type start struct {
	Server    string  `json:"server"`
	FirstMs   float64 `json:"first_ms"`
	IdleMiB   float64 `json:"idle_mib"`
	LoadedMiB float64 `json:"loaded_mib"`
}

// cell is one measurement of one server on one row.
type cell struct {
	Row        string         `json:"row"`
	Server     string         `json:"server"`
	Round      int            `json:"round"` // from 0
	Requests   int            `json:"requests"`
	Errors     map[string]int `json:"errors"` // by kind: socket, timeout, status, length
	Seconds    float64        `json:"seconds"`
	P50Ms      float64        `json:"p50_ms"`
	P99Ms      float64        `json:"p99_ms"`
	CPUSeconds float64        `json:"cpu_seconds"`
	Switches   int64          `json:"switches"`
	MemoryMiB  float64        `json:"memory_mib"` // PSS right afterwards, other servers up
}

// failure is why a server has no figures on a row.
type failure struct {
	Row    string `json:"row"`
	Server string `json:"server"`
	Error  string `json:"error"`
}

func (r *results) fail(row, server string, err error) {
	r.Failures = append(r.Failures, failure{row, server, err.Error()})
}

// metric reads one figure off a cell.
type metric func(cell) float64

func cpuMicros(c cell) float64 { return perRequest(c, c.CPUSeconds*1e6) }
func perSecond(c cell) float64 { return float64(c.Requests) / c.Seconds }
func p50(c cell) float64       { return c.P50Ms }
func p99(c cell) float64       { return c.P99Ms }
func memory(c cell) float64    { return c.MemoryMiB }

func switchesEach(c cell) float64 { return perRequest(c, float64(c.Switches)) }

// perRequest is NaN without requests: such a cell has no figure.
func perRequest(c cell, total float64) float64 {
	if c.Requests == 0 {
		return math.NaN()
	}
	return total / float64(c.Requests)
}

// values gives the metric over the rounds. Cells without a figure are left out.
func (r *results) values(row, server string, m metric) []float64 {
	var values []float64
	for _, c := range r.Cells {
		if c.Row != row || c.Server != server {
			continue
		}
		if v := m(c); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// startValues gives one figure of a server's starts; zeros are left out.
func (r *results) startValues(server string, figure func(start) float64) []float64 {
	var values []float64
	for _, s := range r.Starts {
		if v := figure(s); s.Server == server && v > 0 {
			values = append(values, v)
		}
	}
	return values
}

// writeRaw writes the results as JSON; nothing for an empty name.
func writeRaw(name string, res results) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the figures: %w", err)
	}
	if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write the figures: %w", err)
	}
	return nil
}
