package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Python is what an interpreter says about itself.
type Python struct {
	// Path is the absolute path that was run.
	Path string
	// Version is "3.11.2".
	Version string
	// Prefix is sys.prefix: the virtual environment, if there is one.
	Prefix string
}

// oldestMinor is the oldest CPython 3 that the worker program runs on.
const oldestMinor = 9

// probeTimeout is the one limit on a run of the interpreter. A cold start from a
// slow disk takes a second or two.
const probeTimeout = 10 * time.Second

// probe is understood by Python 2 as well, so that an old interpreter is named
// and not only fails.
const probe = `import sys
name = getattr(getattr(sys, "implementation", None), "name", "cpython")
sys.stdout.write("\nwsgid-probe %s %d %d %d %s" % ((name,) + tuple(sys.version_info[:3]) + (sys.prefix,)))
`

// Interpreter gives the absolute path of the group's interpreter: python when it
// is set, else bin/python of python-home, else python3 from PATH. It makes sure
// that the file can be executed, and does not run it. Symbolic links are kept:
// an interpreter finds its virtual environment by the name it was called with.
func (g *Group) Interpreter() (string, error) {
	path, key, err := g.interpreter()
	if err != nil && key != "" {
		err = fmt.Errorf("%s.%s: %w", g.Key(), key, err)
	}
	return path, err
}

// interpreter also gives the key that an error belongs to.
func (g *Group) interpreter() (path, key string, err error) {
	switch {
	case g.Python != "":
		return g.Python, "python", executable(g.Python)
	case g.PythonHome != "":
		path = filepath.Join(g.PythonHome, "bin", "python")
		return path, "python-home", g.checkPythonHome(path)
	}
	path, err = exec.LookPath("python3")
	if err != nil {
		return "", "", &fault{msg: "there is no python3 in PATH", hint: "set python or python-home"}
	}
	path, err = filepath.Abs(path)
	return path, "", err
}

func (g *Group) checkPythonHome(python string) error {
	home := filepath.Clean(g.PythonHome)
	if env, what := environmentOf(home); env != "" {
		return &fault{msg: strconv.Quote(home) + " is " + what + ", not an environment", hint: "write python-home = " + strconv.Quote(env)}
	}
	if f := checkDir(home); f != nil {
		return f
	}
	if err := executable(python); err != nil {
		f := asFault(err)
		return &fault{msg: strconv.Quote(home) + " is not a virtual environment: " + f.msg, hint: "python-home is the directory that has bin/python in it"}
	}
	return nil
}

// environmentOf gives the environment that a site-packages directory, or a
// bin/python file, belongs to, and what the path is; "" for any other path.
func environmentOf(path string) (env, what string) {
	dir, base := filepath.Dir(path), filepath.Base(path)
	switch {
	case base == "site-packages" || base == "dist-packages":
		// <environment>/lib/pythonX.Y/site-packages
		return filepath.Dir(filepath.Dir(dir)), "a package directory"
	case filepath.Base(dir) == "bin" && strings.HasPrefix(base, "python"):
		return filepath.Dir(dir), "an interpreter"
	}
	return "", ""
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return statFault(path, err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return &fault{msg: strconv.Quote(path) + " is not an executable file"}
	}
	return nil
}

// Probe runs the group's interpreter, which imports nothing of the application,
// and refuses what the worker program cannot run on: anything but CPython from
// 3.9 on. It takes at most ten seconds.
func (g *Group) Probe(ctx context.Context) (Python, error) {
	path, err := g.Interpreter()
	if err != nil {
		return Python{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// -E and -s keep the caller's environment and home out of the answer.
	cmd := exec.CommandContext(ctx, path, "-E", "-s", "-c", probe)
	cmd.Dir = "/"
	// A grandchild that keeps the pipe open must not hold up the answer.
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Python{}, &fault{msg: fmt.Sprintf("%s did not answer within %s", path, probeTimeout)}
	case err != nil:
		return Python{}, &fault{msg: "cannot run " + path + ": " + runError(err)}
	}
	return readProbe(path, string(out))
}

// runError prefers what the interpreter wrote last over its exit status.
func runError(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return err.Error() + ": " + last
	}
	return err.Error()
}

func readProbe(path, out string) (Python, error) {
	var name string
	var major, minor, micro int
	// A .pth file may print before the answer.
	_, answer, _ := strings.Cut(out, "\nwsgid-probe ")
	if _, err := fmt.Sscanf(answer, "%s %d %d %d", &name, &major, &minor, &micro); err != nil {
		return Python{}, &fault{msg: path + " is not a Python interpreter"}
	}
	p := Python{Path: path, Version: fmt.Sprintf("%d.%d.%d", major, minor, micro)}
	if parts := strings.SplitN(answer, " ", 5); len(parts) == 5 {
		p.Prefix = parts[4]
	}
	switch {
	case name != "cpython":
		return p, &fault{msg: path + " is " + name + ", not CPython"}
	case major != 3 || minor < oldestMinor:
		return p, &fault{msg: fmt.Sprintf("%s is Python %s; wsgid needs CPython 3.%d or newer", path, p.Version, oldestMinor)}
	}
	return p, nil
}
