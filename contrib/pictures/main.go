// Pictures draws architecture.svg and reload.svg into the directory that it is given,
// for `make pictures`. They have no fonts and no colours of their own beyond a few that
// are readable on light and on dark pages.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: pictures DIRECTORY")
		return 2
	}
	for name, text := range pictures() {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "pictures:", err)
			return 1
		}
	}
	return 0
}

// pictures are all of them, by file name.
func pictures() map[string]string {
	return map[string]string{"architecture.svg": architecture(), "reload.svg": reload()}
}
