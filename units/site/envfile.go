package site

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// LoadEnvFile reads NAME=value lines as systemd's EnvironmentFile= does
// (systemd.exec(5)): empty lines and lines that begin with # or ; are skipped,
// a value may stand in single quotes (taken as it is) or double quotes (a
// backslash before ", \, $ or ` is dropped); without quotes blanks around it are
// cut and a backslash takes the next character as it is. The last of two equal
// names counts.
//
// What systemd reads and this does not is an error, never another value: a value
// that goes on in the next line, text after a closing quote, a line without "=".
// The error is [Errors] when the content is wrong.
func LoadEnvFile(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read environment file: %w", err)
	}
	env := map[string]string{}
	var errs Errors
	for i, line := range strings.Split(string(text), "\n") {
		name, value, f := envLine(strings.TrimSuffix(line, "\r"))
		switch {
		case f != nil:
			errs = append(errs, &Error{File: path, Line: i + 1, Key: name, Msg: f.msg, Hint: f.hint})
		case name != "":
			env[name] = value
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return env, nil
}

// envLine reads one line. The name is empty for a line that says nothing.
func envLine(line string) (name, value string, f *fault) {
	line = strings.Trim(line, " \t")
	if line == "" || line[0] == '#' || line[0] == ';' {
		return "", "", nil
	}
	name, text, found := strings.Cut(line, "=")
	name = strings.TrimRight(name, " \t")
	switch {
	case strings.ContainsRune(line, 0) || !utf8.ValidString(line):
		return "", "", &fault{msg: "line is not text in UTF-8"}
	case !found:
		return "", "", &fault{msg: strconv.Quote(line) + " is not NAME=value"}
	case strings.HasPrefix(name, "export "):
		return "", "", &fault{msg: "this is not a shell script", hint: "leave out export"}
	case !isEnvName(name):
		return "", "", &fault{msg: strconv.Quote(name) + " is not the name of an environment variable"}
	}
	value, f = envValue(strings.TrimLeft(text, " \t"))
	return name, value, f
}

func envValue(text string) (string, *fault) {
	switch {
	case strings.HasPrefix(text, "'"):
		return singleQuoted(text[1:])
	case strings.HasPrefix(text, `"`):
		return doubleQuoted(text[1:])
	}
	return unquoted(text)
}

func singleQuoted(text string) (string, *fault) {
	value, rest, closed := strings.Cut(text, "'")
	return value, afterQuote(rest, closed)
}

func doubleQuoted(text string) (string, *fault) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), afterQuote(text[i+1:], true)
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`", text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", afterQuote("", false)
}

func afterQuote(rest string, closed bool) *fault {
	switch {
	case !closed:
		return &fault{msg: "quote is not closed in this line"}
	case strings.Trim(rest, " \t") != "":
		return &fault{msg: "text after the closing quote", hint: "put the whole value in quotes"}
	}
	return nil
}

func unquoted(text string) (string, *fault) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		}
		if i == len(text) {
			return "", &fault{msg: "value goes on in the next line", hint: "write it in one line"}
		}
		b.WriteByte(text[i])
	}
	return b.String(), nil
}
