package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is what a load generator has seen.
type load struct {
	requests int // completed with the right answer
	errors   map[string]int
	elapsed  time.Duration
	p50, p99 time.Duration
}

// bulkLoad keeps the row's connections busy until the time is over. Requests
// begun by then are finished and counted, and so is the time they take.
func bulkLoad(ctx context.Context, server dialer, r row, length time.Duration) load {
	begin := time.Now()
	results := make([]bulkResult, r.conns)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() { results[i] = bulkConn(ctx, server, r, begin.Add(length)) })
	}
	group.Wait()
	sum := load{elapsed: time.Since(begin), errors: map[string]int{}}
	var took []time.Duration
	for _, result := range results {
		took = append(took, result.took...)
		for kind, n := range result.errors {
			sum.errors[kind] += n
		}
	}
	slices.Sort(took)
	sum.requests = len(took)
	sum.p50, sum.p99 = percentile(took, 50), percentile(took, 99)
	return sum
}

// bulkResult is what one connection of a bulk load has seen.
type bulkResult struct {
	took   []time.Duration
	errors map[string]int
}

// bulkConn sends request after request until end.
func bulkConn(ctx context.Context, server dialer, r row, end time.Time) bulkResult {
	result := bulkResult{errors: map[string]int{}}
	ask := request{path: r.target(), close: r.close}
	if r.body > 0 {
		ask.body = requestBody(r.body)
	}
	caller := redialer{server: server}
	defer caller.drop()
	for time.Now().Before(end) && ctx.Err() == nil {
		begin := time.Now()
		got, err := caller.exchange(ask)
		if fault := bulkFault(got, err, r); fault != "" {
			result.errors[fault]++
			// A server that refuses everything must not keep us spinning.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		result.took = append(result.took, time.Since(begin))
	}
	return result
}

// bulkFault names what is wrong with a reply; "" for a good one.
func bulkFault(got reply, err error, r row) string {
	switch {
	case err != nil:
		return "socket"
	case got.status != http.StatusOK:
		return "status"
	case got.length != r.measuredLength():
		return "length"
	}
	return ""
}

// redialer keeps one connection and makes a new one when the last was closed
// or failed.
type redialer struct {
	server dialer
	conn   *conn // nil before the first exchange and after a failure
}

func (d *redialer) exchange(ask request) (reply, error) {
	if d.conn == nil {
		c, err := dial(d.server, exchangeLimit)
		if err != nil {
			return reply{}, err
		}
		d.conn = c
	}
	got, err := d.conn.exchange(ask, io.Discard)
	if err != nil || got.close {
		d.drop()
	}
	return got, err
}

func (d *redialer) drop() {
	if d.conn != nil {
		d.conn.close()
		d.conn = nil
	}
}
