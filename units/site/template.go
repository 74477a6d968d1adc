package site

import (
	"regexp"
	"strconv"
	"strings"
)

// TemplatePiece is text, or what a group of an expression has matched.
type TemplatePiece struct {
	Text string
	// Group is -1 for text, 0 for the whole match.
	Group int
	// OfQuery says that the group is one of QueryMatch, not of PathMatch.
	OfQuery bool
}

// templateGroups are the groups that a template can name: by number those of path, by
// name those of both. Nil expressions have none.
type templateGroups struct{ path, query *regexp.Regexp }

// parse takes a template apart: $1 to $9, or $0 for the whole match, and ${name} stand
// for what groups have matched.
func (g templateGroups) parse(template string) ([]TemplatePiece, *fault) {
	var pieces []TemplatePiece
	for text := template; ; {
		before, after, found := strings.Cut(text, "$")
		if before != "" {
			pieces = append(pieces, TemplatePiece{Text: before, Group: -1})
		}
		if !found {
			return pieces, nil
		}
		var piece TemplatePiece
		var f *fault
		if name, rest, closed := strings.Cut(strings.TrimPrefix(after, "{"), "}"); after != "" && after[0] == '{' && closed {
			text = rest
			piece, f = g.named(template, name)
		} else if after != "" && '0' <= after[0] && after[0] <= '9' {
			text = after[1:]
			piece, f = g.numbered(template, int(after[0]-'0'))
		} else {
			f = &fault{msg: strconv.Quote(template) + ` has a "$" without the number of a group`, hint: "write $1 to $9, $0 for the whole match, or ${name}"}
		}
		if f != nil {
			return nil, f
		}
		pieces = append(pieces, piece)
	}
}

func (g templateGroups) numbered(template string, number int) (TemplatePiece, *fault) {
	if g.path == nil {
		return TemplatePiece{}, &fault{msg: strconv.Quote(template) + " names group " + strconv.Itoa(number) + ", and there is no path-match"}
	}
	if groups := g.path.NumSubexp(); number > groups {
		return TemplatePiece{}, &fault{msg: strconv.Quote(template) + " names group " + strconv.Itoa(number) + ", and path-match has " + strconv.Itoa(groups)}
	}
	return TemplatePiece{Group: number}, nil
}

// named finds a group of the form (?P<name>...). Digits are a number.
func (g templateGroups) named(template, name string) (TemplatePiece, *fault) {
	if number, err := strconv.Atoi(name); err == nil && number >= 0 {
		return g.numbered(template, number)
	}
	ofPath, ofQuery := groupOf(g.path, name), groupOf(g.query, name)
	switch {
	case ofPath > 0 && ofQuery > 0:
		return TemplatePiece{}, &fault{msg: strconv.Quote(template) + " names group " + strconv.Quote(name) + ", which path-match and query-match both have", hint: "give one of them another name"}
	case ofPath > 0:
		return TemplatePiece{Group: ofPath}, nil
	case ofQuery > 0:
		return TemplatePiece{Group: ofQuery, OfQuery: true}, nil
	}
	return TemplatePiece{}, &fault{msg: strconv.Quote(template) + " names group " + strconv.Quote(name) + ", which no expression has", hint: "(?P<name>...) gives a group a name"}
}

// groupOf is the number of a named group, -1 if there is none.
func groupOf(e *regexp.Regexp, name string) int {
	if e == nil || name == "" {
		return -1
	}
	return e.SubexpIndex(name)
}
