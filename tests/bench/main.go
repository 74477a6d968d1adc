package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
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

// options are the command line, checked.
type options struct {
	rounds  int
	time    time.Duration  // length of a cell, whole seconds: wrk knows no others
	starts  int            // cold starts per server
	only    *regexp.Regexp // rows to run; nil for all
	servers []string       // names, in the order of the tables
	wsgid   string         // path, buildWsgid, or "" to leave wsgid out
	quick   bool           // what takes long is left out
	out     string         // file for the raw figures; "" for none
}

// buildWsgid, as the value of -wsgid, has the binary built from this module.
const buildWsgid = "build"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	// A machine of the scale rows is kept by a process of this program.
	if status, is := boot.Keeper(); is {
		return status
	}
	opts, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return exitUsage
	}
	if missing := missingPackages(opts); len(missing) > 0 {
		fmt.Fprintln(stderr, "bench: programs are missing, install them with: apt-get install", strings.Join(missing, " "))
		return exitUsage
	}
	ctx, stop := peers.SignalContext()
	defer stop()
	if err := measure(ctx, opts, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	return exitOK
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var only, servers string
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.rounds, "rounds", 5, "measure each row this many `times`")
	fs.DurationVar(&o.time, "time", 3*time.Second, "`length` of one measurement, in whole seconds")
	fs.IntVar(&o.starts, "starts", 7, "cold starts of each server; 0 skips them and the memory figures")
	fs.StringVar(&only, "only", "", "run only the rows that match this `regexp` (\"start\" is the cold start, \"scale\" what needs a booted systemd)")
	fs.StringVar(&servers, "servers", strings.Join(kindNames(), ","), "comma-separated `list` of servers")
	fs.StringVar(&o.wsgid, "wsgid", buildWsgid, "`path` of the wsgid binary; \"build\" builds it, \"\" leaves wsgid out")
	fs.StringVar(&o.out, "out", "", "write the raw figures to this `file`, as JSON")
	fs.BoolVar(&o.quick, "quick", false, "one round of one second, three starts and 100 sites: to see that everything runs, not to compare")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("cannot use argument %q: only flags are known", fs.Arg(0))
	}
	if o.quick {
		o.shorten(fs)
	}
	return o, o.complete(only, servers)
}

// shorten applies -quick to what the command line leaves open.
func (o *options) shorten(fs *flag.FlagSet) {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["rounds"] {
		o.rounds = 1
	}
	if !given["time"] {
		o.time = time.Second
	}
	if !given["starts"] {
		o.starts = 3
	}
}

// complete fills in what needs more than the flag package and checks the rest.
func (o *options) complete(only, servers string) error {
	if o.rounds < 1 {
		return fmt.Errorf("cannot measure %d rounds: at least 1 is needed", o.rounds)
	}
	if o.starts < 0 {
		return fmt.Errorf("cannot start servers %d times", o.starts)
	}
	if o.time < time.Second || o.time%time.Second != 0 {
		return fmt.Errorf("cannot measure for %v: whole seconds are needed", o.time)
	}
	if only != "" {
		re, err := regexp.Compile(only)
		if err != nil {
			return fmt.Errorf("cannot select rows: %w", err)
		}
		o.only = re
	}
	for name := range strings.SplitSeq(servers, ",") {
		if _, known := kindByName(name); !known {
			return fmt.Errorf("cannot select server %q: known are %s", name, strings.Join(kindNames(), ", "))
		}
		if name != nameWsgid || o.wsgid != "" {
			o.servers = append(o.servers, name)
		}
	}
	if len(o.servers) == 0 {
		return errors.New("cannot measure: no server is left")
	}
	return nil
}

// wants reports whether -only selects the row of that name.
func (o *options) wants(name string) bool {
	return o.only == nil || o.only.MatchString(name)
}
