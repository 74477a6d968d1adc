package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

const wrkProgram = "/usr/bin/wrk"

// wrkFigures is the line that load.lua prints.
type wrkFigures struct {
	Requests   int   `json:"requests"`
	Bytes      int64 `json:"bytes"`
	DurationUs int64 `json:"duration_us"`
	P50Us      int64 `json:"p50_us"`
	P99Us      int64 `json:"p99_us"`
	Connect    int   `json:"connect"`
	Read       int   `json:"read"`
	Write      int   `json:"write"`
	Status     int   `json:"status"`
	Timeout    int   `json:"timeout"`
}

// wrkLoad drives the row with wrk, whose script is in dir.
func wrkLoad(ctx context.Context, dir string, in *peers.Instance, r row, length time.Duration) (load, error) {
	args := []string{
		"--threads", strconv.Itoa(min(2, r.conns)),
		"--connections", strconv.Itoa(r.conns),
		"--duration", fmt.Sprintf("%ds", int(length.Seconds())),
		"--timeout", fmt.Sprintf("%ds", int(exchangeLimit.Seconds())),
		"--script", filepath.Join(dir, "load.lua"),
	}
	if r.close {
		args = append(args, "--header", "Connection: close")
	}
	if r.host != "" {
		args = append(args, "--header", "Host: "+r.host)
	}
	args = append(args, r.url(in), "--", strconv.Itoa(r.body))
	out, err := generate(ctx, length, wrkProgram, args...)
	if err != nil {
		return load{}, err
	}
	figures, err := parseWrk(out)
	if err != nil {
		return load{}, err
	}
	return figures.load(r), nil
}

// generate runs a load generator for so long and returns what it prints.
func generate(ctx context.Context, length time.Duration, program string, args ...string) ([]byte, error) {
	// It ends by itself; this is for one that does not.
	ctx, cancel := context.WithTimeout(ctx, length+3*exchangeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	// A group of its own: Ctrl-C comes to bench, which ends things in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return out, nil
}

func parseWrk(out []byte) (wrkFigures, error) {
	var figures wrkFigures
	_, line, found := bytes.Cut(out, []byte("FIGURES "))
	if !found {
		return figures, fmt.Errorf("cannot find the figures in what wrk printed: %s", out)
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if err := json.Unmarshal(line, &figures); err != nil {
		return figures, fmt.Errorf("cannot parse wrk's figures: %w", err)
	}
	return figures, nil
}

// headLimit is more than any of the servers sends ahead of a body.
const headLimit = 2 << 10

// load turns the figures into ours. wrk counts bytes, not lengths: replies of
// the wrong length show in the mean, of which all are then held to be wrong.
func (f wrkFigures) load(r row) load {
	l := load{
		requests: f.Requests - f.Status,
		errors:   map[string]int{},
		elapsed:  time.Duration(f.DurationUs) * time.Microsecond,
		p50:      time.Duration(f.P50Us) * time.Microsecond,
		p99:      time.Duration(f.P99Us) * time.Microsecond,
	}
	note := func(kind string, n int) {
		if n > 0 {
			l.errors[kind] += n
		}
	}
	note("socket", f.Connect+f.Read+f.Write)
	note("timeout", f.Timeout)
	note("status", f.Status)
	// Replies cut off by the end of the measurement are among the bytes.
	most := int64(f.Requests+r.conns) * (r.measuredLength() + headLimit)
	if f.Status == 0 && (f.Bytes < int64(f.Requests)*r.measuredLength() || f.Bytes > most) {
		note("length", f.Requests)
		l.requests = 0
	}
	return l
}
