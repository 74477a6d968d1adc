package leader

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/pyworker"
	"github.com/wsgid/wsgid/units/site"
)

// RunService is `wsgid script`: the process becomes the interpreter that runs the
// service script of a group with threads = 0. It returns only on failure. There is
// no leader: systemd, or whoever has started it, starts it again.
func RunService(s Service) error {
	loaded, err := s.load()
	if err != nil {
		return err
	}
	g := loaded.Service(s.Group)
	if g == nil {
		return fmt.Errorf("cannot run service script %s: %s has no [group.%s] with threads = 0\nhint: systemctl daemon-reload", s.Group, loaded.Path, s.Group)
	}
	return BecomeService(loaded, g, true)
}

// BecomeService is RunService for a site that has been read. unit says that the
// environment has the variables of env-file already.
func BecomeService(s *site.Site, g *site.Group, unit bool) error {
	env, err := environment(s.Python, g, unit)
	if err != nil {
		return err
	}
	python, err := g.Interpreter()
	if err != nil {
		return err
	}
	p := &setup{Python: python, Flags: interpreterFlags(s.Python), Env: env, Home: g.Home, Umask: g.Umask, Limits: limitsOf(g)}
	if g.Script != "" {
		p.Scripts = []string{g.Script}
	}
	if err := p.apply(); err != nil {
		return err
	}
	text, err := pyworker.ServiceProgram()
	if err != nil {
		return err
	}
	program, err := memoryFile("wsgid-script", text)
	if err != nil {
		return err
	}
	settings, err := memoryFile("wsgid-settings", serviceConfig(s, g))
	if err != nil {
		return errors.Join(err, unix.Close(program))
	}
	return p.exec(pyworker.ServiceBootstrap(program, settings))
}

// serviceConfig are the settings for the Python program.
func serviceConfig(s *site.Site, g *site.Group) []byte {
	return []byte(strings.Join([]string{
		"group", g.Name,
		"script", g.Script,
		"module", g.Module,
		"directory", absolute("."),
		"home", g.Home,
		"python-path", strings.Join(g.PythonPath, ":"),
		"locale", g.Locale,
		"switch-interval", switchInterval(g),
		"title", displayName(g, "wsgid: script "+s.Name+":"+g.Name),
	}, "\x00"))
}
