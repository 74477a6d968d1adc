package project

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Options are what a site file says beside what is known of the project.
type Options struct {
	// Name is the site's, Path where its file will be.
	Name, Path string
	// Listen is the address of the site: "127.0.0.1:8000".
	Listen string
	// User has the file be for a user's own systemd, which runs everything as that user.
	User bool
	// Static has the front end serve the project's static files; without it they are left
	// to the web server in front.
	Static bool
}

// SiteFile is the text of a site file, with a comment for each thing that may need
// another value.
func (p *Project) SiteFile(o Options) string {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w("# The site %s: %s in %s.", o.Name, p.what(), p.Directory)
	w("# wsgi-site(5) describes every key, and \"wsgid check %s\" reads them.", o.Path)
	w("")
	w("# Where clients connect; more of them: \"[::1]:8000\", \":80\".")
	w("listen = [%s]", quoted(o.Listen))
	if !o.User {
		w("# A web server in front connects to /run/wsgi/%s.sock, once this names its group.", o.Name)
		w("#socket-group = \"www-data\"")
	}
	w("")
	w("# A daemon group: processes that run one application.")
	w("[group.main]")
	if !o.User {
		p.user(w)
	}
	w("processes = 2")
	w("# Of each process; a request takes one while it is answered.")
	w("threads = 5")
	w("# The working directory, and the first place in which Python looks for modules.")
	w("home = %s", quoted(p.Directory))
	p.environment(w)
	w("# Then the answer is 504, and the process is replaced.")
	w("request-timeout = \"60s\"")
	w("# Variables of the application, and a file with those that others must not read.")
	w("#env = { NAME = \"value\" }")
	w("#env-file = %s", quoted("/etc/wsgi/"+o.Name+".env"))
	w("")
	w("# A URL path, and the application behind it.")
	w("[[mount]]")
	w("path = \"/\"")
	if p.Script != "" {
		w("script = %s", quoted(p.Script))
	} else {
		w("module = %s", quoted(p.Module))
	}
	if p.Callable != "application" {
		w("callable-object = %s", quoted(p.Callable))
	}
	p.static(w, o.Static)
	return b.String()
}

func (p *Project) what() string {
	if p.Framework == "" {
		return "the application"
	}
	return "the " + p.Framework + " project"
}

func (p *Project) user(w func(string, ...any)) {
	w("# The user that these processes run as; without the key it is wsgi-app.")
	if p.Owner == "" {
		w("#user = \"NAME\"")
		return
	}
	w("user = %s", quoted(p.Owner))
}

func (p *Project) environment(w func(string, ...any)) {
	w("# The virtual environment that has the application's packages.")
	if p.Environment != "" {
		w("python-home = %s", quoted(p.Environment))
		return
	}
	at := filepath.Join(p.Directory, "venv")
	w("# There is none: as it is, the system's Python runs the application.")
	if p.Requirements == "requirements.txt" {
		w("#   python3 -m venv %s && %s/bin/pip install -r %s", at, at, filepath.Join(p.Directory, p.Requirements))
	}
	w("#python-home = %s", quoted(at))
}

// static says who serves the files that `manage.py collectstatic` puts together.
func (p *Project) static(w func(string, ...any), served bool) {
	if p.StaticRoot == "" {
		return
	}
	w("")
	w("# The static files, which \"manage.py collectstatic\" puts into STATIC_ROOT.")
	mark := "#"
	switch {
	case !served:
		w("# The web server in front serves them: nginx with")
		w("#   location %s { alias %s/; }", p.StaticURL, p.StaticRoot)
		return
	case isDirectory(p.StaticRoot):
		mark = ""
	default:
		w("# The directory is not there yet.")
	}
	w("%s[[static]]", mark)
	w("%spath = %s", mark, quoted(path.Clean(p.StaticURL)))
	w("%sdirectory = %s", mark, quoted(p.StaticRoot))
}

// quoted is a TOML basic string. Go's quoting differs from TOML's in what control
// characters look like, and \u is common to both.
func quoted(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
