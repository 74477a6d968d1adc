package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/tests/peers"
)

// routingHosts is how many virtual hosts the sites of the rows "routing" have.
func routingHosts() []int { return []int{1, 100, 1000} }

// routingGoal is the largest ratio of CPU per request to that with one host: routing
// is to cost nothing that can be measured, and runs differ by as much as this.
const routingGoal = 1.05

// routingRow asks for the host in the middle.
func routingRow(hosts int) row {
	r := helloRow()
	r.name, r.conns = fmt.Sprintf("routing:%d", hosts), 16
	r.host, r.setup, r.servers = peers.HostName(hosts/2), setup{hosts: hosts}, []string{nameWsgid}
	return r
}

// measureRouting measures wsgid alone, with few and with many hosts. All of them are up
// at once and take turns within a round, as servers do in the other rows.
func (b *bench) measureRouting(ctx context.Context, res *results) (err error) {
	if !slices.Contains(b.opts.servers, nameWsgid) {
		return nil
	}
	var up []routed
	defer func() {
		for _, each := range up {
			err = errors.Join(err, each.in.Stop())
		}
	}()
	for _, hosts := range routingHosts() {
		r := routingRow(hosts)
		if !b.opts.wants(r.name) {
			continue
		}
		res.Rows = append(res.Rows, r.name)
		in, _, err := b.start(ctx, nameWsgid, r.app, r.setup)
		if err == nil {
			up = append(up, routed{r, in})
			err = b.prepare(ctx, in, r)
		}
		if ctx.Err() != nil {
			return interruption(ctx, err)
		}
		if err != nil {
			res.fail(r.name, nameWsgid, err)
			return nil
		}
	}
	return b.takeTurns(ctx, up, res)
}

// routed is a server with the row that it is measured on.
type routed struct {
	row row
	in  *peers.Instance
}

func (b *bench) takeTurns(ctx context.Context, up []routed, res *results) error {
	for round := range b.opts.rounds {
		for turn := range up {
			each := up[(turn+round)%len(up)]
			b.say("%s: round %d of %d", each.row.name, round+1, b.opts.rounds)
			c, err := b.measureCell(ctx, each.in, each.row)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				res.fail(each.row.name, nameWsgid, err)
				return nil
			}
			c.Round = round
			res.Cells = append(res.Cells, c)
		}
	}
	return nil
}

// reportRouting compares many hosts with one.
func reportRouting(out *strings.Builder, res results) {
	hosts := routingHosts()
	one := res.values(routingRow(hosts[0]).name, nameWsgid, cpuMicros)
	if !slices.Contains(res.Servers, nameWsgid) || math.IsNaN(median(one)) {
		return
	}
	rule(out, []string{"wsgid's CPU per request", "ratio to one host: of medians (of minima)", "goal", ""})
	for _, n := range hosts[1:] {
		name := routingRow(n).name
		many := res.values(name, nameWsgid, cpuMicros)
		ratio := median(many) / median(one)
		tableLine(out, []string{name, withLeast(ratio, least(many)/least(one)), fmt.Sprintf("≤ %g", routingGoal), verdict(ratio, routingGoal)})
	}
}
