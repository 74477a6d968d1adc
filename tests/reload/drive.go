package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/load"
)

const (
	// restTime is how long the load runs before the first reload.
	restTime = 3 * time.Second

	// heardWithin is how long an answer of new code may take beyond the interval.
	heardWithin = 10 * time.Second

	// answerWithin is how long a request may take beyond its own time: what has been
	// lost without a word counts as failed after this.
	answerWithin = 10 * time.Second
)

// Labels of load.Client.Mark.
const (
	markRest   = "at rest"
	markReload = "reload"
)

// subject is a server that is up.
type subject struct {
	trial trial
	dial  func(context.Context) (net.Conn, error)
	// set writes a setting of the application, as load.App does.
	set func(name, value string) error
	// reload begins a reload, or has it done.
	reload func() error
	// record is what the application has recorded.
	record func() (string, error)
}

// workers are what every server is driven with.
func workers(chunked bool) []load.Workers {
	all := []load.Workers{
		{Job: load.Get, Count: 8, Think: 20 * time.Millisecond},
		{Job: load.GetClose, Count: 2, Think: 20 * time.Millisecond},
		{Job: load.Post, Count: 2, Think: 20 * time.Millisecond},
		{Job: load.Upload, Bytes: 1 << 20, For: time.Second},
		{Job: load.Stream, Bytes: 1 << 20, For: time.Second},
		{Job: load.Stream, Bytes: 1 << 20, For: time.Second, Chunked: true},
		{Job: load.Download, Bytes: 4 << 20, For: time.Second},
		{Job: load.Sleep, For: 2 * time.Second},
		{Job: load.Sleep, For: 4 * time.Second},
	}
	if chunked {
		all = append(all, load.Workers{Job: load.Upload, Bytes: 1 << 20, For: time.Second, Chunked: true})
	}
	return all
}

// drive reloads the server again and again under load, and accounts for it.
func (r *run) drive(ctx context.Context, s subject) (row, error) {
	client, err := load.New(load.Options{
		Dial: s.dial, Workers: workers(s.trial.chunked), Seed: r.options.seed, Timeout: answerWithin,
	})
	if err != nil {
		return row{}, err
	}
	under, cancel := context.WithCancel(ctx)
	client.Start(under)
	// In this order: a reload that ends this goroutine cuts the load off.
	defer client.Stop()
	defer cancel()
	client.Mark(markRest)
	if err := client.AwaitLoad(ctx); err != nil {
		return row{}, fmt.Errorf("cannot load %s: %w", s.trial.server, err)
	}
	if err := pause(ctx, restTime); err != nil {
		return row{}, err
	}
	for n := 1; n <= r.options.reloads; n++ {
		if err := r.reloadOnce(ctx, client, s, n); err != nil {
			return row{}, err
		}
	}
	report := client.Stop()
	text, err := s.record()
	if err != nil {
		return row{}, fmt.Errorf("cannot read what was served: %w", err)
	}
	seen, err := load.ReadSeen(strings.NewReader(text))
	if err != nil {
		return row{}, err
	}
	return newRow(s.trial, report, report.Repeated(seen)), ctx.Err()
}

// reloadOnce has new code served, and waits until the next reload is due.
func (r *run) reloadOnce(ctx context.Context, client *load.Client, s subject, n int) error {
	if !s.trial.sameCode {
		if err := s.set(load.FileGeneration, strconv.Itoa(n)); err != nil {
			return err
		}
	}
	client.Mark(fmt.Sprint(markReload, " ", n))
	begun := time.Now()
	if err := s.reload(); err != nil {
		return err
	}
	r.say("%s: %d of %d", s.trial.title(), n, r.options.reloads)
	if err := pause(ctx, r.options.interval-time.Since(begun)); err != nil {
		return err
	}
	// The account tells nobody of a generation: look.
	for limit := time.Now().Add(heardWithin); !s.trial.sameCode && !heard(client.Report(), n) && time.Now().Before(limit); {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// heard reports whether a generation has answered.
func heard(report *load.Report, n int) bool {
	return slices.ContainsFunc(report.Generations, func(g load.Generation) bool { return g.Name == strconv.Itoa(n) })
}

func pause(ctx context.Context, length time.Duration) error {
	if length <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
