package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

// generator is one run.
type generator struct {
	config    string // directory of the site files
	directory string // for the units; "" prints them to out
	options   units.Options
	out       io.Writer
	log       *messages
}

// all generates every site, and reports whether all went well. One site never
// keeps another from its units.
func (g *generator) all() bool {
	entries, err := os.ReadDir(g.config)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		g.log.error(fmt.Errorf("cannot read the directory of site files: %w", err))
		return false
	}
	good := true
	for _, e := range entries {
		if !isTOML(e) {
			continue
		}
		if err := g.one(filepath.Join(g.config, e.Name())); err != nil {
			g.log.error(err)
			good = false
		}
	}
	return good
}

func isTOML(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir()
}

// one generates a site. A broken one gets units as well, which say so.
func (g *generator) one(path string) error {
	files, err := g.units(path)
	if err != nil {
		var brokenErr error
		if files, brokenErr = g.broken(path); brokenErr != nil {
			return errors.Join(err, brokenErr)
		}
	}
	return errors.Join(err, g.write(files))
}

func (g *generator) units(path string) ([]units.File, error) {
	s, err := site.Load(path)
	if err != nil {
		return nil, err
	}
	return units.Generate(s, g.options)
}

// broken gives nothing for a file whose name cannot be that of a unit.
func (g *generator) broken(path string) ([]units.File, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".toml")
	if !isSiteName(name) {
		return nil, nil
	}
	return units.Broken(name, path, texts(path), g.options)
}

func isSiteName(name string) bool {
	_, err := site.Parse(name, name, []byte("[[mount]]\npath = \"/\"\nmodule = \"m\"\n"))
	return err == nil
}

// texts reads what can be read of a site file and its drop-ins.
func texts(path string) [][]byte {
	paths := []string{path}
	dropIns := strings.TrimSuffix(path, ".toml") + ".d"
	entries, _ := os.ReadDir(dropIns) // the error has been reported by site.Load
	for _, e := range entries {
		if isTOML(e) {
			paths = append(paths, filepath.Join(dropIns, e.Name()))
		}
	}
	var list [][]byte
	for _, p := range paths {
		if text, err := os.ReadFile(p); err == nil {
			list = append(list, text)
		}
	}
	return list
}

func (g *generator) write(files []units.File) error {
	if g.directory == "" {
		return units.Print(g.out, files)
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(g.directory, f.Path), f); err != nil {
			return fmt.Errorf("cannot write unit: %w", err)
		}
	}
	return nil
}

// writeFile also replaces what an earlier run by hand left; systemd empties the
// directory.
func writeFile(path string, f units.File) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.Link == "" {
		return os.WriteFile(path, f.Content, 0o644)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(f.Link, path)
}
