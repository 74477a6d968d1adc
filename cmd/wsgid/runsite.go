package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// defaultListen is where `wsgid run` listens when nothing else is said.
const defaultListen = "127.0.0.1:8000"

// siteToRun makes the site that the command line describes.
func siteToRun(f runFlags, args []string) (*site.Site, error) {
	s, err := baseSite(f, args)
	if err != nil {
		return nil, err
	}
	if err := applyFlags(s, f); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := joinOnce(s.CheckFiles(), s.CheckDirect()); err != nil {
		return nil, err
	}
	return s, nil
}

func baseSite(f runFlags, args []string) (*site.Site, error) {
	if f.config != "" {
		return site.Load(f.config)
	}
	return siteOf(args[0])
}

// siteOf makes a site of an application named on the command line.
func siteOf(application string) (*site.Site, error) {
	file, callable, _ := strings.Cut(application, ":")
	if callable == "" {
		callable = site.DefaultCallable
	}
	if !strings.HasSuffix(file, ".py") && !strings.Contains(file, "/") && !isFile(file) {
		if !strings.Contains(application, ":") {
			return nil, fmt.Errorf("there is no file %s; a module is named with its callable, as in %s:application", file, file)
		}
		s := site.Default(siteName(file))
		s.Mounts = []*site.Mount{{Path: "/", Module: file, Callable: callable, Group: site.DefaultGroup, Policy: s.Policy}}
		return s, nil
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", file, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("cannot serve %s: %w", file, reason(err))
	}
	s := site.Default(siteName(strings.TrimSuffix(filepath.Base(path), ".py")))
	s.Mounts = []*site.Mount{{Path: "/", Script: path, Callable: callable, Group: site.DefaultGroup, Policy: s.Policy}}
	return s, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// reason is the part of a file error that does not repeat the path.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// siteName makes a valid site name of a file or module name.
func siteName(base string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(base) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', b.Len() > 0 && (c == '-' || c == '_' || c == '.'):
			b.WriteRune(c)
		}
	}
	if b.Len() == 0 {
		return "app"
	}
	return b.String()[:min(b.Len(), 40)]
}

// applyFlags puts what the command line says over the site.
func applyFlags(s *site.Site, f runFlags) error {
	if len(f.listen) > 0 {
		s.Listen = nil
	} else if len(s.Listen) == 0 {
		f.listen = []string{defaultListen}
	}
	for _, text := range f.listen {
		l, err := site.ParseListener(text)
		if err != nil {
			return fmt.Errorf("--listen %s: %w", text, err)
		}
		if l.Network == "unix" && !strings.HasPrefix(l.Address, "@") {
			if l.Address, err = filepath.Abs(l.Address); err != nil {
				return err
			}
		}
		s.Listen = append(s.Listen, l)
	}
	if f.accessLog != "" {
		path := f.accessLog
		if path != "-" {
			var err error
			if path, err = filepath.Abs(path); err != nil {
				return err
			}
		}
		for _, v := range s.Vhosts {
			if v.AccessLog == s.Server.AccessLog {
				v.AccessLog = path
			}
		}
		s.Server.AccessLog = path
	}
	return applyGroupFlags(s, f)
}

func applyGroupFlags(s *site.Site, f runFlags) error {
	python := ""
	if f.python != "" {
		found, err := exec.LookPath(f.python)
		if err != nil {
			return fmt.Errorf("--python %s: %w", f.python, err)
		}
		if python, err = filepath.Abs(found); err != nil {
			return err
		}
	}
	for _, g := range s.Groups {
		if f.processes != 0 {
			g.Processes, g.ProcessesSet = f.processes, true
		}
		if f.threads != 0 {
			g.Threads = f.threads
		}
	}
	if python != "" {
		for _, g := range s.EveryGroup() {
			g.Python, g.PythonHome = python, ""
		}
	}
	return nil
}

// noEffect says which keys of the site do nothing here, one line each; nothing
// else would tell, and the site is served all the same.
func noEffect(s *site.Site) []string {
	var lines []string
	if keys := s.SystemdOnly(); len(keys) > 0 {
		lines = append(lines, strings.Join(keys, ", ")+": no effect without systemd")
	}
	onlyOf := func(network string, keys ...string) {
		if slices.ContainsFunc(s.Listen, func(l site.Listener) bool { return l.Network == network }) {
			return
		}
		var set []string
		for _, setting := range s.Settings() {
			if slices.Contains(keys, setting.Key) {
				set = append(set, setting.Key)
			}
		}
		if len(set) > 0 {
			lines = append(lines, strings.Join(set, ", ")+": no effect without a "+networkName(network)+" in listen")
		}
	}
	onlyOf("unix", "socket-user", "socket-group", "socket-mode")
	onlyOf("tcp", "send-buffer-size", "receive-buffer-size")
	return lines
}

func networkName(network string) string {
	if network == "unix" {
		return "UNIX socket"
	}
	return "TCP address"
}
