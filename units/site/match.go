package site

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A mount with path-match is asked before those with a path, in file order, as the
// first match counts. In its script, $1 to $9 stand for what the groups of the
// expression have matched, and $0 for all of it; what the URL path has behind the
// match follows (WSGIScriptAliasMatch).

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
	text := m.Script
	for {
		before, after, found := strings.Cut(text, "$")
		if before != "" {
			pieces = append(pieces, TemplatePiece{Text: before, Group: -1})
		}
		if !found {
			break
		}
		if after == "" || after[0] < '0' || after[0] > '9' {
			return "", nil // refused, see matchedScript
		}
		pieces = append(pieces, TemplatePiece{Group: int(after[0] - '0')})
		text = after[1:]
	}
	directory = path.Dir(pieces[0].Text + "x")
	pieces[0].Text = strings.TrimPrefix(pieces[0].Text, directory)
	return directory, pieces
}

// TemplatePiece is text, or what a group of an expression has matched.
type TemplatePiece struct {
	Text string
	// Group is -1 for text, 0 for the whole match.
	Group int
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
func (d *decoder) matchedScript(h *host, m *Mount, n *node) {
	written := n.table["script"]
	if m.PathMatch == "" || written == nil || !strings.Contains(m.Script, "$") {
		return
	}
	fail := func(msg, hint string) {
		d.fail(written.place, h.table("mount.script"), &fault{msg: strconv.Quote(m.Script) + msg, hint: hint})
	}
	directory, pieces := m.ScriptTemplate()
	switch groups := m.Matcher().NumSubexp(); {
	case pieces == nil:
		fail(` has a "$" without the number of a group`, "write $1 to $9, or $0 for the whole match")
		return
	case directory == "/" || directory == ".":
		fail(" has no directory before its first $", "all scripts are in and below that directory: name one")
		return
	default:
		for _, p := range pieces {
			if p.Group > groups {
				fail(" names group "+strconv.Itoa(p.Group)+", and path-match has "+strconv.Itoa(groups), "")
				return
			}
		}
	}
	if m.ScriptReloading {
		d.fail(n.table["script-reloading"].place, h.table("mount.script-reloading"), &fault{
			msg: "does not see scripts that depend on the request", hint: "reload the site when they change",
		})
	}
}
