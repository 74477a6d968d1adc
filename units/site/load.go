package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads a site file and the *.toml files of its ".d" directory, in name
// order: of a scalar or an array the last one counts, tables merge, arrays of
// tables append. Files whose name begins with a dot are no part of it. The
// error is [Errors] when the content is wrong.
func Load(path string) (*Site, error) {
	name, isTOML := strings.CutSuffix(filepath.Base(path), ".toml")
	if !isTOML {
		return nil, fmt.Errorf("cannot read site file %s: the name does not end in .toml", path)
	}
	files, err := dropIns(strings.TrimSuffix(path, ".toml") + ".d")
	if err != nil {
		return nil, err
	}
	sources := make([]source, 0, 1+len(files))
	for _, f := range append([]string{path}, files...) {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("cannot read site file: %w", err)
		}
		sources = append(sources, source{f, text})
	}
	return parse(name, path, sources)
}

// dropIns lists the files that are merged into a site file.
func dropIns(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read site directory: %w", err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

// Parse reads a site from memory. name is the site's name, path goes into
// messages. The error is [Errors].
func Parse(name, path string, src []byte) (*Site, error) {
	return parse(name, path, []source{{path, src}})
}

type source struct {
	file string
	text []byte
}

func parse(name, path string, sources []source) (*Site, error) {
	var errs Errors
	var root *node
	for _, src := range sources {
		tree, bad := parseTree(src.file, src.text)
		switch {
		case bad != nil:
			errs = append(errs, bad...)
		case root == nil:
			root = tree
		default:
			root = merge(root, tree)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	d := &decoder{site: &Site{Name: name, Path: path, lines: map[string]place{}}, seen: map[string][]*node{}}
	if f := checkName("site", name); f != nil {
		d.fail(place{path, 1}, "", f)
	}
	d.decode(root)
	if len(d.errs) > 0 {
		d.errs.Sort(path)
		return nil, d.errs
	}
	return d.site, nil
}

// Validate checks a site that was made without a file, by the same rules as
// Parse. The errors have no file and no line.
func (s *Site) Validate() error {
	text := s.Encode()
	again, err := Parse(s.Name, s.Path, text)
	if errs := Errors(nil); errors.As(err, &errs) {
		for _, e := range errs {
			e.File, e.Line = "", 0
		}
		return errs
	}
	if string(again.Encode()) != string(text) {
		return fmt.Errorf("cannot write site %s as a file: it reads back as another site", s.Name)
	}
	return nil
}
