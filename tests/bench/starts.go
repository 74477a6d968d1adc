package main

import (
	"context"
	"errors"
	"fmt"
)

// helloRow is what servers are loaded with for the memory figure.
func helloRow() row {
	for _, r := range rows() {
		if r.name == "hello:64" {
			return r
		}
	}
	panic("bench: the row hello:64 is gone")
}

// measureStarts starts each server again and again, one at a time, and takes
// its memory, at rest and after a load, with the last start.
func (b *bench) measureStarts(ctx context.Context, res *results) error {
	if !b.opts.wants(rowStart) {
		return nil
	}
	for n := range b.opts.starts {
		b.say("%s: %d of %d", rowStart, n+1, b.opts.starts)
		for _, name := range b.rotated(n) {
			figures, err := b.measureStart(ctx, name, n == b.opts.starts-1)
			if ctx.Err() != nil {
				return interruption(ctx, err)
			}
			if err != nil {
				res.fail(rowStart, name, err)
				continue
			}
			res.Starts = append(res.Starts, figures)
		}
	}
	return nil
}

// measureStart starts a server and stops it again.
func (b *bench) measureStart(ctx context.Context, name string, memory bool) (figures start, err error) {
	r := helloRow()
	in, first, err := b.start(ctx, name, r.app, r.setup)
	if err != nil {
		return start{}, err
	}
	defer func() { err = errors.Join(err, in.Stop()) }()
	figures = start{Server: name, FirstMs: milliseconds(first)}
	if !memory {
		return figures, nil
	}
	if figures.IdleMiB, err = settledPSS(in.PIDs()); err != nil {
		return start{}, err
	}
	if _, err := wrkLoad(ctx, b.dir, in, r, b.opts.time); err != nil {
		return start{}, fmt.Errorf("cannot load %s: %w", name, err)
	}
	figures.LoadedMiB, err = pssOf(in.PIDs())
	return figures, err
}
