package site

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeNamesKeys: what the README's table for people who move says of a site file is
// a key that works.
func TestReadmeNamesKeys(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## Where the usual lines went\n")
	if !found {
		t.Fatal("the README has no such table")
	}
	table, _, _ = strings.Cut(table, "\nEach of the keys")
	word := regexp.MustCompile("`([a-z][a-z0-9-]*)(?: = [^`]*)?`")
	seen := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range word.FindAllStringSubmatch(cells[3], -1) {
			seen++
			if !slices.ContainsFunc(Keys(), func(k Key) bool { return k.Name == m[1] && k.State == Supported }) {
				t.Errorf("%s: there is no key %s that works", strings.TrimSpace(line), m[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d keys were found", seen)
	}
}
