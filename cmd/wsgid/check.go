package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wsgid/wsgid/units"
	"github.com/wsgid/wsgid/units/site"
)

func newCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "check site files and the interpreters they name",
		Long: `Check reads site files and prints every error as "file:line: key: message".
For a file without errors it looks at the files, directories, users and groups the
site names, for the system's systemd whether its user wsgi can read static files and
error pages, runs each group's Python interpreter without importing the application,
and prints what the site consists of, with the users, limits and timeouts that are
not the default.

Wherever the file is, it is checked for systemd, which can do less than wsgid run
in some things (port 0, a socket in /tmp) and more in others (another user): for a
user's own systemd if the file is in ~/.config/wsgi, else for that of the system.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			return checkSites(cmd, f, files)
		},
	}
	c.Flags().BoolVar(&f.user, "user", false, "check for a user's own systemd")
	c.Flags().BoolVar(&f.run, "run", false, "check for wsgid run, not for systemd")
	c.MarkFlagsMutuallyExclusive("user", "run")
	return c
}

// checkFlags say by whom the sites are to be served; the zero value is systemd, and
// which one is found out.
type checkFlags struct {
	user bool
	run  bool
}

// checkSites checks all files, so that one run shows all errors.
func checkSites(cmd *cobra.Command, f checkFlags, files []string) error {
	failed := false
	for i, file := range files {
		s, pythons, err := checkSite(cmd.Context(), f, file)
		if err != nil {
			failed = true
			fmt.Fprintln(cmd.ErrOrStderr(), err)
			continue
		}
		if i > 0 {
			fmt.Fprintln(cmd.OutOrStdout())
		}
		if err := printSite(cmd.OutOrStdout(), s, pythons); err != nil {
			return fmt.Errorf("cannot print site: %w", err)
		}
	}
	if failed {
		return &exitError{code: 1}
	}
	return nil
}

func checkSite(ctx context.Context, f checkFlags, file string) (*site.Site, map[string]site.Python, error) {
	s, err := site.Load(file)
	if err != nil {
		return nil, nil, err
	}
	err = joinOnce(f.checkServer(s), s.CheckFiles())
	pythons, runErr := s.Interpreters(ctx)
	err = joinOnce(err, runErr)
	if list := site.Errors(nil); errors.As(err, &list) {
		list.Sort(s.Path)
	}
	return s, pythons, err
}

// checkServer finds what the one who is to serve the site cannot do.
func (f checkFlags) checkServer(s *site.Site) error {
	switch {
	case f.run:
		return s.CheckDirect()
	case f.user || isOfUser(s.Path):
		return units.Check(s, units.Options{User: true, Runtime: os.Getenv("XDG_RUNTIME_DIR")})
	}
	return joinOnce(units.Check(s, units.Options{}), s.CheckFrontEnd())
}

// isOfUser reports whether a user's own systemd serves the site file.
func isOfUser(file string) bool {
	dir, err := filepath.Abs(filepath.Dir(file))
	return err == nil && dir == units.UserDirectory(os.Getenv)
}

// joinOnce joins the errors of two checks; either may be nil. An interpreter that
// is not there fails both of them, and is to be named once.
func joinOnce(first, second error) error {
	var list, more site.Errors
	switch {
	case second == nil:
		return first
	case !errors.As(first, &list) || !errors.As(second, &more):
		return errors.Join(first, second)
	}
	for _, e := range more {
		if !slices.ContainsFunc(list, func(have *site.Error) bool { return *have == *e }) {
			list = append(list, e)
		}
	}
	return list
}

func printSite(out io.Writer, s *site.Site, pythons map[string]site.Python) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "site\t%s\t%s\n", s.Name, s.Path)
	if len(s.Listen) > 0 {
		fmt.Fprintf(w, "listen\t%s\n", listenText(s.Listen))
	}
	for _, line := range settingLines(s.Settings()) {
		fmt.Fprintf(w, "\t%s\n", line)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(w, "group\t%s\t%d %s x %d %s\n", g.Name,
			g.Processes, plural(g.Processes, "process", "processes"), g.Threads, plural(g.Threads, "thread", "threads"))
		if p, found := pythons[g.Name]; found {
			fmt.Fprintf(w, "\t\tPython %s, %s\n", p.Version, p.Path)
			fmt.Fprintf(w, "\t\tsys.prefix %s\n", p.Prefix)
		} else {
			fmt.Fprintf(w, "\t\tPython and the files inside %s: not looked at\n", g.Chroot)
		}
		for _, line := range settingLines(g.Settings()) {
			fmt.Fprintf(w, "\t\t%s\n", line)
		}
	}
	for _, g := range s.Services {
		fmt.Fprintf(w, "script\t%s\t%s\n", g.Name, g.Script+g.Module)
		if p, found := pythons[g.Name]; found {
			fmt.Fprintf(w, "\t\tPython %s, %s\n", p.Version, p.Path)
		}
		for _, line := range settingLines(g.Settings()) {
			fmt.Fprintf(w, "\t\t%s\n", line)
		}
	}
	for _, v := range s.Hosts() {
		if slices.Contains(s.Vhosts, v) {
			fmt.Fprintf(w, "vhost\t%s\t%s\n", v.ServerName, strings.Join(hostFacts(v), "; "))
		}
		printHost(w, v)
	}
	return w.Flush()
}

// printHost lists what a host has in tables, in the order in which a request meets it.
func printHost(w io.Writer, v *site.Vhost) {
	for _, r := range v.Redirects {
		fmt.Fprintf(w, "redirect\t%s\tto %s\n", cmp.Or(r.Path, r.PathMatch), cmp.Or(r.To, "nothing"))
		printOwn(w, r.Settings())
	}
	for _, r := range v.Rewrites {
		fmt.Fprintf(w, "rewrite\t%s\tto %s\n", cmp.Or(r.Path, r.PathMatch), r.To)
		printOwn(w, r.Settings())
	}
	for _, m := range v.Mounts {
		fmt.Fprintf(w, "mount\t%s\t%s in group %s\n", cmp.Or(m.Path, m.PathMatch), mountTarget(m), m.Group)
		if m.Dispatch.Script != "" {
			fmt.Fprintf(w, "\t\tdispatch-script %s in group %s\n", m.Dispatch.Script, m.Dispatcher())
		}
		printOwn(w, m.Settings(v))
	}
	for _, st := range v.Statics {
		fmt.Fprintf(w, "static\t%s\t%s\n", st.Path, st.Directory)
		printOwn(w, st.Settings(v))
	}
	for _, h := range v.Handlers {
		fmt.Fprintf(w, "handler\t%s\t%s in group %s\n", strings.Join(h.Suffixes, " "), mountTarget(h.Run), h.Run.Group)
		if h.Path != "/" {
			fmt.Fprintf(w, "\t\tpath %s\n", h.Path)
		}
	}
	for _, l := range v.Locations {
		fmt.Fprintf(w, "location\t%s\t%s\n", l.Path, pathSettings(l.Settings()))
	}
}

// printOwn has the keys of one thing in a line of their own.
func printOwn(w io.Writer, own []site.Setting) {
	if len(own) > 0 {
		fmt.Fprintf(w, "\t\t%s\n", pathSettings(own))
	}
}

// pathSettings lists keys; one whose value takes something back says so.
func pathSettings(list []site.Setting) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.Key + " " + s.Value
		if s.Value == "" {
			texts[i] = "no " + s.Key
		}
	}
	return strings.Join(texts, ", ")
}

// hostFacts says for which requests a virtual host is.
func hostFacts(v *site.Vhost) []string {
	var facts []string
	if len(v.Aliases) > 0 {
		facts = append(facts, "also "+strings.Join(v.Aliases, ", "))
	}
	if len(v.Listen) > 0 {
		facts = append(facts, "at "+listenText(v.Listen))
	}
	if v.Default {
		facts = append(facts, "the default host")
	}
	return facts
}

// settingLines puts users, limits, timeouts, addresses and directives that are not the
// default into a line each. What else differs shows elsewhere or matters less.
func settingLines(list []site.Setting) []string {
	kinds := []func(key string) bool{
		oneOf("user", "group", "supplementary-groups", "chroot"),
		oneOf("socket-user", "socket-group", "socket-mode", "listen-backlog", "send-buffer-size", "receive-buffer-size",
			"socket-prefix"),
		func(key string) bool {
			return strings.HasSuffix(key, "-limit") || strings.HasPrefix(key, "limit-") || key == "max-connections" || key == "cpu-priority"
		},
		func(key string) bool { return strings.HasSuffix(key, "-timeout") },
		oneOf("allow", "deny", "trusted-proxies", "trusted-proxy-headers"),
		oneOf("systemd"),
	}
	var lines []string
	for _, isKind := range kinds {
		var texts []string
		for _, s := range list {
			if isKind(s.Key) {
				texts = append(texts, s.Key+" "+s.Value)
			}
		}
		if len(texts) > 0 {
			lines = append(lines, strings.Join(texts, ", "))
		}
	}
	return lines
}

func oneOf(keys ...string) func(string) bool {
	return func(key string) bool { return slices.Contains(keys, key) }
}

func listenText(list []site.Listener) string {
	texts := make([]string, len(list))
	for i, l := range list {
		texts[i] = l.String()
	}
	return strings.Join(texts, ", ")
}

// mountTarget names the application in the way Python tools do.
func mountTarget(m *site.Mount) string {
	if m.Script != "" {
		return m.Script + ":" + m.Callable
	}
	if m.ScriptDirectory != "" {
		return m.ScriptDirectory + "/*" + m.ScriptSuffix + ":" + m.Callable
	}
	return m.Module + ":" + m.Callable
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
