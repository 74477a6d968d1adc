package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/peers"
)

// Exit statuses. Usage errors and missing programs are both 2: in either case
// nothing has been measured.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// buildWsgid, as the value of -wsgid, has the binaries built from this module.
const buildWsgid = "build"

// options are the command line, checked.
type options struct {
	reloads  int
	interval time.Duration
	imports  time.Duration  // how long the application takes to import
	only     *regexp.Regexp // trials to run, by title; nil for all
	seed     uint64         // never zero
	wsgid    string         // path of a program named so, or buildWsgid
}

func main() {
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
}

func start(args []string, stdout, stderr io.Writer) int {
	if status, is := boot.Keeper(); is {
		return status
	}
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "reload:", err)
		return exitUsage
	}
	if missing := peers.Missing(neededFiles(o)); len(missing) > 0 {
		fmt.Fprintln(stderr, "reload: programs are missing, install them with: apt-get install", strings.Join(missing, " "))
		return exitUsage
	}
	ctx, stop := peers.SignalContext()
	defer stop()
	if err := measure(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "reload:", err)
		return exitFailed
	}
	return exitOK
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	fs := flag.NewFlagSet("reload", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.reloads, "reloads", 5, "reload each server this many `times`")
	fs.DurationVar(&o.interval, "interval", 5*time.Second, "the `time` from one reload to the next")
	fs.DurationVar(&o.imports, "import", time.Second, "the `time` that the application takes to import")
	fs.StringVar(&only, "only", "", "run only what matches this `regexp`, as \"apache\" or \"chain\"")
	fs.Uint64Var(&o.seed, "seed", 0, "the `number` that settles all that is random; 0 draws one")
	fs.StringVar(&o.wsgid, "wsgid", buildWsgid, "`path` of the wsgid binary, with wsgid-generator beside it; \"build\" builds both")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("cannot use argument %q: only flags are known", fs.Arg(0))
	}
	if o.reloads < 1 {
		return o, fmt.Errorf("cannot reload %d times: at least 1 is needed", o.reloads)
	}
	if o.interval <= 0 || o.imports < 0 {
		return o, fmt.Errorf("cannot reload every %v code that takes %v: times are positive", o.interval, o.imports)
	}
	if only != "" {
		re, err := regexp.Compile(only)
		if err != nil {
			return o, fmt.Errorf("cannot select what is run: %w", err)
		}
		o.only = re
	}
	for o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, o.check()
}

// check refuses a selection of nothing.
func (o *options) check() error {
	for _, t := range trials() {
		if o.wants(t.title()) {
			return nil
		}
	}
	var titles []string
	for _, t := range trials() {
		titles = append(titles, t.title())
	}
	return fmt.Errorf("cannot select anything: known are\n  %s", strings.Join(titles, "\n  "))
}

// wants reports whether -only selects that title.
func (o *options) wants(title string) bool {
	return o.only == nil || o.only.MatchString(title)
}

// neededFiles maps files to their packages. What a booted machine needs is not among
// them: without it wsgid is run in another way.
func neededFiles(o options) map[string]string {
	files := map[string]string{peers.Python: "python3"}
	for _, t := range trials() {
		if t.machine != nil || !o.wants(t.title()) {
			continue
		}
		for file, pkg := range t.kind.Needs {
			files[file] = pkg
		}
	}
	return files
}
