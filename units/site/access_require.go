package site

import (
	"slices"
	"strconv"
	"strings"
)

// The first words of what require lists.
const (
	requireUser  = "user"
	requireGroup = "group"
	validUser    = "valid-user"
	allGranted   = "all granted"
	allDenied    = "all denied"
)

// requirement is an element of require: a kind, and for users and groups their
// names.
type requirement struct {
	kind  string
	names []string
}

// readRequirement reads what Apache httpd writes behind Require. Names with blanks
// in them are in double quotes.
func readRequirement(text string) (requirement, *fault) {
	words, closed := splitWords(text)
	hint := `use "valid-user", "user NAME ...", "group NAME ...", "all granted" or "all denied"`
	switch {
	case !closed:
		return requirement{}, &fault{msg: strconv.Quote(text) + " has a double quote that is not around a whole name"}
	case text == validUser, text == allGranted, text == allDenied:
		return requirement{kind: text}, nil
	case len(words) == 0:
		return requirement{}, &fault{msg: "is empty", hint: hint}
	case words[0] == requireUser || words[0] == requireGroup:
		if len(words) == 1 || slices.Contains(words, "") {
			return requirement{}, &fault{msg: strconv.Quote(text) + " names nobody", hint: "write " + strconv.Quote(words[0]+" NAME")}
		}
		return requirement{kind: words[0], names: words[1:]}, nil
	case words[0] == "wsgi-group" && len(words) > 1:
		return requirement{}, &fault{
			msg:  strconv.Quote(text) + " is no requirement",
			hint: "write " + strconv.Quote("group "+strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "wsgi-group"))),
		}
	}
	return requirement{}, &fault{msg: strconv.Quote(text) + " is no requirement", hint: hint}
}

func checkRequirement(text string) *fault {
	_, f := readRequirement(text)
	return f
}

// splitWords separates at blanks that are not between double quotes; closed says
// that every quote is around a word. A quote inside quotes cannot be written: no name needs it.
func splitWords(text string) (words []string, closed bool) {
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		end := strings.IndexByte(text+" ", ' ')
		if text[0] != '"' {
			words, text = append(words, text[:end]), text[min(end, len(text)):]
			continue
		}
		word, rest, found := strings.Cut(text[1:], `"`)
		if !found || rest != "" && rest[0] != ' ' {
			return nil, false
		}
		words, text = append(words, word), rest
	}
	return words, true
}
