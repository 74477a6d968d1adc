package units

import (
	"fmt"
	"io"
)

// Print writes files one after another, each under a line with its path. The text
// is a txtar archive; a symbolic link is a line alone.
func Print(w io.Writer, files []File) error {
	for _, f := range files {
		header, text := f.Path, string(f.Content)
		if f.Link != "" {
			header += " -> " + f.Link
		}
		if _, err := fmt.Fprintf(w, "-- %s --\n%s", header, text); err != nil {
			return fmt.Errorf("cannot print %s: %w", f.Path, err)
		}
	}
	return nil
}
