package site

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Error is one thing that is wrong in a site file.
type Error struct {
	// File is the file as it was named to Load or Parse; "" when the site came
	// from flags.
	File string
	// Line counts from 1; 0 means that the error belongs to the file as a whole.
	Line int
	// Key is the dotted key, for example "group.web.processes"; "" for a syntax error.
	Key string
	// Msg says what is wrong.
	Msg string
	// Hint says what to write instead; "" when there is nothing to say.
	Hint string
}

// Error gives "file:line: key: message", and the hint on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
		if e.Line > 0 {
			b.WriteString(strconv.Itoa(e.Line) + ":")
		}
		b.WriteByte(' ')
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("\nhint: " + e.Hint)
	}
	return b.String()
}

// Errors are all errors of one site, sorted by file and line.
type Errors []*Error

// Error gives one line per error, hints as lines between them.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single [Error].
func (es Errors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

// sorted orders by the order of the files, then by line; errors of one line
// keep the order they were found in.
func (es Errors) sorted(files []string) Errors {
	slices.SortStableFunc(es, func(a, b *Error) int {
		byFile := cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File))
		return cmp.Or(byFile, cmp.Compare(a.Line, b.Line))
	})
	return es
}

// orNil keeps an empty list from becoming a non-nil error.
func (es Errors) orNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// fault is what is wrong with a value, before it is known where the value is.
type fault struct{ msg, hint string }

func (f *fault) Error() string {
	return (&Error{Msg: f.msg, Hint: f.hint}).Error()
}

// asFault takes any error of this package's value readers.
func asFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return &fault{msg: err.Error()}
}
