package main

import (
	"fmt"
	"strings"
)

// cell is what was seen of one server, or why nothing was.
type cell struct {
	facts []string
	none  string
}

func (c cell) String() string {
	if c.none != "" {
		return "not tried here: " + c.none
	}
	return strings.Join(c.facts, "; ")
}

// row is an experiment and what was seen.
type row struct {
	id, title     string
	apache, wsgid cell
}

// report is everything that is printed.
type report struct {
	apache, wsgid string // versions
	rows          []row
	failures      []string
}

// String is a table in Markdown.
func (r *report) String() string {
	var b strings.Builder
	b.WriteString("# Where things go wrong\n\n")
	fmt.Fprintf(&b, "| | what is done | %s | %s |\n|---|---|---|---|\n", plain(r.apache), plain(r.wsgid))
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.id, plain(row.title), plain(row.apache.String()), plain(row.wsgid.String()))
	}
	if len(r.failures) > 0 {
		b.WriteString("\n## Failures\n\n")
	}
	for _, f := range r.failures {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	return b.String()
}

// plain keeps a text from ending its cell, or its row.
func plain(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
