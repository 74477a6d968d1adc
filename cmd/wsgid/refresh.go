package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/refresh"
	"github.com/wsgid/wsgid/supervisor/service"
	"github.com/wsgid/wsgid/units"
)

func newRefreshCommand() *cobra.Command {
	var d service.Directories
	var after bool
	c := &cobra.Command{
		Use:   "refresh SITE",
		Short: "have systemd take over what a site file says (wsgi@.service runs this at a reload)",
		Long: `Have systemd run its generators again, if the units of the site would be others
now, and start the sockets of new daemon groups. With --after, stop those of
groups that are gone. systemctl reload wsgi@SITE runs both, as root.`,
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			return failure(refreshSite(c.Context(), d, args[0], after))
		},
	}
	addDirectories(c, &d)
	c.Flags().BoolVar(&after, "after", false, "stop the sockets of groups that are gone")
	return c
}

func refreshSite(ctx context.Context, d service.Directories, name string, after bool) error {
	wsgid, err := os.Executable()
	if err != nil {
		return err
	}
	o := refresh.Options{
		SiteFile: d.SiteFile(name), Generated: "/run/systemd/generator",
		Units: units.Options{Wsgid: wsgid}, Runtime: d.Runtime,
	}
	// The runtime directory is %t/wsgi: /run/wsgi, or that of a user.
	if runtime := filepath.Dir(d.Runtime); runtime != "/run" {
		o.Generated = filepath.Join(runtime, "systemd", "generator")
		o.Units.User, o.Units.Runtime = true, runtime
	}
	if after {
		return refresh.After(ctx, o)
	}
	changed, err := refresh.Before(ctx, o)
	if changed {
		fmt.Println("systemd has read the units of the site again")
	}
	return err
}
