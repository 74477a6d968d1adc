package site

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxNames bounds site and group name together. "/run/wsgi/<site>:<group>.a.sock"
// has to fit into sun_path, unix(7).
const maxNames = 80

// checkName holds the alphabet of site and group names: what is safe in a unit
// name, a socket path and a log line without any escaping.
func checkName(what, name string) *fault {
	ok := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`).MatchString(name)
	switch {
	case !ok:
		return &fault{
			msg:  what + " name " + strconv.Quote(name) + " is not usable in unit and socket names",
			hint: "use a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit",
		}
	case len(name) > maxNames-1:
		return &fault{msg: what + " name is longer than " + strconv.Itoa(maxNames-1) + " bytes"}
	}
	return nil
}

func checkAbsolute(p string) *fault {
	switch {
	case p == "":
		return &fault{msg: "path is empty"}
	case !path.IsAbs(p):
		return &fault{msg: "path " + strconv.Quote(p) + " is not absolute"}
	}
	return nil
}

// checkPrefix holds the beginning of a path to one spelling, by which it can be seen
// in which directory it is.
func checkPrefix(p string) *fault {
	if i := strings.IndexAny(p, " :\\\"'"); i >= 0 {
		return &fault{msg: "path " + strconv.Quote(p) + " contains " + strconv.Quote(p[i:i+1]) + ", which has a meaning of its own in units"}
	}
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	if clean != p {
		return &fault{msg: "path " + strconv.Quote(p) + " has needless parts", hint: "write " + strconv.Quote(clean)}
	}
	return nil
}

func checkAccessLog(s string) *fault {
	if s == "" || s == "-" {
		return nil
	}
	if f := checkAbsolute(s); f != nil {
		f.hint = `use "-" for standard output, or an absolute path`
		return f
	}
	return nil
}

func checkEnum(s string, values []string) *fault {
	if slices.Contains(values, s) {
		return nil
	}
	f := &fault{msg: strconv.Quote(s) + " is none of " + quoteWords(values)}
	if near := nearest(s, values); near != "" {
		f.hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return f
}

// checkUser refuses root: no process of the daemon groups runs as root.
func checkUser(s string) *fault {
	if s == "root" || s == "0" || s == "#0" {
		return &fault{msg: "root is not allowed"}
	}
	return checkAccount(s)
}

// checkProcessUser also keeps an application away from what every site's front
// end may do: as its user it could connect to all groups of the machine.
func checkProcessUser(s string) *fault {
	if s == FrontEndUser {
		return &fault{
			msg:  strconv.Quote(s) + " is the user of the front end, so the application could reach every other site",
			hint: "name a user of its own, or leave user out",
		}
	}
	return checkUser(s)
}

// checkFurtherGroup knows mod_wsgi's way to write several groups.
func checkFurtherGroup(s string) *fault {
	f := checkUser(s)
	if f != nil && strings.Contains(s, ",") {
		f.hint = "write an array: [" + quoteWords(strings.Split(s, ",")) + "]"
	}
	return f
}

func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(strings.TrimSpace(w))
	}
	return strings.Join(quoted, ", ")
}

// checkAccount holds the alphabet of user and group names.
func checkAccount(s string) *fault {
	switch {
	case strings.HasPrefix(s, "#"):
		if _, ok := numeric(s); !ok {
			return &fault{msg: strconv.Quote(s) + " is not the number of a user or group", hint: `write the name, or "#1000"`}
		}
	case !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*\$?$`).MatchString(s):
		return &fault{msg: strconv.Quote(s) + " is not a user or group name"}
	}
	return nil
}

func checkHost(s string) *fault {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return nil
	}
	if regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`).MatchString(s) && !strings.Contains(s, "..") && len(s) <= 253 {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is not a host name", hint: "write the name alone, without scheme, port or path"}
}

func checkLocale(s string) *fault {
	if regexp.MustCompile(`^[A-Za-z0-9_.@-]+$`).MatchString(s) {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is not the name of a locale", hint: `for example "C.UTF-8"`}
}

// checkURLPath holds a mount path to one spelling, so that two mounts cannot
// mean the same URL.
func checkURLPath(s string) *fault {
	if !strings.HasPrefix(s, "/") {
		return &fault{msg: "path " + strconv.Quote(s) + ` does not begin with "/"`, hint: "write " + strconv.Quote(path.Clean("/"+s))}
	}
	if i := strings.IndexAny(s, "?#%"); i >= 0 {
		return &fault{msg: "path " + strconv.Quote(s) + " contains " + strconv.Quote(s[i:i+1]), hint: "write the decoded path, without a query"}
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return &fault{msg: "path " + strconv.Quote(s) + " contains a control character"}
	}
	for _, segment := range strings.Split(s, "/") {
		if segment == "." || segment == ".." {
			return &fault{msg: "path " + strconv.Quote(s) + " contains " + strconv.Quote(segment), hint: "write " + strconv.Quote(path.Clean(s))}
		}
	}
	if s != path.Clean(s) {
		return &fault{msg: "path " + strconv.Quote(s) + ` has a needless "/"`, hint: "write " + strconv.Quote(path.Clean(s))}
	}
	return nil
}

func checkCallable(s string) *fault {
	if isDotted(s) {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is not the name of a Python object"}
}

// isDotted reports whether s is Python identifiers joined by dots.
func isDotted(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return true
}

func isIdentifier(s string) bool {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}

func isEnvName(s string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(s)
}
