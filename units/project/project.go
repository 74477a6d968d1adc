package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Project is what was found in a directory.
type Project struct {
	// Directory is the absolute path of the project: where manage.py, wsgi.py or the
	// package is.
	Directory string
	// Framework is "Django", "Flask" or "" when it is not known which.
	Framework string
	// Script is the absolute path of a file, or Module the dotted name of a module; the
	// other is "". Callable is the name in it.
	Script, Module, Callable string
	// Environment is the absolute path of the virtual environment, "" when there is none.
	Environment string
	// Requirements is the name of the file that lists what the project needs, relative to
	// Directory; "" when there is none.
	Requirements string
	// StaticURL and StaticRoot are where Django's static files are asked for and collected,
	// "/static/" and an absolute path; both are "" when the settings do not say so plainly.
	StaticURL, StaticRoot string
	// Owner is the user whom the application belongs to; "" for root, and for one without
	// a name.
	Owner string
}

// Find looks at path: the directory of a project, or FILE.py or FILE.py:CALLABLE in it.
func Find(path string) (*Project, error) {
	path, callable, named := strings.Cut(path, ":")
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot look at %s: %w", path, err)
	}
	info, err := os.Stat(absolute)
	switch {
	case strings.ContainsFunc(absolute, unicode.IsControl):
		return nil, fmt.Errorf("cannot use the path %q: it has a control character", absolute)
	case err != nil:
		return nil, fmt.Errorf("cannot look at the application: %w", err)
	case info.IsDir() && named:
		return nil, fmt.Errorf("cannot find %q: %s is a directory\nhint: name the file as well, as %s", callable, absolute, filepath.Join(absolute, "app.py:"+callable))
	}
	p := &Project{Directory: absolute}
	if info.IsDir() {
		err = p.search()
	} else {
		p.Directory = filepath.Dir(absolute)
		err = p.useFile(absolute, callable)
	}
	if err != nil {
		return nil, err
	}
	p.Environment = environment(p.Directory)
	p.Requirements = first(p.Directory, "requirements.txt", "pyproject.toml", "Pipfile", "setup.py")
	p.Owner = owner(info)
	return p, nil
}

// search tries what frameworks propose, in the order in which it is the surer sign.
func (p *Project) search() error {
	for _, find := range []func() (bool, error){p.findDjango, p.findScript, p.findPackage} {
		if found, err := find(); found || err != nil {
			return err
		}
	}
	return fmt.Errorf("cannot find a WSGI application in %s: there is no manage.py, and no wsgi.py, app.py or other file at its top that makes one\n"+
		"hint: name the file and the callable in it: --app %s", p.Directory, filepath.Join(p.Directory, "FILE.py:application"))
}

// useFile takes the file that was named.
func (p *Project) useFile(path, callable string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the application: %w", err)
	}
	if filepath.Base(path) == "manage.py" {
		if found, err := p.findDjango(); found || err != nil {
			return err
		}
	}
	if callable == "" {
		if callable, err = callableIn(filepath.Base(path), string(source)); err != nil {
			return err
		}
	}
	if callable == "" {
		return fmt.Errorf("cannot find the application in %s: nothing at its top level is called application or app, or is made by Flask()\nhint: name it: --app %s", path, path+":NAME")
	}
	p.Script, p.Callable, p.Framework = path, callable, framework(string(source))
	return nil
}

// findScript looks for a file at the top of the project that has an application: by the
// usual names, else the only one that has.
func (p *Project) findScript() (bool, error) {
	for _, name := range []string{"wsgi.py", "app.py", "application.py", "main.py"} {
		path := filepath.Join(p.Directory, name)
		source, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("cannot read the application: %w", err)
		}
		callable, err := callableIn(name, string(source))
		if err != nil {
			return false, err
		}
		if callable != "" {
			p.Script, p.Callable, p.Framework = path, callable, framework(string(source))
			return true, nil
		}
	}
	return p.only("*.py", func(path, callable, source string) {
		p.Script, p.Callable, p.Framework = path, callable, framework(source)
	})
}

// findPackage looks for a package that makes an application as it is imported.
func (p *Project) findPackage() (bool, error) {
	return p.only("*/__init__.py", func(path, callable, source string) {
		p.Module, p.Callable, p.Framework = filepath.Base(filepath.Dir(path)), callable, framework(source)
	})
}

// only has use take the one file of a pattern that has an application. More than one is
// an error: which one is meant is not for a program to say.
func (p *Project) only(pattern string, use func(path, callable, source string)) (bool, error) {
	paths, err := filepath.Glob(filepath.Join(p.Directory, pattern))
	if err != nil {
		return false, fmt.Errorf("cannot look into %s: %w", p.Directory, err)
	}
	var found []string
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			continue // somebody's own file
		}
		callable, err := callableIn(filepath.Base(path), string(source))
		if err != nil {
			return false, err
		}
		if callable != "" {
			found = append(found, path)
			use(path, callable, string(source))
		}
	}
	if len(found) > 1 {
		return false, fmt.Errorf("cannot tell which is the application: %s\nhint: name one: --app %s", strings.Join(found, ", "), found[0])
	}
	return len(found) == 1, nil
}

// environment is the virtual environment of a project: in it, or beside it.
func environment(dir string) string {
	for _, at := range []string{".venv", "venv", "env", "../.venv", "../venv", "../env"} {
		path := filepath.Join(dir, at)
		if isFile(filepath.Join(path, "pyvenv.cfg")) && isFile(filepath.Join(path, "bin", "python")) {
			return path
		}
	}
	return ""
}

// first is the first of the names that is a file in dir, "" when none is.
func first(dir string, names ...string) string {
	for _, name := range names {
		if isFile(filepath.Join(dir, name)) {
			return name
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func owner(info fs.FileInfo) string {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known || stat.Uid == 0 {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(stat.Uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
