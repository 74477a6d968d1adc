package confine

import (
	"fmt"
	"regexp"
	"strings"
)

// Profile is what an AppArmor profile says about files and sockets.
type Profile struct {
	files    []fileRule
	networks [][]string // the words behind "network": none, a family, a family and a type
	unix     bool       // sockets of AF_UNIX, by a rule of their own
}

// fileRule allows or denies kinds of access to paths.
type fileRule struct {
	path  *regexp.Regexp
	perms string // letters of r, w, a, m, k, l, x
	deny  bool
}

// Parse reads a profile as `apparmor_parser --preprocess` prints it: without includes.
func Parse(text string) (*Profile, error) {
	p, variables := &Profile{}, map[string]string{}
	for _, statement := range statements(text) {
		if err := p.add(statement, variables); err != nil {
			return nil, fmt.Errorf("cannot understand %q: %w", statement, err)
		}
	}
	return p, nil
}

// statements are the rules of a text, each on one line: a rule ends with a comma, the head
// of a profile with a brace, and an assignment with its line.
func statements(text string) []string {
	var all []string
	begun := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if begun == "" && (line == "" || strings.HasPrefix(line, "#")) {
			continue
		}
		line, _, _ = strings.Cut(line, " #")
		begun = strings.TrimSpace(begun + " " + strings.TrimSpace(line))
		if strings.HasPrefix(begun, "@{") && assignment.MatchString(begun) || strings.HasSuffix(begun, ",") || strings.HasSuffix(begun, "{") || begun == "}" {
			all = append(all, strings.TrimSuffix(begun, ","))
			begun = ""
		}
	}
	return all
}

var assignment = regexp.MustCompile(`^@\{(\w+)\}\s*(\+?=)\s*(.*)$`)

func (p *Profile) add(statement string, variables map[string]string) error {
	if found := assignment.FindStringSubmatch(statement); found != nil {
		assign(variables, found[1], found[2], found[3])
		return nil
	}
	words := strings.Fields(statement)
	deny := words[0] == "deny"
	for len(words) > 1 && (words[0] == "deny" || words[0] == "audit" || words[0] == "owner") {
		words = words[1:]
	}
	switch words[0] {
	case "abi", "profile", "}", "ptrace", "signal", "dbus", "capability", "mount", "umount", "pivot_root", "change_profile", "include":
		return nil
	case "network":
		if !deny {
			p.networks = append(p.networks, words[1:])
		}
		return nil
	case "unix":
		p.unix = p.unix || !deny && len(words) == 1 || !deny && strings.Contains(statement, "create") && !strings.Contains(statement, "peer=")
		return nil
	}
	if len(words) < 2 || !strings.ContainsAny(words[0][:1], `/@"`) {
		return fmt.Errorf("no rule of this kind is known")
	}
	path, err := compile(strings.Trim(words[0], `"`), variables)
	if err != nil {
		return err
	}
	p.files = append(p.files, fileRule{path: path, perms: words[1], deny: deny})
	return nil
}

// assign gives a variable its values, as a pattern of alternatives.
func assign(variables map[string]string, name, operator, text string) {
	var values []string
	if operator == "+=" {
		values = append(values, variables[name])
	}
	for _, value := range strings.Fields(text) {
		// Two slashes, the value's and the one behind the variable, are one.
		values = append(values, strings.TrimSuffix(strings.Trim(value, `"`), "/"))
	}
	variables[name] = strings.Join(values, ",")
	if len(values) > 1 {
		variables[name] = "{" + variables[name] + "}"
	}
}

var variable = regexp.MustCompile(`@\{(\w+)\}`)

// compile makes an expression of a pattern of paths (apparmor.d(5), "Globbing").
func compile(pattern string, variables map[string]string) (*regexp.Regexp, error) {
	for range 5 { // values have variables in them, though not deeper
		pattern = variable.ReplaceAllStringFunc(pattern, func(name string) string {
			value, known := variables[name[2:len(name)-1]]
			if !known {
				return name
			}
			return value
		})
	}
	if unknown := variable.FindString(pattern); unknown != "" {
		return nil, fmt.Errorf("%s has no value", unknown)
	}
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			kind := "[^/]"
			whole := i > 0 && pattern[i-1] == '/'
			if strings.HasPrefix(pattern[i:], "**") {
				kind = "."
				i++
			}
			// A whole name, or all behind a slash, is at least one letter.
			if whole && (i+1 == len(pattern) || pattern[i+1] == '/') {
				b.WriteString(kind + "+")
			} else {
				b.WriteString(kind + "*")
			}
		case c == '?':
			b.WriteString("[^/]")
		case c == '{':
			b.WriteString("(?:")
		case c == '}':
			b.WriteString(")")
		case c == ',':
			b.WriteString("|")
		case c == '[' || c == ']' || c == '-' || c == '^':
			b.WriteByte(c)
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}

// Lacks gives those of the wanted kinds of access to a path that the profile does not
// allow, or denies: "" if it allows all. Directories have a slash at their end.
func (p *Profile) Lacks(path, wanted string) string {
	allowed, denied := "", ""
	for _, rule := range p.files {
		if !rule.path.MatchString(path) {
			continue
		}
		if rule.deny {
			denied += rule.perms
		} else {
			allowed += rule.perms
		}
	}
	lacks := ""
	for _, perm := range wanted {
		if !strings.ContainsRune(allowed, perm) || strings.ContainsRune(denied, perm) {
			lacks += string(perm)
		}
	}
	return lacks
}

// AllowsSocket reports whether a process may make a socket of a family ("inet", "unix",
// "netlink") and a type ("stream", "dgram", "raw").
func (p *Profile) AllowsSocket(family, kind string) bool {
	if family == "unix" && p.unix {
		return true
	}
	for _, words := range p.networks {
		if len(words) == 0 || words[0] == family && (len(words) == 1 || words[1] == kind) {
			return true
		}
	}
	return false
}
