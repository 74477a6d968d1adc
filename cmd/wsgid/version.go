package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// packaged is the version of the package that the program is part of, which packages
// set with -ldflags "-X main.packaged=VERSION"; "" for every other build.
var packaged string

// version is that of the package, or the module's from the build information; "devel"
// for a build from a work tree.
func version() string {
	if packaged != "" {
		return packaged
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

// software is what the Server field and SERVER_SOFTWARE say.
func software() string { return "wsgid" }

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "wsgid", version()) },
	}
}
