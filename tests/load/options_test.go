package load

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func noDial(context.Context) (net.Conn, error) { return nil, errors.New("no server") }

func TestOptionsRefused(t *testing.T) {
	get := []Workers{{Job: Get}}
	for _, tc := range []struct {
		want string
		o    Options
	}{
		{"no Dial", Options{Workers: get}},
		{"no Workers", Options{Dial: noDial}},
		{"workers 1: no job 0", Options{Dial: noDial, Workers: []Workers{{Job: Get}, {}}}},
		{"workers 0: no job 8", Options{Dial: noDial, Workers: []Workers{{Job: 8}}}},
		{"get: a negative number", Options{Dial: noDial, Workers: []Workers{{Job: Get, Think: -1}}}},
		{"get has no Bytes", Options{Dial: noDial, Workers: []Workers{{Job: Get, Bytes: 1}}}},
		{"sleep has no Bytes", Options{Dial: noDial, Workers: []Workers{{Job: Sleep, Chunked: true}}}},
		{"post takes no time", Options{Dial: noDial, Workers: []Workers{{Job: Post, For: 1}}}},
		{"-1ns is negative", Options{Dial: noDial, Workers: get, Timeout: -1}},
	} {
		_, err := New(tc.o)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want %q in it", err, tc.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	given := []Workers{{Job: Upload}, {Job: Post, Count: 3}}
	client, err := New(Options{Dial: noDial, Workers: given})
	if err != nil {
		t.Fatal(err)
	}
	o := client.options
	if o.Timeout != 30*time.Second || o.Keep != 100 || o.Seed == 0 || client.Seed() != o.Seed {
		t.Errorf("options %+v", o)
	}
	if w := o.Workers[0]; w.Count != 1 || w.Bytes != 256<<10 {
		t.Errorf("workers %+v", w)
	}
	if w := o.Workers[1]; w.Count != 3 || w.Bytes != 100 {
		t.Errorf("workers %+v", w)
	}
	if given[0].Count != 0 {
		t.Error("New has changed what it was given")
	}
}

// TestSeed: the same seed asks for the same things, whoever runs when.
func TestSeed(t *testing.T) {
	ask := func(seed uint64, worker int) string {
		client, err := New(Options{Dial: noDial, Seed: seed, Workers: []Workers{{Job: Stream, Count: 2}}})
		if err != nil {
			t.Fatal(err)
		}
		client.run = "run"
		w := client.worker(0, worker, client.options.Workers[0])
		w.next()
		return w.next().target
	}
	first := ask(5, 1)
	if again := ask(5, 1); again != first {
		t.Errorf("seed 5 asks for %s and then for %s", first, again)
	}
	if first == ask(6, 1) {
		t.Errorf("seeds 5 and 6 ask for the same: %s", first)
	}
	if zero := ask(5, 0); strings.SplitAfter(zero, "&seed=")[1] == strings.SplitAfter(first, "&seed=")[1] {
		t.Errorf("workers 0 and 1 ask for the same: %s", zero)
	}
}
