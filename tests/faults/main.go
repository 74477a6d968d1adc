package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/peers"
)

// options are the command line, checked.
type options struct {
	only *regexp.Regexp // experiments to make, by "ID title"; nil for all
}

func main() { os.Exit(start(os.Args[1:], os.Stdout, os.Stderr)) }

// start gives the exit status: 2 when nothing was tried, 1 when something failed.
func start(args []string, stdout, stderr io.Writer) int {
	if status, is := boot.Keeper(); is {
		return status
	}
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "faults:", err)
		return 2
	}
	ctx, stop := peers.SignalContext()
	defer stop()
	if err := measure(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "faults:", err)
		return 1
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("faults", flag.ContinueOnError)
	fs.SetOutput(stderr)
	only := fs.String("only", "", "make only the experiments that match this `regexp`, as \"E13\" or \"reload\"")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("cannot use argument %q: only flags are known", fs.Arg(0))
	}
	if *only != "" {
		re, err := regexp.Compile(*only)
		if err != nil {
			return o, fmt.Errorf("cannot select experiments: %w", err)
		}
		o.only = re
	}
	if len(o.chosen()) == 0 {
		var known []string
		for _, e := range experiments() {
			known = append(known, e.id+" "+e.title)
		}
		return o, fmt.Errorf("cannot select anything: known are\n  %s", strings.Join(known, "\n  "))
	}
	return o, nil
}

// chosen are the experiments that -only selects.
func (o *options) chosen() []experiment {
	var list []experiment
	for _, e := range experiments() {
		if o.only == nil || o.only.MatchString(e.id+" "+e.title) {
			list = append(list, e)
		}
	}
	return list
}
