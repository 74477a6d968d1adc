package site

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// ScriptPattern tells the scripts that a mount with path-match and "$1" in its script can
// lead to, from its expression.
type ScriptPattern struct {
	// Directory has all of them below it.
	Directory string

	expression *regexp.Regexp
	groups     []int // of the mount's expression, for each of the own
}

// ScriptPattern is nil for a mount with one script or module, and where the script depends
// on the whole match.
func (m *Mount) ScriptPattern() *ScriptPattern {
	directory, pieces := m.ScriptTemplate()
	if pieces == nil {
		return nil
	}
	tree, err := syntax.Parse(m.PathMatch, syntax.Perl)
	if err != nil {
		return nil // refused before
	}
	p := &ScriptPattern{Directory: directory}
	var text strings.Builder
	text.WriteString(`\A`)
	for _, piece := range pieces {
		if piece.Group < 0 {
			text.WriteString(regexp.QuoteMeta(piece.Text))
			continue
		}
		matched, optional := captured(tree, piece.Group)
		if matched == nil {
			return nil
		}
		text.WriteString("(" + withoutGroups(matched).String())
		if optional {
			text.WriteString("|")
		}
		text.WriteString(")")
		p.groups = append(p.groups, piece.Group)
	}
	text.WriteString(`\z`)
	if p.expression, err = regexp.Compile(text.String()); err != nil {
		return nil // larger than what the package takes
	}
	return p
}

// Fits reports whether a path below the directory, which begins with a slash, is one that
// the groups of the expression can make.
func (p *ScriptPattern) Fits(path string) bool {
	found := p.expression.FindStringSubmatch(path)
	if found == nil {
		return false
	}
	texts := map[int]string{}
	for i, group := range p.groups {
		if before, seen := texts[group]; seen && before != found[i+1] {
			return false
		}
		texts[group] = found[i+1]
	}
	return true
}

// captured finds what is in a group; optional says that the whole may match without it.
func captured(tree *syntax.Regexp, number int) (matched *syntax.Regexp, optional bool) {
	if tree.Op == syntax.OpCapture && tree.Cap == number {
		return tree.Sub[0], false
	}
	for _, sub := range tree.Sub {
		if matched, optional := captured(sub, number); matched != nil {
			switch tree.Op {
			case syntax.OpQuest, syntax.OpStar, syntax.OpRepeat, syntax.OpAlternate:
				optional = true
			}
			return matched, optional
		}
	}
	return nil, false
}

// withoutGroups is an expression that matches the same and remembers nothing.
func withoutGroups(tree *syntax.Regexp) *syntax.Regexp {
	if tree.Op == syntax.OpCapture {
		return withoutGroups(tree.Sub[0])
	}
	same := *tree
	same.Sub = nil
	for _, sub := range tree.Sub {
		same.Sub = append(same.Sub, withoutGroups(sub))
	}
	return &same
}
