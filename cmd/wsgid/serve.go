package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/logs"
	"github.com/wsgid/wsgid/supervisor/service"
)

// addDirectories adds the flags that say where the files of sites are.
func addDirectories(c *cobra.Command, d *service.Directories) {
	c.Flags().StringVar(&d.Config, "config-directory", "/etc/wsgi", "`DIRECTORY` of the site files")
	c.Flags().StringVar(&d.Runtime, "runtime-directory", "/run/wsgi", "`DIRECTORY` of the sockets")
}

func newServeCommand() *cobra.Command {
	o := service.Options{Software: software()}
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
			return failure(service.Run(c.Context(), o))
		},
	}
	addDirectories(c, &o.Directories)
	c.Flags().StringVar(&logFormat, "log-format", "auto", "auto, journal, text or json")
	return c
}
