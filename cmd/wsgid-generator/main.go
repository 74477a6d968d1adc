// Wsgid-generator makes systemd's units out of site files (systemd.generator(7)).
// systemd runs it at boot and at every daemon-reload.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsgid/wsgid/units"
)

// wsgid is the program that the units run, for packages with a layout of their own,
// which set it with -ldflags "-X main.wsgid=PATH"; "" has the generator look for it.
var wsgid string

func main() {
	executable, _ := os.Executable() // "" if it cannot be known: then there is a default
	os.Exit(run(system{
		args: os.Args, getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr,
		executable: executable, kernelLog: "/dev/kmsg",
	}))
}

// system is what a run touches beside the file system.
type system struct {
	args           []string
	getenv         func(string) string
	stdout, stderr io.Writer
	executable     string // the generator's own file, links resolved
	kernelLog      string // path of the device
}

const usage = `usage: wsgid-generator DIRECTORY [EARLY LATE]
       wsgid-generator --dry-run [--user] [--config-directory DIRECTORY]

Makes systemd's units out of the site files in /etc/wsgi, or for a user out of
those in ~/.config/wsgi. systemd runs it; --dry-run prints what it would write.
`

// run gives the exit status: 2 for a wrong command line, 1 when a site is broken,
// with the units of all others written.
func run(sys system) int {
	if sys.getenv("SYSTEMD_IN_INITRD") == "1" {
		return 0 // /etc is that of the initrd
	}
	g, err := parse(sys)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(sys.stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(sys.stderr, "wsgid-generator: %v\n%s", err, usage)
		return 2
	}
	g.out, g.log = sys.stdout, &messages{stderr: sys.stderr}
	if g.directory != "" {
		g.log.openKernelLog(sys.kernelLog)
	}
	defer g.log.close()
	if !g.all() {
		return 1
	}
	return 0
}

// parse reads the command line and the environment.
func parse(sys system) (*generator, error) {
	g := &generator{}
	args, getenv := sys.args, sys.getenv
	flags := flag.NewFlagSet("wsgid-generator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dry := flags.Bool("dry-run", false, "")
	user := flags.Bool("user", false, "")
	flags.StringVar(&g.config, "config-directory", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, err
	}
	switch n := flags.NArg(); {
	case *dry && n > 0:
		return nil, errors.New("--dry-run writes to no directory")
	case !*dry && n != 1 && n != 3:
		return nil, errors.New("one or three directories are expected")
	case !*dry:
		g.directory = flags.Arg(0)
	}
	g.options = units.Options{Wsgid: findWsgid(sys.executable), User: *user || isUser(args[0], getenv)}
	if g.options.User {
		g.options.Runtime = getenv("XDG_RUNTIME_DIR")
	}
	return g, g.findConfig(getenv)
}

// findWsgid looks from PREFIX/lib/wsgid, where the generator is installed and systemd
// has links to, for PREFIX/bin/wsgid.
func findWsgid(executable string) string {
	if wsgid != "" {
		return wsgid
	}
	beside := filepath.Join(filepath.Dir(executable), "..", "..", "bin", "wsgid")
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && filepath.IsAbs(beside) {
		return beside
	}
	return "/usr/bin/wsgid"
}

// isUser reports whether a user's own systemd runs the generator. Before version
// 251 there is only the name to tell, as which it is installed for users.
func isUser(program string, getenv func(string) string) bool {
	if scope := getenv("SYSTEMD_SCOPE"); scope != "" {
		return scope == "user"
	}
	return strings.Contains(filepath.Base(program), "user")
}

// findConfig chooses the directory of the site files, where no flag did.
// WSGID_CONFIG_DIRECTORY is for tests.
func (g *generator) findConfig(getenv func(string) string) error {
	switch override := getenv("WSGID_CONFIG_DIRECTORY"); {
	case g.config != "":
	case override != "":
		g.config = override
	case !g.options.User:
		g.config = "/etc/wsgi"
	default:
		g.config = units.UserDirectory(getenv)
	}
	if g.config == "" {
		return errors.New("neither XDG_CONFIG_HOME nor HOME says where the site files are")
	}
	var err error
	if g.config, err = filepath.Abs(g.config); err != nil {
		return fmt.Errorf("cannot find the site files: %w", err)
	}
	return nil
}
