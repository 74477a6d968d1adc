package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/tests/peers"
)

// wsgidPackage is what -wsgid build builds.
const wsgidPackage = "github.com/wsgid/wsgid/cmd/wsgid"

// bench is one run: where it works and what it starts.
type bench struct {
	opts     options
	dir      string // removed by close
	account  peers.Account
	backlog  int
	wsgid    string
	port     int // the last one given out
	serial   int // of run directories
	progress io.Writer
}

// measure runs everything that is asked for and prints the tables.
func measure(ctx context.Context, opts options, stdout, progress io.Writer) (err error) {
	b, err := newBench(ctx, opts, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	res := results{Facts: machineFacts(ctx, b), Servers: opts.servers, Rounds: opts.rounds, Seconds: opts.time.Seconds()}
	if err := b.measureStarts(ctx, &res); err != nil {
		return err
	}
	if err := b.measureRows(ctx, &res); err != nil {
		return err
	}
	if err := b.measureRouting(ctx, &res); err != nil {
		return err
	}
	if err := b.measureScale(ctx, &res); err != nil {
		return err
	}
	if err := writeRaw(opts.out, res); err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, report(res)); err != nil {
		return fmt.Errorf("cannot print the tables: %w", err)
	}
	if len(res.Failures) > 0 {
		return errors.New("cannot measure everything: see the failures in the report")
	}
	return nil
}

// newBench makes the working directory with everything that servers read.
func newBench(ctx context.Context, opts options, progress io.Writer) (*bench, error) {
	dir, account, err := peers.Workplace("bench")
	if err != nil {
		return nil, err
	}
	b := &bench{opts: opts, dir: dir, account: account, backlog: peers.Backlog(), port: 18000, progress: progress}
	if err := b.fill(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("cannot remove working directory: %w", err)
	}
	return nil
}

func (b *bench) fill(ctx context.Context) error {
	if err := unpack(b.dir); err != nil {
		return err
	}
	if err := writeFiles(b.dir); err != nil {
		return err
	}
	if err := b.writeCertificate(); err != nil {
		return err
	}
	return b.installWsgid(ctx)
}

// installWsgid puts the binary where the servers' user can run it.
func (b *bench) installWsgid(ctx context.Context) error {
	if !slices.Contains(b.opts.servers, nameWsgid) {
		return nil
	}
	b.wsgid = filepath.Join(b.dir, "wsgid")
	if b.opts.wsgid == buildWsgid {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.wsgid, wsgidPackage)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build wsgid: %w: %s", err, strings.TrimSpace(string(out)))
		}
		return uncache(b.wsgid)
	}
	binary, err := os.ReadFile(b.opts.wsgid)
	if err != nil {
		return fmt.Errorf("cannot read wsgid binary: %w", err)
	}
	if err := os.WriteFile(b.wsgid, binary, 0o755); err != nil {
		return fmt.Errorf("cannot copy wsgid binary: %w", err)
	}
	return uncache(b.wsgid)
}

// uncache has a program that was just written come from the disk, as the programs of
// the other servers do. How it was written decides about its pages else: one large
// write leaves them in large blocks, and the kernel maps such a block whole with the
// first of its pages that is touched (seen on ext4 with Linux 6.18). Nearly all of the
// program then counts as memory of its processes, 7 MiB more than of one that was
// installed and read.
func uncache(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		// Only pages that are written can be dropped (posix_fadvise(2)).
		err = errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED), file.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot have wsgid read from the disk: %w", err)
	}
	return nil
}

// start starts a server on an application and waits for its first answer.
func (b *bench) start(ctx context.Context, name, app string, with setup) (*peers.Instance, time.Duration, error) {
	k, known := kindByName(name)
	if !known {
		return nil, 0, fmt.Errorf("cannot start server %q: not known", name)
	}
	site, err := b.site(name, app, with)
	if err != nil {
		return nil, 0, err
	}
	in, err := peers.Start(k, site)
	if err != nil {
		return nil, 0, err
	}
	first, err := in.AwaitFirst(ctx, "/")
	if err != nil {
		return nil, 0, errors.Join(err, in.Stop())
	}
	return in, first, nil
}

// interruption is the error of a run that was told to stop: what went wrong
// because of it, or else the signal itself.
func interruption(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return context.Cause(ctx)
}

// rotated gives the servers in the order of a round.
func (b *bench) rotated(round int) []string {
	n := round % len(b.opts.servers)
	return append(append([]string{}, b.opts.servers[n:]...), b.opts.servers[:n]...)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...) // progress only: nothing depends on it
}
