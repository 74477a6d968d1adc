package load

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

const (
	// beat is how often the client looks whether it is being run in time.
	beat = 2 * time.Millisecond

	// settleEvery is how often gaps are judged.
	settleEvery = 500 * time.Millisecond
)

// Client makes requests in closed loops and accounts for every one of them.
type Client struct {
	options Options
	run     string // begins the ids of this client's requests
	record  *record

	stop     chan struct{} // closed: no more requests begin
	stopOnce sync.Once
	done     chan struct{} // closed: all workers have ended
}

// New checks the options. Nothing runs yet.
func New(o Options) (*Client, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	return &Client{
		options: o,
		// Ids are no part of what the seed settles: a record may hold those of several runs.
		run:  strconv.FormatUint(rand.Uint64N(1<<40), 36),
		stop: make(chan struct{}), done: make(chan struct{}),
	}, nil
}

// Seed is that of the options, or the one drawn in its place.
func (c *Client) Seed() uint64 { return c.options.Seed }

// Start begins the load. It goes on until Stop or the end of Options.Duration; requests
// under way are finished then. The end of ctx cuts them off. Start is called once.
func (c *Client) Start(ctx context.Context) {
	c.record = newRecord(c.options, time.Now())
	var workers sync.WaitGroup
	number := 0
	for group, what := range c.options.Workers {
		for range what.Count {
			w := c.worker(group, number, what)
			workers.Go(func() { w.run(ctx) })
			number++
		}
	}
	go c.watch(&workers)
}

// worker has its own random numbers, so that what it asks for does not depend on how
// the workers take turns.
func (c *Client) worker(group, number int, what Workers) *worker {
	random := rand.New(rand.NewPCG(c.options.Seed, uint64(number)))
	return &worker{client: c, number: number, group: group, what: what, random: random}
}

// watch keeps the account of the client's own delays until the workers have ended.
func (c *Client) watch(workers *sync.WaitGroup) {
	over := make(chan struct{})
	go func() {
		workers.Wait()
		close(over)
	}()
	var limit <-chan time.Time // nil: none
	if c.options.Duration > 0 {
		limit = time.After(c.options.Duration)
	}
	timer := time.NewTimer(beat)
	defer timer.Stop()
	due, settled := time.Now().Add(beat), time.Now()
	for {
		select {
		case <-timer.C:
			now := time.Now()
			c.record.late(due, now)
			if now.Sub(settled) > settleEvery {
				c.record.settle(now, false)
				settled = now
			}
			due = now.Add(beat)
			timer.Reset(beat)
		case <-limit:
			c.halt()
		case <-over:
			c.record.settle(time.Now(), true)
			close(c.done)
			return
		}
	}
}

func (c *Client) halt() { c.stopOnce.Do(func() { close(c.stop) }) }

// Mark says what goes on from now: failures and gaps are put down to the last mark at
// or before their end. What comes before the first mark is put down to "start". It is
// called after Start.
func (c *Client) Mark(label string) { c.record.mark(label, time.Now()) }

// AwaitLoad waits until every worker has got going: those whose answers are due at once
// have had one, the others have sent a request, or begun to send it.
func (c *Client) AwaitLoad(ctx context.Context) error {
	select {
	case <-c.record.running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop lets no more requests begin, waits for those under way and gives the whole
// account. It may be called again.
func (c *Client) Stop() *Report {
	c.halt()
	return c.Wait()
}

// Wait waits for the end of Options.Duration, or for Stop, and for the requests under
// way, and gives the whole account.
func (c *Client) Wait() *Report {
	<-c.done
	return c.Report()
}

// Report is the account so far. What ended in the last second may be missing.
func (c *Client) Report() *Report {
	report := c.record.report(time.Now())
	report.Seed, report.run = c.options.Seed, c.run
	return report
}
