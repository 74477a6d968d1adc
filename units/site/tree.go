package site

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// place is a line of a file.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// node is a TOML value that knows where it was written. Exactly one of table
// and list is set for tables and arrays; value is set for everything else.
type node struct {
	place
	table map[string]*node
	list  []*node
	value any
	// tables says that list came from [[...]] headers, or could have.
	tables bool
}

// parseTree reads one file. The error is an Errors when the text is not TOML.
func parseTree(file string, src []byte) (*node, Errors) {
	text := strings.TrimPrefix(string(src), "\ufeff")
	if isUTF16(text) {
		return nil, Errors{{File: file, Line: 1, Msg: "not TOML: the file is UTF-16", Hint: "save it as UTF-8"}}
	}
	var doc map[string]any
	if _, err := toml.Decode(text, &doc); err != nil {
		return nil, Errors{syntaxError(file, text, err)}
	}
	return newNode(file, doc, scanSpots(text)), nil
}

// isUTF16 reports a byte order mark of UTF-16. The library passes over it and
// reads the rest as UTF-8.
func isUTF16(text string) bool {
	return strings.HasPrefix(text, "\xfe\xff") || strings.HasPrefix(text, "\xff\xfe")
}

func syntaxError(file, text string, err error) *Error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return &Error{File: file, Line: 1, Msg: oneLine(strings.TrimPrefix(err.Error(), "toml: "))}
	}
	if pe.Position.Line == 0 {
		pe.Position.Line = lineOf(text, pe.Message)
	}
	e := &Error{File: file, Line: pe.Position.Line, Key: oneLine(pe.LastKey), Msg: "not TOML: " + oneLine(pe.Message)}
	if strings.HasSuffix(pe.LastKey, "umask") {
		e.Hint = `write the octal number as a string: umask = "0027"`
	}
	return e
}

// lineOf finds the line of an error that the library gives without one (1.6.0
// does so for some escapes): the first line with which the text above it
// becomes wrong in that way.
func lineOf(text, message string) int {
	end := 0
	for i, line := range strings.SplitAfter(text, "\n") {
		end += len(line)
		var doc map[string]any
		var pe toml.ParseError
		if _, err := toml.Decode(text[:end], &doc); errors.As(err, &pe) && pe.Message == message {
			return i + 1
		}
	}
	return 1
}

// oneLine keeps a key with a line end in it from looking like another error.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return ' '
		}
		return c
	}, s)
}

func newNode(file string, value any, at *spot) *node {
	if at == nil {
		at = &spot{}
	}
	n := &node{place: place{file, at.line}}
	switch v := value.(type) {
	case map[string]any:
		n.table = make(map[string]*node, len(v))
		for k, e := range v {
			n.table[k] = newNode(file, e, at.keys[k])
		}
	case []map[string]any:
		n.tables = true
		n.list = newList(file, v, at)
	case []any:
		n.list = newList(file, v, at)
	default:
		n.value = v
	}
	return n
}

func newList[T any](file string, values []T, at *spot) []*node {
	list := make([]*node, len(values))
	for i, v := range values {
		var e *spot
		if i < len(at.elems) {
			e = at.elems[i]
		}
		list[i] = newNode(file, v, e)
	}
	return list
}

// merge lays b over a: tables merge, arrays of tables append, and of anything
// else b's stays.
func merge(a, b *node) *node {
	switch {
	case a.table != nil && b.table != nil:
		for k, v := range b.table {
			if old, ok := a.table[k]; ok {
				v = merge(old, v)
			}
			a.table[k] = v
		}
		return a
	case a.tables && b.tables:
		a.list = append(a.list, b.list...)
		return a
	}
	return b
}

// sortedKeys gives the keys of a table in a fixed order, so that errors of one
// line come out the same each time.
func (n *node) sortedKeys() []string {
	return slices.Sorted(maps.Keys(n.table))
}

// kind names the type for a message.
func (n *node) kind() string {
	switch {
	case n.table != nil:
		return "a table"
	case n.list != nil:
		return "an array"
	}
	switch v := n.value.(type) {
	case string:
		return "a string"
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprintf("%t", v)
	}
	return "a date or time"
}
