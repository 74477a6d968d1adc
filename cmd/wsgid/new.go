package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/project"
	"github.com/wsgid/wsgid/units/site"
)

const newLong = `Write a site file for an application, with a comment for each key that may need
another value, and print the commands that come next.

The application is the directory of a project, or FILE.py or FILE.py:CALLABLE. In a
directory New looks for manage.py, wsgi.py, app.py and other files that make an
application, for a virtual environment, and for Django's STATIC_ROOT. It runs nothing
of the project. A file that is there already is never written over.`

// newFlags are the command line of `wsgid new`.
type newFlags struct {
	app    string
	output string
	listen string
	user   bool
}

func newNewCommand() *cobra.Command {
	var f newFlags
	c := &cobra.Command{
		Use:     "new SITE --app PATH",
		Short:   "write the site file of an application",
		Long:    newLong,
		Example: "  wsgid new blog --app /srv/blog\n  wsgid new shop --app /srv/shop/wsgi.py:app --listen :8080",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return failure(f.write(c.OutOrStdout(), c.ErrOrStderr(), args[0]))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.StringVar(&f.app, "app", "", "`PATH` of the project's directory, or of FILE.py[:CALLABLE]")
	flags.StringVar(&f.output, "output", "", "write `FILE`; - is standard output (default /etc/wsgi/SITE.toml)")
	flags.StringVar(&f.listen, "listen", "", "listen at `ADDR` (default 127.0.0.1 and the first port from 8000 on that no other site has)")
	flags.BoolVar(&f.user, "user", false, "make it a site of your own systemd, in ~/.config/wsgi")
	c.MarkFlagRequired("app") //nolint:errcheck // it fails for a flag that is not there
	return c
}

// write makes the site file and says what comes next.
func (f newFlags) write(out, messages io.Writer, name string) error {
	place, err := f.place(name)
	if err != nil {
		return err
	}
	p, err := project.Find(f.app)
	if err != nil {
		return err
	}
	o := project.Options{Name: name, Path: place, Listen: f.listen, User: f.user, Static: servesStatic()}
	if o.Listen == "" {
		o.Listen = freeAddress(filepath.Dir(place))
	}
	text := p.SiteFile(o)
	// Also refuses a name or an address that cannot be.
	if _, err := site.Parse(name, place, []byte(text)); err != nil {
		return fmt.Errorf("cannot make a site file: %w", err)
	}
	if f.output == "-" {
		_, err := io.WriteString(out, text)
		return err
	}
	if err := create(place, text); err != nil {
		return err
	}
	fmt.Fprintf(messages, "wsgid: %s is written; look through it, then:\n", place)
	for _, command := range f.next(name, place) {
		fmt.Fprintln(out, "  "+command)
	}
	return nil
}

// place is the path of the site file, also of one that goes to standard output.
func (f newFlags) place(name string) (string, error) {
	switch {
	case f.output != "" && f.output != "-":
		return filepath.Abs(f.output)
	case f.user:
		dir := units.UserDirectory(os.Getenv)
		if dir == "" {
			return "", errors.New("neither XDG_CONFIG_HOME nor HOME says where the site files are")
		}
		return filepath.Join(dir, name+".toml"), nil
	}
	return "/etc/wsgi/" + name + ".toml", nil
}

// next are the commands that serve the site.
func (f newFlags) next(name, place string) []string {
	systemctl, copied := "sudo systemctl", "sudo install -m 644 "+place+" /etc/wsgi/"+name+".toml && "
	if f.user {
		systemctl, copied = "systemctl --user", ""
	}
	if place == "/etc/wsgi/"+name+".toml" {
		copied = ""
	}
	return []string{
		"wsgid check " + place,
		copied + systemctl + " daemon-reload",
		systemctl + " enable --now wsgi@" + name,
	}
}

// create writes a new file for everyone to read; secrets go into env-file.
func create(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("cannot write %s: it is there already\nhint: --output - prints what would be in it", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot write %s: there is no directory %s\nhint: --output FILE writes it elsewhere", path, filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot write %s: permission denied\nhint: sudo, or --user for a site of your own, or --output FILE", path)
	case err != nil:
		return fmt.Errorf("cannot write the site file: %w", err)
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("cannot write the site file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// servesStatic reports whether this version serves static files itself.
func servesStatic() bool {
	return slices.ContainsFunc(site.Keys(), func(k site.Key) bool {
		return k.Name == "static" && k.Table == "top level" && k.State == site.Supported
	})
}

// freeAddress is a port that no site file of the directory names. Files with errors are
// passed over: somebody else's broken site is no reason to make none here.
func freeAddress(dir string) string {
	used := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.toml"))
	for _, file := range files {
		s, err := site.Load(file)
		if err != nil {
			continue
		}
		for _, l := range s.Listen {
			if _, port, err := net.SplitHostPort(l.Address); err == nil {
				used[port] = true
			}
		}
	}
	port := 8000
	for used[strconv.Itoa(port)] {
		port++
	}
	return "127.0.0.1:" + strconv.Itoa(port)
}
