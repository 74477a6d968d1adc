// Manpage prints wsgi-site(5), the man page of the site file.
//
//	go run ./units/site/manpage [-date DATE] >wsgi-site.5
//
// What it keeps:
//
//   - What the page says about a key comes from site.Keys, which the parser goes by:
//     the page cannot tell another default or range than the one that holds.
//   - Every key is on the page, and the text around them, in page.5.in, names no
//     other: naming a key that is not there is an error.
//   - Every example is a file of its own that a test parses.
//   - The same sources and date give the same page, byte for byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/wsgid/wsgid/units/site"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run gives the exit status: 2 for a wrong command line, 1 for any other failure.
func run(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("manpage", flag.ContinueOnError)
	fs.SetOutput(stderr)
	date := fs.String("date", "", "`date` at the foot of the page, as 2026-11-21")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "manpage: cannot use argument %q: only flags are known\n", fs.Arg(0))
		return 2
	}
	text, err := page(site.Keys(), *date)
	if err != nil {
		fmt.Fprintln(stderr, "manpage:", err)
		return 1
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		fmt.Fprintln(stderr, "manpage: cannot print the page:", err)
		return 1
	}
	return 0
}
