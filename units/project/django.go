package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// findDjango takes a directory with manage.py, its own or src, for a Django project. The
// module is that of WSGI_APPLICATION, or the wsgi.py beside or above the settings.
func (p *Project) findDjango() (bool, error) {
	for _, dir := range []string{p.Directory, filepath.Join(p.Directory, "src")} {
		manage, err := os.ReadFile(filepath.Join(dir, "manage.py"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("cannot read the application: %w", err)
		}
		p.Directory, p.Framework, p.Callable = dir, "Django", "application"
		return true, p.readSettings(string(manage))
	}
	return false, nil
}

func (p *Project) readSettings(manage string) error {
	named := regexp.MustCompile(`DJANGO_SETTINGS_MODULE["'],[ \t]*["']([\w.]+)["']`).FindStringSubmatch(manage)
	if named == nil {
		return p.anyWSGI()
	}
	settings := source(p.Directory, named[1])
	p.readStatic(settings)
	if set := literal(settings, "WSGI_APPLICATION"); set != "" {
		if dot := strings.LastIndexByte(set, '.'); dot > 0 {
			p.Module, p.Callable = set[:dot], set[dot+1:]
			return nil
		}
	}
	for module := named[1]; ; {
		dot := strings.LastIndexByte(module, '.')
		if dot < 0 {
			return p.anyWSGI()
		}
		module = module[:dot]
		if isFile(filepath.Join(p.Directory, strings.ReplaceAll(module, ".", "/"), "wsgi.py")) {
			p.Module = module + ".wsgi"
			return nil
		}
	}
}

// anyWSGI takes the only wsgi.py of the project's packages.
func (p *Project) anyWSGI() error {
	paths, err := filepath.Glob(filepath.Join(p.Directory, "*", "wsgi.py"))
	if err != nil || len(paths) != 1 {
		return fmt.Errorf("cannot find wsgi.py of the Django project in %s: neither the settings nor the packages say which module it is\nhint: name the file: --app %s",
			p.Directory, filepath.Join(p.Directory, "PACKAGE", "wsgi.py"))
	}
	p.Module = filepath.Base(filepath.Dir(paths[0])) + ".wsgi"
	return nil
}

// source is the text of a module below dir, "" when it cannot be read.
func source(dir, module string) string {
	path := filepath.Join(dir, strings.ReplaceAll(module, ".", "/"))
	for _, file := range []string{path + ".py", filepath.Join(path, "__init__.py")} {
		if text, err := os.ReadFile(file); err == nil {
			return string(text)
		}
	}
	return ""
}

// literal is the text that a setting is set to, "" when that is no plain text.
func literal(settings, name string) string {
	found := regexp.MustCompile(`(?m)^` + name + `[ \t]*=[ \t]*["']([^"'\n]*)["'][ \t]*(?:#.*)?$`).FindStringSubmatch(settings)
	if found == nil {
		return ""
	}
	return found[1]
}

// readStatic reads where static files are collected: a path in quotes, or one below
// BASE_DIR, which Django's own template sets to the project's directory.
func (p *Project) readStatic(settings string) {
	url, root := literal(settings, "STATIC_URL"), literal(settings, "STATIC_ROOT")
	for _, pattern := range []string{
		`(?m)^STATIC_ROOT[ \t]*=[ \t]*BASE_DIR[ \t]*/[ \t]*["']([^"'\n]+)["'][ \t]*(?:#.*)?$`,
		`(?m)^STATIC_ROOT[ \t]*=[ \t]*os\.path\.join\([ \t]*BASE_DIR,[ \t]*["']([^"'\n]+)["'][ \t]*\)`,
		`(?m)^STATIC_ROOT[ \t]*=[ \t]*str\([ \t]*BASE_DIR[ \t]*/[ \t]*["']([^"'\n]+)["'][ \t]*\)`,
	} {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(settings); found != nil && root == "" {
			root = filepath.Join(p.Directory, found[1])
		}
	}
	// Since Django 3.1 a relative address is one below that of the application.
	if url == "" || strings.Contains(url, "//") || !filepath.IsAbs(root) {
		return
	}
	p.StaticURL, p.StaticRoot = "/"+strings.TrimPrefix(url, "/"), filepath.Clean(root)
}
