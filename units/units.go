package units

import (
	"fmt"
	"path/filepath"

	"github.com/wsgid/wsgid/units/site"
)

// File is one file of a generator's output.
type File struct {
	// Path is relative to the directory that systemd gives the generator.
	Path string
	// Content is the text of a unit file or drop-in; nil for a symbolic link.
	Content []byte
	// Link is what a symbolic link points to; "" for a file.
	Link string
}

// Options say for which systemd units are made.
type Options struct {
	// Wsgid is the absolute path of the program that the units run.
	Wsgid string
	// User makes units for a user's own systemd, which cannot change users.
	User bool
	// Runtime is the directory of sockets that %t stands for, against which the
	// length of their paths is checked; "" means /run.
	Runtime string
}

// UserDirectory is where a user's own systemd looks for site files
// (systemd.unit(5), %E); "" when the environment does not say.
func UserDirectory(getenv func(string) string) string {
	if xdg := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "wsgi")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "wsgi")
	}
	return ""
}

func (o Options) runtime() string {
	if o.Runtime == "" {
		return "/run"
	}
	return o.Runtime
}

// slots are the two instances of a daemon group's units.
func slots() []string { return []string{"a", "b"} }

// Generate gives the files of a site, sockets first. The error is [site.Errors]
// when the site asks for what systemd cannot do.
func Generate(s *site.Site, o Options) ([]File, error) {
	if err := Check(s, o); err != nil {
		return nil, err
	}
	b := &builder{site: s, options: o}
	b.everything()
	if b.err != nil {
		return nil, fmt.Errorf("cannot make units of site %s: %w", s.Name, b.err)
	}
	return b.files, nil
}

func (b *builder) everything() {
	b.siteSocket()
	b.siteService()
	b.slice(siteSlice(b.site.Name), "WSGI site "+b.site.Name)
	for _, g := range b.site.Groups {
		b.groupSocket(g)
		b.groupService(g)
		b.slice(groupSlice(b.site.Name, g.Name), "daemon group "+g.Name+" of WSGI site "+b.site.Name)
		b.groupLinks(g)
	}
	for _, g := range b.site.Services {
		b.scriptService(g)
		b.slice(groupSlice(b.site.Name, g.Name), "service script "+g.Name+" of WSGI site "+b.site.Name)
	}
}
