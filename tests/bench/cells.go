package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

// fleet is the servers that are up, all on the same application.
type fleet struct {
	app     string
	with    setup
	servers []string                   // of the row that it was started for
	byID    map[string]*peers.Instance // by the server's name
}

func (f *fleet) stop() error {
	var errs []error
	for name, in := range f.byID {
		errs = append(errs, in.Stop())
		delete(f.byID, name)
	}
	f.app, f.with, f.servers = "", setup{}, nil
	return errors.Join(errs...)
}

// measureRows measures every row that is asked for.
func (b *bench) measureRows(ctx context.Context, res *results) (err error) {
	up := &fleet{byID: map[string]*peers.Instance{}}
	defer func() { err = errors.Join(err, up.stop()) }()
	for _, r := range rows() {
		if !b.opts.wants(r.name) {
			continue
		}
		res.Rows = append(res.Rows, r.name)
		if err := b.deploy(ctx, up, r, res); err != nil {
			return err
		}
		if err := b.measureRow(ctx, up, r, res); err != nil {
			return err
		}
	}
	return nil
}

// deploy has the row's servers serve its application. One that cannot is noted
// and left out; an error means that the run cannot go on.
func (b *bench) deploy(ctx context.Context, up *fleet, r row, res *results) error {
	if up.app == r.app && up.with == r.setup && slices.Equal(up.servers, r.servers) {
		return nil
	}
	if err := up.stop(); err != nil {
		return err
	}
	for _, name := range b.opts.servers {
		if !r.on(name) {
			continue
		}
		in, _, err := b.start(ctx, name, r.app, r.setup)
		if ctx.Err() != nil {
			if err == nil {
				err = in.Stop()
			}
			return interruption(ctx, err)
		}
		if err != nil {
			res.fail(r.name, name, err)
			continue
		}
		up.byID[name] = in
	}
	up.app, up.with, up.servers = r.app, r.setup, r.servers
	return nil
}

// measureRow checks and warms up each server, then takes the rounds.
func (b *bench) measureRow(ctx context.Context, up *fleet, r row, res *results) error {
	fit := map[string]bool{}
	for name, in := range up.byID {
		err := b.prepare(ctx, in, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if fit[name] = err == nil; err != nil {
			res.fail(r.name, name, err)
		}
	}
	for round := range b.opts.rounds {
		b.say("%s: round %d of %d", r.name, round+1, b.opts.rounds)
		for _, name := range b.rotated(round) {
			if !fit[name] {
				continue
			}
			c, err := b.measureCell(ctx, up.byID[name], r)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				res.fail(r.name, name, err)
				fit[name] = false
				continue
			}
			c.Round = round
			res.Cells = append(res.Cells, c)
		}
	}
	return nil
}

// prepare checks one answer and warms the server up: threads, caches and, for
// Apache, as many children as the row needs.
func (b *bench) prepare(ctx context.Context, in *peers.Instance, r row) error {
	if err := check(r.server(in), r); err != nil {
		return errors.Join(err, errors.New("log:"+in.LogTail()))
	}
	_, err := b.drive(ctx, in, r, min(b.opts.time, 2*time.Second))
	return err
}

// measureCell takes the figures of one server on one row, once.
func (b *bench) measureCell(ctx context.Context, in *peers.Instance, r row) (cell, error) {
	before, err := usageOf(in.PIDs())
	if err != nil {
		return cell{}, err
	}
	got, err := b.drive(ctx, in, r, b.opts.time)
	if err != nil {
		return cell{}, err
	}
	after, err := usageOf(in.PIDs())
	if err != nil {
		return cell{}, err
	}
	memory, err := pssOf(in.PIDs())
	if err != nil {
		return cell{}, err
	}
	return cell{
		Row:        r.name,
		Server:     in.Kind.Name,
		Requests:   got.requests,
		Errors:     got.errors,
		Seconds:    got.elapsed.Seconds(),
		P50Ms:      milliseconds(got.p50),
		P99Ms:      milliseconds(got.p99),
		CPUSeconds: (after.cpu - before.cpu).Seconds(),
		Switches:   after.switches - before.switches,
		MemoryMiB:  memory,
	}, nil
}

func (b *bench) drive(ctx context.Context, in *peers.Instance, r row, length time.Duration) (load, error) {
	switch {
	case r.bulk:
		return bulkLoad(ctx, r.server(in), r, length), nil
	case r.streams > 0:
		return h2Load(ctx, b.dir, in, r, length)
	}
	return wrkLoad(ctx, b.dir, in, r, length)
}
