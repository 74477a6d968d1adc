// Package refresh has systemd take over what a site file says now, as a part of
// `systemctl reload` (`wsgid refresh`). It is the one place of wsgid that needs
// root: a short-lived command, which serves nothing and reads site files only.
//
// What it keeps true:
//
//   - systemd runs its generators again only if their output for this site would
//     be another, because PID 1 stands still meanwhile.
//   - A site file that is broken changes nothing.
//   - A socket of a slot that was removed from the file system is there again before a
//     generation is started in it; a socket that is used is left alone.
//   - Sockets of new groups listen before the new generation is started, and those
//     of groups that are gone do so until after the drain.
//   - Service scripts, which have nothing that could be tried before, are restarted
//     last: after a reload that failed the old ones run on.
package refresh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

// Options say which site, and where things are.
type Options struct {
	// SiteFile is the site's file.
	SiteFile string
	// Generated is the directory of what the generator has written.
	Generated string
	// Units are the generator's options.
	Units units.Options
	// Runtime is where supervisors have directories of their own, named like the sites.
	Runtime string
}

// Before has systemd read the site's units again if they would be others now, which it
// reports, and sees to it that the sockets of its groups listen: those that are new, and
// those that were lost.
func Before(ctx context.Context, o Options) (changed bool, err error) {
	s, err := site.Load(o.SiteFile)
	if err != nil {
		return false, err
	}
	files, err := units.Generate(s, o.Units)
	if err != nil {
		return false, err
	}
	if !o.Units.User {
		if err := passCertificates(s, o.Runtime); err != nil {
			return false, err
		}
	}
	same, err := asGenerated(o.Generated, s.Name, files)
	if err != nil {
		return false, err
	}
	lost := lostSockets(s, o.Units)
	if same && len(lost) == 0 {
		return false, nil
	}
	if err := sameSockets(o.Generated, s, files); err != nil {
		return false, err
	}
	manager, err := sd.ConnectManager(ctx)
	if err != nil {
		return false, fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer manager.Close()
	if err := restore(ctx, manager, s.Name, lost); err != nil {
		return false, err
	}
	if !same {
		if err := manager.Reload(ctx); err != nil {
			return false, err
		}
	}
	var errs []error
	for _, socket := range sockets(s) {
		errs = append(errs, manager.StartUnit(ctx, socket))
	}
	return !same, errors.Join(errs...)
}

// After stops the sockets of groups that the site no longer has, and restarts its
// service scripts, whose code may be another now.
func After(ctx context.Context, o Options) error {
	s, err := site.Load(o.SiteFile)
	if err != nil {
		return err
	}
	manager, err := sd.ConnectManager(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer manager.Close()
	active, err := manager.ActiveUnits(ctx, "wsgi-"+s.Name+":*@*.socket")
	if err != nil {
		return err
	}
	wanted := sockets(s)
	var errs []error
	for _, unit := range active {
		if !slices.Contains(wanted, unit) {
			errs = append(errs, manager.StopUnit(ctx, unit))
		}
	}
	return errors.Join(append(errs, restartScripts(ctx, manager, s))...)
}

// sockets are the socket units of the slots of a site's groups.
func sockets(s *site.Site) []string {
	var all []string
	for _, g := range s.Groups {
		for _, slot := range []string{"a", "b"} {
			all = append(all, "wsgi-"+s.Name+":"+g.Name+"@"+slot+".socket")
		}
	}
	return all
}

// sameSockets refuses what systemd cannot change while the site runs: at a
// daemon-reload it would close the addresses that are gone, and open none
// (systemd.socket(5) says so of changed ListenStream=).
func sameSockets(directory string, s *site.Site, files []units.File) error {
	for _, f := range files {
		path, err := filepath.Join(directory, f.Path), error(nil)
		same, what, sockets := true, "listen, or how its sockets are made,", "wsgi@"+s.Name+".socket"
		switch {
		case strings.HasPrefix(f.Path, sockets+".d"+string(filepath.Separator)):
			same, err = sameFile(path, f)
		case strings.HasPrefix(f.Path, "wsgi-"+s.Name+":") && strings.HasSuffix(f.Path, "@.socket"):
			what, sockets = "socket-prefix", "'wsgi-"+s.Name+":*@*.socket'"
			same, err = sameAddress(path, f)
		}
		if err != nil {
			return err
		}
		if !same {
			return fmt.Errorf("%s: %s has changed, which a reload cannot change\n"+
				"hint: systemctl daemon-reload; systemctl stop wsgi@%[3]s; systemctl restart %[4]s; systemctl start wsgi@%[3]s", s.Path, what, s.Name, sockets)
		}
	}
	return nil
}

// sameAddress compares where the sockets of a group's slots are. A group that is new
// has none yet.
func sameAddress(path string, f units.File) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read what the generator wrote: %w", err)
	}
	return slices.Equal(addresses(text), addresses(f.Content)), nil
}

// addresses are the lines of a socket unit that name one.
func addresses(unit []byte) []string {
	var all []string
	for line := range strings.Lines(string(unit)) {
		if strings.HasPrefix(line, "ListenStream=") {
			all = append(all, line)
		}
	}
	return all
}

// asGenerated reports whether the directory has these files for the site, and
// no other.
func asGenerated(directory, name string, files []units.File) (bool, error) {
	for _, f := range files {
		same, err := sameFile(filepath.Join(directory, f.Path), f)
		if err != nil || !same {
			return false, err
		}
	}
	found, err := ofSite(directory, name)
	if err != nil {
		return false, err
	}
	for _, path := range found {
		if !slices.ContainsFunc(files, func(f units.File) bool { return f.Path == path }) {
			return false, nil
		}
	}
	return true, nil
}

func sameFile(path string, f units.File) (bool, error) {
	if f.Link != "" {
		target, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && target == f.Link, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read what the generator wrote: %w", err)
	}
	return bytes.Equal(text, f.Content), nil
}

// ofSite lists the unit files of a site's groups in the directory.
func ofSite(directory, name string) ([]string, error) {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what the generator wrote: %w", err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "wsgi-"+name+":") && !e.IsDir() {
			found = append(found, e.Name())
		}
	}
	return found, nil
}
