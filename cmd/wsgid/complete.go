package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/service"
)

// completeSite has a shell complete the first argument of a command with the names
// of the site files. Those that cannot be read it leaves out: a shell has no use for
// the reason.
func completeSite(d *service.Directories) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		entries, _ := os.ReadDir(d.Config)
		for _, entry := range entries {
			if name, is := strings.CutSuffix(entry.Name(), ".toml"); is && strings.HasPrefix(name, begun) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
