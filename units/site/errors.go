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

// Sort orders by file, then by line: first those of the file named first, a site
// file, then the others by name. Errors of one line keep their order.
func (es Errors) Sort(first string) {
	slices.SortStableFunc(es, func(a, b *Error) int {
		if (a.File == first) != (b.File == first) {
			if a.File == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}

// ErrorAt makes an error that is found after parsing, with the file and the line of
// its key: a dotted one, as in "group.web.user", or an element of an array, as in
// "listen[1]", counted from 0. A key that was not written stands for what it would
// be in; a site from flags has neither file nor line. hint may be "".
func (s *Site) ErrorAt(key, msg, hint string) *Error {
	e := &Error{Key: displayKey(key), Msg: msg, Hint: hint}
	if s.lines == nil {
		return e
	}
	e.File = s.Path
	for inside := key; inside != ""; inside = outerKey(inside) {
		if p, ok := s.lines[inside]; ok {
			e.File, e.Line, e.Key = p.file, p.line, displayKey(inside)
			break
		}
	}
	return e
}

// outerKey is the array or the table that a key is in; "" at the top.
func outerKey(key string) string {
	quoted, end := false, 0
	for i, c := range key {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '.' || c == '['):
			end = i
		}
	}
	return key[:end]
}

// displayKey drops the counters that tell the elements of arrays apart.
func displayKey(key string) string {
	var b strings.Builder
	quoted, counter := false, false
	for _, c := range key {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && c == '[':
			counter = true
		case counter && c == ']':
			counter = false
			continue
		}
		if !counter {
			b.WriteRune(c)
		}
	}
	return b.String()
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
