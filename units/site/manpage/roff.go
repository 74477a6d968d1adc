package main

import "strings"

// literal escapes what a person types or sees as it is, names and values: a hyphen
// stays one that can be searched for and copied, and so do quotes (groff_char(7)).
func literal(s string) string {
	return guard(strings.NewReplacer(
		`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`,
	).Replace(s))
}

// prose escapes a sentence. A hyphen inside of a word may be part of a key's name, so it
// is kept as it is typed, too.
func prose(s string) string {
	return guard(strings.NewReplacer(
		`\`, `\e`, `-`, `\-`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`,
	).Replace(s))
}

// guard keeps a line that begins with a control character from being a request.
func guard(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}

func bold(s string) string { return `\fB` + literal(s) + `\fR` }

// verbatim is a block of lines as they are, such as a file.
func verbatim(text string) string {
	var b strings.Builder
	b.WriteString(".PP\n.in +4n\n.nf\n")
	for line := range strings.Lines(text) {
		b.WriteString(literal(strings.TrimSuffix(line, "\n")) + "\n")
	}
	b.WriteString(".fi\n.in\n")
	return b.String()
}
