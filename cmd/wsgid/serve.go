package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/logs"
	"github.com/wsgid/wsgid/supervisor/service"
	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

// addDirectories adds the flags that say where the files of sites are, and with them
// the completion of a site's name.
func addDirectories(c *cobra.Command, d *service.Directories) {
	c.ValidArgsFunction = completeSite(d)
	c.Flags().StringVar(&d.Config, "config-directory", "/etc/wsgi", "`DIRECTORY` of the site files")
	c.Flags().StringVar(&d.Runtime, "runtime-directory", "/run/wsgi", "`DIRECTORY` of the sockets")
}

// checkUnits refuses what systemd cannot do for a site.
func checkUnits(s *site.Site, runtime string, user bool) error {
	return units.Check(s, units.Options{User: user, Runtime: runtime})
}

func newServeCommand() *cobra.Command {
	o := service.Options{Software: software(), Check: checkUnits}
	var logFormat string
	c := &cobra.Command{
		Use:    "serve SITE",
		Short:  "serve a site as a systemd service (wsgi@.service runs this)",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			logger, err := logs.New(logFormat, os.Stderr, slog.LevelInfo)
			if err != nil {
				return err
			}
			o.Site, o.Logger = args[0], logger
			return serviceFailure(service.Run(c.Context(), o), logger.With("site", o.Site))
		},
	}
	addDirectories(c, &o.Directories)
	c.Flags().StringVar(&logFormat, "log-format", "auto", "auto, journal, text or json")
	return c
}

// newSucceedCommand is for the process that a supervisor starts to have another
// one take over from it: without --served it starts that one and ends, because
// systemd watches no main process that is the child of another.
func newSucceedCommand() *cobra.Command {
	o := service.Options{Software: software(), Check: checkUnits}
	var served bool
	c := &cobra.Command{
		Use:    "succeed SITE",
		Short:  "take over from the supervisor of a site (a supervisor runs this)",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if !served {
				return failure(service.LaunchSuccessor(append([]string{"succeed", "--served"}, os.Args[2:]...)))
			}
			logger, err := logs.New("auto", os.Stderr, slog.LevelInfo)
			if err != nil {
				return err
			}
			o.Site, o.Logger = args[0], logger
			return serviceFailure(service.Succeed(c.Context(), o), logger.With("site", o.Site))
		},
	}
	addDirectories(c, &o.Directories)
	c.Flags().BoolVar(&served, "served", false, "serve, rather than start the one that does")
	return c
}
