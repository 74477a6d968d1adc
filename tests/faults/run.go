package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/peers"
)

//go:embed app.py
var appSource string

// run is one run: where it works and what it has seen.
type run struct {
	options  options
	dir      string // removed at the end
	account  peers.Account
	port     int  // the last one given out
	serial   int  // of directories
	build    bool // wsgid is built, and not there already
	progress io.Writer
}

// measure makes every experiment that is asked for with both servers and prints the table.
func measure(ctx context.Context, o options, stdout, progress io.Writer) (err error) {
	r := &run{options: o, port: 17500, build: true, progress: progress}
	if r.dir, r.account, err = peers.Workplace("faults"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	res := &report{apache: "Apache " + peers.Version(ctx, "apache2") + ", mod_wsgi " + peers.Version(ctx, "libapache2-mod-wsgi-py3"), wsgid: "wsgid"}
	chosen := o.chosen()
	for i := range chosen {
		res.rows = append(res.rows, row{id: chosen[i].id, title: chosen[i].title})
	}
	r.apaches(ctx, chosen, res)
	r.wsgids(ctx, chosen, res)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := io.WriteString(stdout, res.String()); err != nil {
		return fmt.Errorf("cannot print the table: %w", err)
	}
	if len(res.failures) > 0 {
		return errors.New("cannot make every experiment: see the failures in the report")
	}
	return nil
}

func (r *run) apaches(ctx context.Context, chosen []experiment, res *report) {
	missing := strings.Join(peers.Missing(peers.Apache().Needs), ", ")
	for i := range chosen {
		if missing != "" {
			res.rows[i].apache.none = "without " + missing
			continue
		}
		if ctx.Err() != nil {
			return
		}
		r.say("Apache: %s: %s", chosen[i].id, chosen[i].title)
		facts, err := r.onApache(ctx, &chosen[i])
		res.note(&res.rows[i].apache, "Apache: "+chosen[i].title, facts, err)
	}
}

func (r *run) wsgids(ctx context.Context, chosen []experiment, res *report) {
	lacking, err := r.machine(ctx, func(m *boot.Machine) {
		res.wsgid = fmt.Sprintf("%s, systemd %d", m.MustRun("wsgid", "version"), m.Release.Systemd)
		for i := range chosen {
			if ctx.Err() != nil {
				return
			}
			r.say("wsgid: %s: %s", chosen[i].id, chosen[i].title)
			facts, err := r.onWsgid(m, &chosen[i])
			res.note(&res.rows[i].wsgid, "wsgid: "+chosen[i].title, facts, err)
		}
	})
	if err != nil {
		lacking = "no machine could be used"
		res.failures = append(res.failures, "wsgid: "+err.Error())
	}
	for i := range res.rows {
		if c := &res.rows[i].wsgid; len(c.facts) == 0 && c.none == "" {
			c.none = lacking
		}
	}
}

// note fills a cell.
func (res *report) note(c *cell, what string, facts []string, err error) {
	c.facts = facts
	if err != nil {
		c.facts, c.none = nil, "it failed, see below"
		res.failures = append(res.failures, what+": "+err.Error())
	}
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.progress, format+"\n", args...) // progress only: nothing depends on it
}
