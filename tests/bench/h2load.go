package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

const h2loadProgram = "/usr/bin/h2load"

// h2Load drives a row over HTTP/2 with h2load, whose log of each request is put in dir:
// it prints no percentiles.
func h2Load(ctx context.Context, dir string, in *peers.Instance, r row, length time.Duration) (load, error) {
	log := filepath.Join(dir, "h2load.log")
	out, err := generate(ctx, length, h2loadProgram,
		"--threads", strconv.Itoa(min(2, r.conns)),
		"--clients", strconv.Itoa(r.conns),
		"--max-concurrent-streams", strconv.Itoa(r.streams),
		"--duration", fmt.Sprint(int(length.Seconds())),
		"--log-file", log,
		r.url(in),
	)
	if err != nil {
		return load{}, err
	}
	defer os.Remove(log)
	entries, err := os.ReadFile(log)
	if err != nil {
		return load{}, fmt.Errorf("cannot read h2load's log: %w", err)
	}
	return readH2load(string(out), string(entries), r)
}

// readH2load makes figures of what h2load has printed, and of its log.
func readH2load(out, log string, r row) (load, error) {
	if !strings.Contains(out, "Application protocol: h2\n") {
		return load{}, fmt.Errorf("cannot measure HTTP/2: something else is spoken: %s", strings.TrimSpace(out))
	}
	l := load{errors: map[string]int{}}
	var took []time.Duration
	for line := range strings.Lines(log) {
		status, micros, err := readEntry(line)
		if err != nil {
			return load{}, err
		}
		if status != 200 {
			l.errors["status"]++
			continue
		}
		took = append(took, micros)
	}
	slices.Sort(took)
	l.requests, l.p50, l.p99 = len(took), percentile(took, 50), percentile(took, 99)
	seconds, body, err := readTotals(out)
	if err != nil {
		return load{}, err
	}
	l.elapsed = time.Duration(seconds * float64(time.Second))
	for kind, pattern := range map[string]string{"socket": `(\d+) errored`, "timeout": `(\d+) timeout`} {
		n, err := numberIn(out, pattern)
		if err != nil {
			return load{}, err
		}
		if n > 0 {
			l.errors[kind] += int(n)
		}
	}
	// Bodies that were on their way at the end are among the bytes.
	least, most := int64(l.requests)*r.want.length, int64(l.requests+r.conns*r.streams)*r.want.length
	if l.errors["status"] == 0 && (body < least || body > most) {
		l.errors["length"] += l.requests
		l.requests = 0
	}
	return l, nil
}

// readEntry reads a line of the log: the time of the request's start, its status, which
// is -1 for one that failed, and how long it took, both times in microseconds.
func readEntry(line string) (status int, took time.Duration, err error) {
	fields := strings.Fields(line)
	if len(fields) == 3 {
		if status, err = strconv.Atoi(fields[1]); err == nil {
			micros, err := strconv.Atoi(fields[2])
			return status, time.Duration(micros) * time.Microsecond, err
		}
	}
	return 0, 0, fmt.Errorf("cannot read line %q of h2load's log", line)
}

// readTotals gives how long h2load has measured, and the bytes of all bodies.
func readTotals(out string) (seconds float64, body int64, err error) {
	if seconds, err = numberIn(out, `finished in ([\d.]+)s`); err != nil {
		return 0, 0, err
	}
	data, err := numberIn(out, `traffic: .*\((\d+)\) data`)
	return seconds, int64(data), err
}

func numberIn(out, pattern string) (float64, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("cannot find %q in what h2load printed: %s", pattern, strings.TrimSpace(out))
	}
	return strconv.ParseFloat(found[1], 64)
}
