package front

import (
	"regexp"

	"github.com/wsgid/wsgid/units/site"
)

// match is a mount whose URL paths an expression tells.
type match struct {
	expression *regexp.Regexp
	pieces     []site.TemplatePiece // of the script's path, below a directory; nil for one script
	places     *places              // the mount, and locations in it
}

func newMatch(m *site.Mount) *match {
	_, pieces := m.ScriptTemplate()
	return &match{expression: m.Matcher(), pieces: pieces, places: &places{byPath: map[string]*place{}}}
}

// scriptPathKey has what the path of the script begins with, for the Python program,
// which takes it out of the environ.
const scriptPathKey = "wsgid.path"

// split parts the path of the request: SCRIPT_NAME ends with the mount, or with the
// match. file is what the script's path begins with, below its directory, and what
// follows it, if the path says which script it is.
func (p *place) split(path []byte) (script, rest, file []byte) {
	m := p.match
	if m == nil {
		n := len(p.script)
		return path[:n], path[n:], nil
	}
	at := m.expression.FindSubmatchIndex(path)
	for _, one := range m.pieces {
		if one.Group < 0 {
			file = append(file, one.Text...)
		} else if from := at[2*one.Group]; from >= 0 {
			file = append(file, path[from:at[2*one.Group+1]]...)
		}
	}
	script, rest = path[:at[1]], path[at[1]:]
	if m.pieces != nil {
		file = append(file, rest...)
	}
	return script, rest, file
}
