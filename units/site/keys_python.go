package site

import (
	"slices"
	"strconv"
	"strings"
)

// pythonKeys are settings of the interpreter that mod_wsgi has for the whole
// server; here they hold for every group of the site.
func pythonKeys() []Key {
	return []Key{
		{
			Name: "python-optimize", Type: TypeInt, Max: 2, Default: int64(0), ModWSGI: "WSGIPythonOptimize", ModWSGIDefault: "0",
			Meaning: "Optimisation level of the interpreters: 1 leaves out assert statements, 2 docstrings too; 0 means neither.",
		},
		{
			Name: "dont-write-bytecode", Type: TypeBool, ModWSGI: "WSGIDontWriteBytecode", ModWSGIDefault: "Off",
			Meaning: "Keeps the interpreters from writing .pyc files.",
		},
		{
			Name: "python-warnings", Type: TypeStrings, check: checkWarning, ModWSGI: "WSGIPythonWarnings",
			Meaning: "Warning filters of the interpreters, as for python -W: \"action:message:category:module:line\"; of two that match, the later counts.",
		},
		{
			Name: "python-hash-seed", Type: TypeSeed, Max: maxHashSeed, ModWSGI: "WSGIPythonHashSeed", ModWSGIDefault: "random",
			Meaning: "Seed of the hashes of str and bytes: \"random\", another one for each process, or a number, 0 for hashes that are not randomised; without it the environment's PYTHONHASHSEED counts, else a random one.",
		},
	}
}

// maxHashSeed is the largest value of PYTHONHASHSEED (python(1)).
const maxHashSeed = 1<<32 - 1

// randomSeed is the word for a seed that each process makes for itself.
const randomSeed = "random"

func groupPythonKeys() []Key {
	return []Key{
		{
			Name: "python-eggs", Type: TypePath, ModWSGI: "python-eggs",
			Meaning: "Directory in which egg files are unpacked: PYTHON_EGG_CACHE of the processes.",
		},
		{
			Name: "import-script", Type: TypePaths, ModWSGI: "WSGIImportScript",
			Meaning: "Scripts that every process runs when it starts, before the application, in the order given; one that fails is a start that fails.",
		},
		{
			Name: "restrict-stdin", Type: TypeBool, ModWSGI: "WSGIRestrictStdin", ModWSGIDefault: "Off",
			Meaning: "Makes every use of sys.stdin an OSError; without it sys.stdin is at its end.",
		},
		{
			Name: "restrict-stdout", Type: TypeBool, ModWSGI: "WSGIRestrictStdout", ModWSGIDefault: "Off",
			Meaning: "Makes every use of sys.stdout, print among them, an OSError; without it the log gets it.",
		},
		{
			Name: "restrict-signal", Type: TypeBool, Default: true, ModWSGI: "WSGIRestrictSignal", ModWSGIDefault: "On",
			Meaning: "Makes signal.signal change nothing in the processes themselves, and say so in the log; processes that the application forks are free.",
		},
	}
}

// checkWarning holds a filter to the form of python -W, which passes over what it
// cannot read.
func checkWarning(s string) *fault {
	actions := []string{"default", "error", "ignore", "always", "module", "once"}
	parts := strings.Split(s, ":")
	action := strings.TrimSpace(parts[0])
	known := action == "" || action == "all" || slices.ContainsFunc(actions, func(a string) bool { return strings.HasPrefix(a, action) })
	switch {
	case len(parts) > 5:
		return &fault{msg: quote(s) + " has more than five parts", hint: `use "action:message:category:module:line"`}
	case !known:
		f := &fault{msg: quote(action) + " is none of " + quoteWords(actions)}
		if near := nearest(action, actions); near != "" {
			f.hint = "did you mean " + quote(near) + "?"
		}
		return f
	}
	if len(parts) == 5 && parts[4] != "" && !isDigits(strings.TrimSpace(parts[4])) {
		return &fault{msg: quote(parts[4]) + " is not a line number"}
	}
	return nil
}

// seed reads "random" or a number, which is kept as its digits.
func (r *reading) seed(n *node) any {
	switch v := n.value.(type) {
	case int64:
		r.bounds(n, v, func(i int64) string { return strconv.FormatInt(i, 10) })
		return strconv.FormatInt(v, 10)
	case string:
		if i, err := strconv.ParseInt(v, 10, 64); err == nil && isDigits(v) {
			r.bounds(n, i, func(i int64) string { return strconv.FormatInt(i, 10) })
			return strconv.FormatInt(i, 10)
		}
		if v == randomSeed {
			return v
		}
		r.fail(n, &fault{msg: quote(v) + " is not a seed", hint: `write "random" or a number from 0 to ` + strconv.Itoa(maxHashSeed)})
	default:
		r.wrong(n, `"random" or a whole number`, "")
	}
	return ""
}
