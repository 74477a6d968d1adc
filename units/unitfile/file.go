package unitfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// File is a unit file or a drop-in.
type File struct {
	// Head are comment lines before the first section, without the "#".
	Head []string
	// Sections are in file order; a name may come more than once.
	Sections []Section
}

// Section is a section with its lines in file order.
type Section struct {
	Name  string
	Lines []Line
}

// Line is an assignment. The Value is what stands in the file, quoted and
// escaped as the directive wants it; "" takes back earlier assignments of a list.
type Line struct {
	Key, Value string
}

// maxLine is the longest line that systemd reads (LONG_LINE_MAX), in bytes.
const maxLine = 1 << 20

// Add appends a line.
func (s *Section) Add(key, value string) {
	s.Lines = append(s.Lines, Line{Key: key, Value: value})
}

// Values gives the values of a key in all sections of a name, in file order.
func (f *File) Values(section, key string) []string {
	var list []string
	for _, s := range f.Sections {
		for _, l := range s.Lines {
			if s.Name == section && l.Key == key {
				list = append(list, l.Value)
			}
		}
	}
	return list
}

// Print gives the text of the file, with an empty line before every section but
// the first. It refuses what Parse would read back differently.
func (f *File) Print() ([]byte, error) {
	var b bytes.Buffer
	for _, text := range f.Head {
		if err := CheckValue(text); err != nil {
			return nil, fmt.Errorf("cannot print comment %q: %w", text, err)
		}
		b.WriteString(strings.TrimSuffix("# "+text, " ") + "\n")
	}
	for i, s := range f.Sections {
		if i > 0 || len(f.Head) > 0 {
			b.WriteByte('\n')
		}
		if !isName(s.Name) {
			return nil, fmt.Errorf("cannot print section %q: not the name of a section", s.Name)
		}
		b.WriteString("[" + s.Name + "]\n")
		for _, l := range s.Lines {
			if err := l.check(); err != nil {
				return nil, fmt.Errorf("cannot print %s=: %w", l.Key, err)
			}
			b.WriteString(l.Key + "=" + l.Value + "\n")
		}
	}
	return b.Bytes(), nil
}

func (l Line) check() error {
	switch {
	case !isName(l.Key):
		return fmt.Errorf("%q is not the name of a directive", l.Key)
	case len(l.Key)+len(l.Value) >= maxLine:
		return fmt.Errorf("longer than %d bytes", maxLine)
	}
	return CheckValue(l.Value)
}

// CheckValue holds a value, or a comment, to what one line can carry as it is.
func CheckValue(s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case strings.ContainsFunc(s, isControl):
		return fmt.Errorf("%q contains a control character", s)
	case strings.Trim(s, blanks) != s:
		return fmt.Errorf("%q begins or ends with a blank", s)
	case goesOn(s):
		return fmt.Errorf("%q ends in a backslash", s)
	}
	return nil
}

// blanks is what systemd cuts around names and values.
const blanks = " \t\n\r"

// goesOn reports whether a line ends in a backslash that is not itself escaped
// by one, counted from the beginning of the line as systemd does.
func goesOn(s string) bool {
	escaped := false
	for i := range len(s) {
		escaped = !escaped && s[i] == '\\'
	}
	return escaped
}

// isControl leaves out the tab, which a value may have inside.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isName holds names of sections and directives to letters, digits and hyphens,
// the first one a letter.
func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}
