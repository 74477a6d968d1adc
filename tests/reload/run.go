package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
	"github.com/wsgid/wsgid/tests/peers"
)

// run is one run: where it works and what it starts.
type run struct {
	options  options
	dir      string // removed at the end
	account  peers.Account
	port     int // the last one given out
	serial   int // of directories
	provided bool
	progress io.Writer
}

// results are everything that is printed.
type results struct {
	options  options
	rows     []row
	lacking  string // why no machine can be booted here; "" when it can
	packages []string
	failures []string
}

// measure runs everything that is asked for and prints the table.
func measure(ctx context.Context, o options, stdout, progress io.Writer) (err error) {
	r := &run{options: o, port: 18500, progress: progress}
	if r.dir, r.account, err = peers.Workplace("reload"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	res := results{options: o, packages: versions(ctx, o)}
	for _, t := range trials() {
		if !o.wants(t.title()) || (t.machine != nil && res.lacking != "") {
			continue
		}
		if err := r.try(ctx, t, &res); err != nil {
			return err
		}
		if t.machine == nil || res.lacking == "" {
			continue
		}
		if err := r.try(ctx, direct(), &res); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(stdout, res.String()); err != nil {
		return fmt.Errorf("cannot print the table: %w", err)
	}
	if len(res.failures) > 0 {
		return errors.New("cannot measure everything: see the failures in the report")
	}
	return nil
}

// try adds a trial's row, or why there is none. An error means that the run is over.
func (r *run) try(ctx context.Context, t trial, res *results) error {
	r.say("%s", t.title())
	var got row
	var err error
	if t.machine != nil {
		got, err = r.inside(ctx, t, &res.lacking)
	} else {
		got, err = r.outside(ctx, t)
	}
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case err != nil:
		res.failures = append(res.failures, t.title()+": "+err.Error())
	case t.machine == nil || res.lacking == "":
		res.rows = append(res.rows, got)
	}
	return nil
}

// outside has a server of this host tried.
func (r *run) outside(ctx context.Context, t trial) (got row, err error) {
	r.serial++
	app, err := r.makeApp(filepath.Join(r.dir, fmt.Sprint("app.", r.serial)))
	if err != nil {
		return row{}, err
	}
	site := peers.Site{
		Dir: filepath.Join(r.dir, fmt.Sprint("server.", r.serial)), App: app.Script(),
		Backlog: peers.Backlog(), Account: r.account, More: t.more,
	}
	if t.kind.Name == peers.Wsgid().Name {
		if site.Wsgid, err = r.provide(); err != nil {
			return row{}, err
		}
	}
	if r.port, err = peers.FreePort(r.port + 1); err != nil {
		return row{}, err
	}
	site.Port = r.port
	in, err := peers.Start(t.kind, site)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, in.Stop()) }()
	if _, err := in.AwaitFirst(ctx, "/hello?id=-"); err != nil {
		return row{}, err
	}
	var dialer net.Dialer
	return r.drive(ctx, subject{
		trial:  t,
		dial:   func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", in.Address()) },
		set:    app.Set,
		reload: func() error { return t.reload(in) },
		record: func() (string, error) {
			text, err := os.ReadFile(filepath.Join(app.Dir, "seen"))
			return string(text), err
		},
	})
}

// makeApp writes the application into a directory of its own, whose user may
// write there.
func (r *run) makeApp(dir string) (*load.App, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make directory: %w", err)
	}
	if err := r.account.Own(dir); err != nil {
		return nil, err
	}
	app, err := load.NewApp(dir)
	if err != nil {
		return nil, err
	}
	return app, settings(app.Set, dir, r.options.imports)
}

// settings of the application, in the directory where it is.
func settings(set func(name, value string) error, dir string, imports time.Duration) error {
	return errors.Join(
		set(load.FileGeneration, "0"),
		set(load.FileImportSeconds, fmt.Sprint(imports.Seconds())),
		set(load.FileRecord, filepath.Join(dir, "seen")),
	)
}

// provide has wsgid and its generator, built or copied, where machines are given them
// and the servers' user can run them. It gives the path of wsgid.
func (r *run) provide() (string, error) {
	dir := filepath.Join(r.dir, "bin")
	path := filepath.Join(dir, "wsgid")
	if r.provided {
		return path, nil
	}
	if r.options.wsgid == buildWsgid {
		err := boot.Provide(dir, true)
		r.provided = err == nil
		return path, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot make directory: %w", err)
	}
	for _, name := range []string{"wsgid", "wsgid-generator"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(r.options.wsgid), name))
		if err != nil {
			return "", fmt.Errorf("cannot take wsgid: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
			return "", fmt.Errorf("cannot copy wsgid: %w", err)
		}
	}
	r.provided = true
	return path, boot.Provide(dir, false)
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.progress, format+"\n", args...) // progress only: nothing depends on it
}
