package leader

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// release is what a symbolic link on the way to the application led to when the
// leader began: deployments switch a link such as current -> releases/42. It is
// resolved once, so that processes that are started later, to replace others, run
// the same code. The zero value is an application without such a link.
type release struct{ link, target string }

// findRelease resolves the first link among the directories of paths.
func findRelease(paths ...string) (release, error) {
	for _, path := range paths {
		if path == "" {
			continue
		}
		link := ""
		for dir := filepath.Clean(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
				link = dir // the one nearest to the root is the last found
			}
		}
		if link == "" || link == filepath.Clean(path) && !isDirectory(path) {
			continue
		}
		target, err := filepath.EvalSymlinks(link)
		if err != nil {
			return release{}, fmt.Errorf("cannot follow %s: %w", link, err)
		}
		return release{link: link, target: target}, nil
	}
	return release{}, nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// of is a path with the link resolved.
func (r release) of(path string) string {
	if rest, found := strings.CutPrefix(path, r.link); found && r.link != "" && (rest == "" || rest[0] == '/') {
		return r.target + rest
	}
	return path
}

func (r release) ofAll(paths []string) []string {
	var all []string
	for _, path := range paths {
		all = append(all, r.of(path))
	}
	return all
}

// backTo is the release as it was with another target. A supervisor may ask for
// any release that stands beside the one that the link leads to, and for nothing
// else: what a group runs is not the front end's to choose.
func (r release) backTo(target string) (release, error) {
	if r.link == "" {
		return r, fmt.Errorf("cannot go back to %s: no symbolic link leads to the application", target)
	}
	if filepath.Clean(target) != target || filepath.Dir(target) != filepath.Dir(r.target) {
		return r, fmt.Errorf("cannot go back to %s: it is not beside %s, where %s leads", target, r.target, r.link)
	}
	if !isDirectory(target) {
		return r, fmt.Errorf("cannot go back to %s: there is no such directory", target)
	}
	return release{link: r.link, target: target}, nil
}

// resolve finds the release of the group, and has its paths lead there. Processes
// that are replaced one by one, at a rolling reload, follow the link each for
// itself.
func (l *Leader) resolve(wanted string) error {
	g := l.options.Group
	if g.Rotate == site.RotateRolling {
		return nil
	}
	var paths []string
	for _, a := range l.applications() {
		paths = append(paths, a.Script, a.Directory)
	}
	r, err := findRelease(append(append(paths, g.Home), g.PythonPath...)...)
	if err == nil && wanted != "" {
		r, err = r.backTo(wanted)
	}
	if err != nil {
		return err
	}
	l.deployed = r
	return nil
}

// resolved is the group with its paths in the release.
func (l *Leader) resolved() *site.Group {
	if l.deployed.link == "" {
		return l.options.Group
	}
	g := *l.options.Group
	g.Home, g.PythonHome, g.Python = l.deployed.of(g.Home), l.deployed.of(g.PythonHome), l.deployed.of(g.Python)
	g.PythonPath, g.ImportScripts = l.deployed.ofAll(g.PythonPath), l.deployed.ofAll(g.ImportScripts)
	return &g
}
