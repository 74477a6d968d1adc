package unitfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads a unit file by systemd's rules, but strictly: a line that systemd
// would skip with a warning is an error. Comments before the first section are
// kept, others are not. Lines that go on are joined.
func Parse(text []byte) (*File, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("cannot read unit file: it is not UTF-8")
	}
	p := &parser{file: &File{}}
	for i, line := range strings.Split(string(text), "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("cannot read unit file: line %d: %w", i+1, err)
		}
	}
	if p.pending != "" {
		return nil, fmt.Errorf("cannot read unit file: the last line goes on in a line that is not there")
	}
	return p.file, nil
}

type parser struct {
	file    *File
	pending string // a line that goes on, so far
}

func (p *parser) line(s string) error {
	if strings.ContainsFunc(s, isControl) {
		return fmt.Errorf("%q contains a control character", s)
	}
	s = strings.TrimLeft(s, blanks)
	if s != "" && (s[0] == '#' || s[0] == ';') {
		p.comment(s)
		return nil
	}
	s = p.pending + s
	if p.pending = ""; goesOn(s) {
		p.pending = s[:len(s)-1] + " "
		return nil
	}
	s = strings.Trim(s, blanks)
	switch {
	case s == "":
		return nil
	case s[0] == '[':
		return p.section(s)
	}
	return p.assignment(s)
}

// comment keeps what stands at the head of the file. In the middle of a line that
// goes on a comment is skipped.
func (p *parser) comment(s string) {
	if len(p.file.Sections) > 0 || p.pending != "" {
		return
	}
	text := strings.Trim(s[1:], blanks)
	if goesOn(text) {
		return // no comment of ours: Print refuses it
	}
	p.file.Head = append(p.file.Head, text)
}

func (p *parser) section(s string) error {
	name, closed := strings.CutSuffix(s[1:], "]")
	if !closed || !isName(name) {
		return fmt.Errorf("%q is not a section", s)
	}
	p.file.Sections = append(p.file.Sections, Section{Name: name})
	return nil
}

func (p *parser) assignment(s string) error {
	key, value, found := strings.Cut(s, "=")
	l := Line{Key: strings.TrimRight(key, blanks), Value: strings.TrimLeft(value, blanks)}
	if !found {
		return fmt.Errorf("%q is not an assignment", s)
	}
	if len(p.file.Sections) == 0 {
		return fmt.Errorf("%q stands before the first section", s)
	}
	if err := l.check(); err != nil {
		return err
	}
	last := &p.file.Sections[len(p.file.Sections)-1]
	last.Lines = append(last.Lines, l)
	return nil
}
