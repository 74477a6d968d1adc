package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/leader"
	"github.com/wsgid/wsgid/supervisor/logs"
)

func newScriptCommand() *cobra.Command {
	var config, path string
	var direct bool
	c := &cobra.Command{
		Use:    "script SITE GROUP",
		Short:  "become the service script of a group with threads = 0 (wsgid and systemd run this)",
		Args:   cobra.ExactArgs(2),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if direct {
				return failure(becomeDirectly(args[0], path, args[1]))
			}
			logger, err := logs.New("auto", os.Stderr, slog.LevelInfo)
			if err != nil {
				return err
			}
			err = leader.RunService(leader.Service{ConfigDirectory: config, Site: args[0], Group: args[1]})
			return serviceFailure(err, logger.With("site", args[0], "group", args[1]))
		},
	}
	c.Flags().StringVar(&config, "config-directory", "/etc/wsgi", "`DIRECTORY` of the site files")
	c.Flags().BoolVar(&direct, "direct", false, "the site file is on a descriptor")
	c.Flags().StringVar(&path, "path", "", "with --direct, the site file's name in messages")
	return c
}

// becomeDirectly is for the supervisor that has started this process.
func becomeDirectly(name, path, group string) error {
	s, err := readSite(name, path)
	if err != nil {
		return err
	}
	g := s.Service(group)
	if g == nil {
		return fmt.Errorf("site %s has no service script %s", name, group)
	}
	return leader.BecomeService(s, g, false)
}
