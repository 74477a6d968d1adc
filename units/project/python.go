package project

import (
	"fmt"
	"regexp"
	"strings"
)

// callableIn is the name of the application in a Python source, "" when there is none
// that is plain to see. What is indented is not at the top level, and does not count.
func callableIn(name, source string) (string, error) {
	for _, pattern := range []string{
		`(?m)^(application)[ \t]*(?::[^=\n]*)?=[^=]`,
		`(?m)^(?:def|class)[ \t]+(application)\b`,
		`(?m)^(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*(?:flask\.)?Flask\(`,
		`(?m)^(app)[ \t]*(?::[^=\n]*)?=[^=]`,
		`(?m)^def[ \t]+(app)\([ \t]*environ\b`,
		`(?m)^from[ \t]+[\w.]+[ \t]+import[ \t]+\(?(?:.*[ ,])?(application|app)[ \t]*(?:$|[,)#])`,
		`(?m)^from[ \t]+[\w.]+[ \t]+import[ \t]+.*\bas[ \t]+(application|app)[ \t]*(?:$|[,)#])`,
	} {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(source); found != nil {
			return found[1], nil
		}
	}
	if found := regexp.MustCompile(`(?m)^def[ \t]+(create_app|make_app)\(`).FindStringSubmatch(source); found != nil {
		module := strings.TrimSuffix(name, ".py")
		if name == "__init__.py" {
			module = "PACKAGE"
		}
		return "", fmt.Errorf("cannot serve %s: it has %s(), which makes an application, and none itself\nhint: write a wsgi.py of two lines: \"from %s import %s\" and \"application = %s()\"",
			name, found[1], module, found[1], found[1])
	}
	return "", nil
}

// framework is the one whose name a source imports.
func framework(source string) string {
	switch {
	case regexp.MustCompile(`(?m)^(?:from|import)[ \t]+flask\b`).MatchString(source):
		return "Flask"
	case regexp.MustCompile(`(?m)^(?:from|import)[ \t]+django\b`).MatchString(source):
		return "Django"
	}
	return ""
}
