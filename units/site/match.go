package site

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A mount with path-match is asked before those with a path, in file order, as the
// first match counts. In its script, $1 to $9 stand for what the groups of the
// expression have matched, $0 for all of it, and ${name} for a group with a name; what the
// URL path has behind the match follows (WSGIScriptAliasMatch).

// Matcher is the expression of PathMatch; nil for a mount with a path.
func (m *Mount) Matcher() *regexp.Regexp {
	if m.PathMatch == "" {
		return nil
	}
	return regexp.MustCompile(m.PathMatch)
}

// ScriptTemplate is Script in pieces, if it depends on the request: text, and the
// numbers of groups whose matches stand between them. The first piece is the directory
// that all scripts are below. Nil for a mount with one script or module.
func (m *Mount) ScriptTemplate() (directory string, pieces []TemplatePiece) {
	if m.PathMatch == "" || !strings.Contains(m.Script, "$") {
		return "", nil
	}
	pieces, f := templateGroups{path: m.Matcher()}.parse(m.Script)
	if f != nil || pieces[0].Group >= 0 {
		return "", nil // refused, see matchedScript
	}
	directory = path.Dir(pieces[0].Text + "x")
	pieces[0].Text = strings.TrimPrefix(pieces[0].Text, directory)
	return directory, pieces
}

// matches reports whether a mount with path-match answers a URL path.
func (v *Vhost) matches(path string) bool {
	for _, m := range v.Mounts {
		if m.PathMatch != "" && m.Matcher().MatchString(path) {
			return true
		}
	}
	return false
}

func checkExpression(s string) *fault {
	if _, err := regexp.Compile(s); err != nil {
		return &fault{msg: strconv.Quote(s) + " is not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), hint: "the syntax is RE2's, which has no look-around and no back-references"}
	}
	if s == "" {
		return &fault{msg: "is empty", hint: `path = "/" is for every URL`}
	}
	return nil
}

// matchedScript checks what a mount with path-match says of its script.
func (d *decoder) matchedScript(m mounted) {
	n := m.node
	written := n.table["script"]
	if m.PathMatch == "" || written == nil || !strings.Contains(m.Script, "$") {
		return
	}
	fail := func(f *fault) { d.fail(written.place, m.key("script"), f) }
	if _, f := (templateGroups{path: m.Matcher()}).parse(m.Script); f != nil {
		fail(f)
		return
	}
	if directory, _ := m.ScriptTemplate(); directory == "/" || directory == "." || directory == "" {
		fail(&fault{msg: strconv.Quote(m.Script) + " has no directory before its first $", hint: "all scripts are in and below that directory: name one"})
		return
	}
	if m.ScriptReloading {
		d.fail(n.table["script-reloading"].place, m.key("script-reloading"), &fault{
			msg: "does not see scripts that depend on the request", hint: "reload the site when they change",
		})
	}
}
