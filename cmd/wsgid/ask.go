package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/refresh"
	"github.com/wsgid/wsgid/supervisor/service"
)

func newReloadCommand() *cobra.Command {
	var d service.Directories
	var wait bool
	c := &cobra.Command{
		Use:   "reload SITE",
		Short: "bring up new processes and swap them in when they are ready",
		Long: `Bring up a new generation of every daemon group of a site, swap them in when all
are ready, let the old ones finish their requests, and end them. If an application cannot be started,
nothing is swapped; with --wait the exit status is 1 then, and the reason is
printed. systemctl reload wsgi@SITE does the same, and waits.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return failure(ask(c.Context(), d, args[0], control.Request{Verb: "reload", Wait: wait}))
		},
	}
	addDirectories(c, &d)
	c.Flags().BoolVar(&wait, "wait", false, "wait for the end of it; the exit status says how it went")
	return c
}

// newVerbCommand is a command that has a supervisor do something at once.
func newVerbCommand(verb, short, long string) *cobra.Command {
	var d service.Directories
	c := &cobra.Command{
		Use: verb + " SITE", Short: short, Long: long, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return failure(ask(c.Context(), d, args[0], control.Request{Verb: verb, Wait: true}))
		},
	}
	addDirectories(c, &d)
	return c
}

func newUpgradeCommand() *cobra.Command {
	return newVerbCommand("upgrade", "hand a site over to a new supervisor", `Start a supervisor of the program that is installed now beside the one that
serves, with new generations of all daemon groups, and hand the site over to it
when all are ready. systemctl reload does the same after the program was replaced.
The old supervisor finishes the requests that it has, however long they take; from the
next reload on, or when the site ends, they have graceful-timeout.`)
}

func newRollbackCommand() *cobra.Command {
	return newVerbCommand("rollback", "go back to the release before the present one", `Bring up new generations that run the release before the present one, where a
symbolic link on the way to the application (current -> releases/42) has led
elsewhere before, and swap them in as a reload does. The link is left alone: the
next reload follows it again.`)
}

func newDrainCommand() *cobra.Command {
	return newVerbCommand("drain", "have clients' connections end with their next response", `Have every connection end with its next response, so that a balancer in front
moves its traffic elsewhere. Nobody is refused. wsgid undrain takes that back.`)
}

func newUndrainCommand() *cobra.Command {
	return newVerbCommand("undrain", "take a drain back", "Let connections of clients last again, after wsgid drain.")
}

func newStatusCommand() *cobra.Command {
	var d service.Directories
	c := &cobra.Command{
		Use:   "status SITE",
		Short: "say what a site is doing",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := ask(c.Context(), d, args[0], control.Request{Verb: "status", Wait: true})
			if err == nil {
				printScripts(c.Context(), args[0])
			}
			return failure(err)
		},
	}
	addDirectories(c, &d)
	return c
}

// printScripts says how the site's service scripts are, of which its supervisor knows
// nothing. Who may not ask systemd sees the rest all the same.
func printScripts(ctx context.Context, name string) {
	lines, err := refresh.Scripts(ctx, name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wsgid: nothing is known of service scripts:", err)
	}
	for _, line := range lines {
		fmt.Println(line)
	}
}

// ask has a site's supervisor do something, and prints what it says.
func ask(ctx context.Context, d service.Directories, name string, request control.Request) error {
	text, err := control.Call(ctx, d.Control(name), request)
	if errors.Is(err, control.ErrNotRunning) {
		return fmt.Errorf("cannot %s %s: %w\nhint: systemctl status wsgi@%s", request.Verb, name, err, name)
	}
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", request.Verb, name, err)
	}
	if text != "" {
		fmt.Println(text)
	}
	return nil
}
