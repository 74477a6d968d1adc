package unitfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Specifiers doubles every "%", so that a directive which expands specifiers
// (systemd.unit(5)) takes the text as it is.
func Specifiers(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// Word makes text one word of a list (systemd.syntax(7), "Quoting"), in double
// quotes where it needs them, with control characters as escapes. It leaves "%"
// alone. NUL and bytes that are not UTF-8 cannot be written.
func Word(s string) (string, error) {
	if strings.Contains(s, "\x00") || !utf8.ValidString(s) {
		return "", fmt.Errorf("cannot quote %q: it is not text in UTF-8", s)
	}
	if isPlain(s) {
		return s, nil
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}

// isPlain reports whether text is a word without quotes. A semicolon alone
// separates commands.
func isPlain(s string) bool {
	return s != "" && s != ";" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c == 0x7f || c == '"' || c == '\'' || c == '\\'
	})
}

// Argument makes text one argument of a command line in Exec*=, where "%" begins
// a specifier and "$" a variable (systemd.service(5), "Command lines").
func Argument(s string) (string, error) {
	return Word(strings.ReplaceAll(Specifiers(s), "$", "$$"))
}

// Assignment makes a variable one word of Environment=, where "$" has no meaning.
func Assignment(name, value string) (string, error) {
	return Word(name + "=" + Specifiers(value))
}

// EscapeName makes text one component of the name of a slice, where a hyphen
// stands between parent and child (systemd.slice(5)): what is not a letter, digit,
// ":", "_" or "." becomes \xNN, and so does a dot at the beginning. That is what
// systemd-escape(1) does, but for the slash, which becomes a hyphen there.
func EscapeName(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		plain := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == ':' || c == '_' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}
