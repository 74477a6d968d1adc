package refresh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units/site"
)

// restartScripts restarts the service scripts of a site, and stops those that it no
// longer has.
func restartScripts(ctx context.Context, manager *sd.Manager, s *site.Site) error {
	running, err := scripts(ctx, manager, s.Name, "active", "activating")
	if err != nil {
		return err
	}
	var errs []error
	for _, u := range running {
		if s.Service(nameOf(u)) == nil {
			errs = append(errs, manager.StopUnit(ctx, u.Name))
		}
	}
	for _, g := range s.Services {
		errs = append(errs, manager.RestartUnit(ctx, "wsgi-"+s.Name+":"+g.Name+".service"))
	}
	return errors.Join(errs...)
}

// scripts are the units of a site's service scripts: those of slots have an "@".
func scripts(ctx context.Context, manager *sd.Manager, site string, states ...string) ([]sd.Unit, error) {
	list, err := manager.Units(ctx, "wsgi-"+site+":*.service", states...)
	return slices.DeleteFunc(list, func(u sd.Unit) bool { return strings.Contains(u.Name, "@") }), err
}

// nameOf is the group that a unit of a service script belongs to.
func nameOf(u sd.Unit) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(u.Name, ".service"), ":")
	return name
}

// Scripts says how each service script of a site is, in a line of its own, for people
// who ask how the site is; nil when there are none.
func Scripts(ctx context.Context, site string) ([]string, error) {
	manager, err := sd.ConnectManager(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer manager.Close()
	list, err := scripts(ctx, manager, site)
	var lines []string
	for _, u := range list {
		lines = append(lines, fmt.Sprintf("%s: service script, %s (%s): systemctl status %s", nameOf(u), u.Active, u.Sub, u.Name))
	}
	slices.Sort(lines)
	return lines, err
}
