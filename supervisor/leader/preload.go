package leader

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What is loaded before anybody asks for it, of scripts that depend on the URL: so many
// scripts, whose paths have so many bytes together, as found among so many files.
const (
	mostPreloaded     = 100
	mostPreloadedText = 64 << 10
	mostLookedAt      = 20000
)

// preloaded are the scripts of mounts with path-match that are there now, for the Python
// program: a line each, with the number of the application before the path. What cannot be
// looked at is left to the request that needs it.
func (l *Leader) preloaded() string {
	numbers := l.options.Site.ApplicationNumbers()
	seen := map[string]bool{}
	var lines []string
	size := 0
	for _, m := range l.options.Site.AllMounts() {
		pattern := m.ScriptPattern()
		if pattern == nil || m.Group != l.options.Group.Name {
			continue
		}
		for _, script := range scriptsBelow(l.deployed.of(pattern.Directory), pattern.Fits) {
			line := strconv.Itoa(numbers[m]) + "\t" + script
			if seen[line] {
				continue
			}
			seen[line] = true
			if size += len(line); len(lines) == mostPreloaded || size > mostPreloadedText {
				return strings.Join(lines, "\n")
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// scriptsBelow are the files below a directory that fit, in the order of their names; nothing
// that is hidden, or behind a link, is among them.
func scriptsBelow(directory string, fits func(path string) bool) []string {
	directory = strings.TrimSuffix(directory, "/")
	var all []string
	seen := 0
	_ = filepath.WalkDir(directory+"/", func(path string, entry fs.DirEntry, err error) error {
		seen++
		hidden := seen > 1 && strings.HasPrefix(filepath.Base(path), ".")
		switch {
		case seen > mostLookedAt || len(all) == mostPreloaded:
			return fs.SkipAll
		case err != nil, hidden && entry.IsDir():
			if entry != nil && entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case hidden || !entry.Type().IsRegular() || strings.ContainsAny(path, "\t\n") || !utf8.ValidString(path):
			return nil
		case fits(path[len(directory):]):
			all = append(all, path)
		}
		return nil
	})
	return all
}
