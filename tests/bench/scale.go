package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/wsgid/wsgid/tests/boot"
)

// Rows that are measured on a booted machine.
const (
	rowUnits   = "scale:units"
	rowConnect = "scale:connect"
	rowMemory  = "scale:memory"
)

func scaleRows() []string { return []string{rowUnits, rowConnect, rowMemory} }

// scaleProves completes "not proved that", where no machine can be booted.
const scaleProves = "generator, daemon-reload and the first request stay quick with many sites, " +
	"an idle site costs nothing, and supervisor and leader stay small (rows scale:*)"

//go:embed inside/*.py
var insideFiles embed.FS

// scale is what wsgid costs as systemd runs it, on one release of Debian.
type scale struct {
	Release string      `json:"release"`
	Systemd int         `json:"systemd"`
	Units   []unitsStep `json:"units"`
	Wakes   []wake      `json:"wakes"`
	Memory  []footprint `json:"memory"`
}

// measureScale measures what is asked for on each of the chosen releases. What cannot
// be measured here is noted; an error means that the run cannot go on.
func (b *bench) measureScale(ctx context.Context, res *results) error {
	if !b.opts.wantsScale() {
		return nil
	}
	lacking, err := boot.OnStage(b.say, func(s *boot.Stage) {
		releases := boot.Need(s, scaleProves)
		if err := b.provide(); err != nil {
			s.Fatal(err)
		}
		for _, release := range releases {
			b.measureRelease(ctx, s, release, res)
		}
	})
	if ctx.Err() != nil {
		return interruption(ctx, err)
	}
	if lacking != "" {
		res.Lacking = append(res.Lacking, lacking)
	}
	if err != nil {
		res.fail("scale", nameWsgid, err)
	}
	return nil
}

// provide names the programs that machines get: both are built where wsgid is, and
// both are taken from one place otherwise.
func (b *bench) provide() error {
	if b.opts.wsgid == buildWsgid {
		return boot.Provide(filepath.Join(b.dir, "bin"), true)
	}
	path, err := filepath.Abs(b.opts.wsgid)
	if err != nil {
		return fmt.Errorf("cannot find wsgid: %w", err)
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(dir, "wsgid-generator")); err != nil {
		return fmt.Errorf("cannot install wsgid without its generator: %w", err)
	}
	return boot.Provide(dir, false)
}

// measureRelease boots a machine for each row: what one leaves behind in PID 1 is not
// for the next.
func (b *bench) measureRelease(ctx context.Context, s *boot.Stage, release boot.Release, res *results) {
	figures := scale{Release: release.Name, Systemd: release.Systemd}
	for _, r := range []struct {
		name    string
		measure func(context.Context, *machine, *scale)
	}{
		{rowUnits, b.measureUnits},
		{rowConnect, b.measureConnect},
		{rowMemory, b.measureMemory},
	} {
		if !b.opts.wants(r.name) {
			continue
		}
		b.say("%s: on %s", r.name, release.Name)
		lacking, err := boot.OnStage(b.say, func(s *boot.Stage) {
			m := &machine{Machine: boot.Boot(s, release, scaleProves), stage: s}
			m.install()
			r.measure(ctx, m, &figures)
		})
		if ctx.Err() != nil {
			s.Fatal(interruption(ctx, err))
		}
		if lacking != "" {
			s.Skipf("%s", lacking)
		}
		if err != nil {
			res.fail(r.name, nameWsgid, err)
		}
	}
	res.Scale = append(res.Scale, figures)
}

// machine is a booted machine with the programs that measure inside of it.
type machine struct {
	*boot.Machine
	stage *boot.Stage
}

// Places in a machine.
const (
	insideDir   = "/srv/scale"
	generator   = "/usr/lib/wsgid/wsgid-generator"
	insideApp   = insideDir + "/app.py"
	insideClock = insideDir + "/clock.py"
	insideSites = insideDir + "/sites.py"
)

func (m *machine) install() {
	m.writeApp(helloRow().app)
	for _, path := range []string{insideClock, insideSites} {
		text, err := insideFiles.ReadFile("inside/" + filepath.Base(path))
		if err != nil {
			m.stage.Fatal(err)
		}
		m.WriteFile(path, string(text), 0o644, "")
	}
}

// writeApp has processes that start from now on run that application.
func (m *machine) writeApp(name string) {
	text, err := appFiles.ReadFile("apps/" + name)
	if err != nil {
		m.stage.Fatal(err)
	}
	m.WriteFile(insideApp, string(text), 0o644, "")
}

// step says what comes next, and ends the measurement when the run has been told to
// stop: not as a failure, which would show the machine's journal.
func (m *machine) step(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		runtime.Goexit()
	}
	m.stage.Logf(format, args...)
}

// wantsScale reports whether anything is to be measured on a machine.
func (o *options) wantsScale() bool {
	return slices.Contains(o.servers, nameWsgid) && slices.ContainsFunc(scaleRows(), o.wants)
}
