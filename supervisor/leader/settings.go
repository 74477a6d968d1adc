package leader

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// environment is what a process of the group finds in os.environ: the
// leader's own, without what systemd and wsgid use to talk to it, then the
// env-files in order, then env, then lang and locale.
//
// The env-files of a unit have been read by systemd, as root, and the leader's own
// environment has what is in them. There is no telling that from what the unit says
// besides, and systemd lets EnvironmentFile= win over Environment=: so env is set
// here for all that, and what the site file says counts everywhere.
func environment(p site.PythonFlags, g *site.Group, unit bool) ([]string, error) {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !private(name) {
			env[name] = value
		}
	}
	unlessC(env)
	if !unit {
		for _, path := range g.EnvFiles {
			values, err := site.LoadEnvFile(path)
			if err != nil {
				return nil, err
			}
			maps.Copy(env, values)
		}
	}
	maps.Copy(env, g.Env)
	setLocale(env, g)
	setPython(env, p, g)
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list, nil
}

// private names variables that are for the leader alone. JOURNAL_STREAM is among
// them because a worker's output goes to the leader.
func private(name string) bool {
	switch name {
	case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID",
		"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID", "FDSTORE",
		"JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE":
		return true
	}
	return strings.HasPrefix(name, "WSGID_")
}

// localeNames are in the order in which they count (locale(7)).
var localeNames = [...]string{"LC_ALL", "LC_CTYPE", "LANG"}

// unlessC gives an inherited environment without a locale of its own C.UTF-8:
// in the C locale Python applications fail on the first file name that is not
// ASCII. What the site file says stands.
func unlessC(env map[string]string) {
	for _, name := range localeNames {
		if value := env[name]; value == "C" || value == "POSIX" {
			break // this is the one that counts
		} else if value != "" {
			return
		}
	}
	delete(env, "LC_ALL")
	delete(env, "LC_CTYPE")
	env["LANG"] = "C.UTF-8"
}

// setLocale applies lang and locale.
func setLocale(env map[string]string, g *site.Group) {
	if g.Lang != "" {
		env["LANG"] = g.Lang
	}
	if g.Locale != "" {
		env["LC_ALL"] = g.Locale
	}
}

// setPython applies the keys that Python reads from the environment only.
func setPython(env map[string]string, p site.PythonFlags, g *site.Group) {
	if p.HashSeed != "" {
		env["PYTHONHASHSEED"] = p.HashSeed
	}
	if g.PythonEggs != "" {
		env["PYTHON_EGG_CACHE"] = g.PythonEggs
	}
}

func (l *Leader) setup() (*setup, error) {
	g := l.resolved()
	python, err := g.Interpreter()
	if err != nil {
		return nil, err
	}
	return &setup{
		Python:  python,
		Flags:   interpreterFlags(l.options.Site.Python),
		Env:     l.env,
		Home:    g.Home,
		Umask:   g.Umask,
		Scripts: l.scripts(),
		Limits:  limitsOf(g),
	}, nil
}

// interpreterFlags are given on the command line where that is possible: the
// programs that the application starts do not inherit them, as they would
// environment variables.
func interpreterFlags(p site.PythonFlags) []string {
	var flags []string
	if p.Optimize > 0 {
		flags = append(flags, "-"+strings.Repeat("O", p.Optimize))
	}
	if p.NoBytecode {
		flags = append(flags, "-B")
	}
	for _, filter := range p.Warnings {
		flags = append(flags, "-W", filter)
	}
	return flags
}

// scripts are the files that a process executes, in that order.
func (l *Leader) scripts() []string {
	scripts := slices.Clone(l.resolved().ImportScripts)
	for _, a := range l.applications() {
		if a.Script != "" && !slices.Contains(scripts, a.Script) {
			scripts = append(scripts, a.Script)
		}
	}
	for _, name := range l.options.Site.DispatchScripts(l.options.Group.Name) {
		scripts = append(scripts, l.deployed.of(name))
	}
	return append(scripts, l.accessScripts()...)
}

// dispatchConfig names the scripts of dispatch-script for the Python program: in each line
// the file as requests name it, and where that is.
func (l *Leader) dispatchConfig() string {
	var lines []string
	for _, name := range l.options.Site.DispatchScripts(l.options.Group.Name) {
		lines = append(lines, name+"\t"+l.deployed.of(name))
	}
	return strings.Join(lines, "\n")
}

// applications are those that the group runs, an empty one if it runs none; their scripts
// are in the release.
func (l *Leader) applications() []site.Application {
	all := l.options.Site.Applications(l.options.Group.Name)
	for i := range all {
		all[i].Script, all[i].Directory = l.deployed.of(all[i].Script), l.deployed.of(all[i].Directory)
	}
	if len(all) == 0 {
		all = append(all, site.Application{})
	}
	return all
}

// several lists the applications of a group for the Python program, "" when there is
// one: a line each, of script, module, callable, directory, suffix and, for a handler,
// "handler", with tabs between them.
func several(all []site.Application) string {
	if !site.NeedsNumbers(all) {
		return ""
	}
	lines := make([]string, len(all))
	for i, a := range all {
		kind := ""
		if a.Handler {
			kind = "handler"
		}
		lines[i] = strings.Join([]string{a.Script, a.Module, a.Callable, a.Directory, a.Suffix, kind}, "\t")
	}
	return strings.Join(lines, "\n")
}

// programConfig is the second message to a process, for the Python program:
// NUL-separated names and values.
func (l *Leader) programConfig(number int) []byte {
	g, all := l.resolved(), l.applications()
	fields := []string{
		"group", cmp.Or(g.Of, g.Name),
		"application-group", g.ApplicationGroup,
		"script", all[0].Script,
		"module", all[0].Module,
		"callable", all[0].Callable,
		"applications", several(all),
		"preload", l.preloaded(),
		"dispatch", l.dispatchConfig(),
		"dispatched", flag(l.options.Site.IsDispatched(g.Name)),
		"directory", absolute("."),
		"home", g.Home,
		"python-path", strings.Join(g.PythonPath, ":"),
		"access", l.accessConfig(),
		"import-script", strings.Join(g.ImportScripts, "\n"),
		"restrict", restrictions(g),
		"server-metrics", flag(l.options.Site.ServerMetrics),
		"interrupt", interrupt(g),
		"locale", g.Locale,
		"switch-interval", switchInterval(g),
		"stack-size", strconv.FormatInt(g.StackSize, 10),
		"stack-signal", strconv.Itoa(int(stackSignal)),
		"processes", strconv.Itoa(g.Processes),
		"threads", strconv.Itoa(g.Threads),
		"shutdown-timeout", strconv.FormatFloat(g.ShutdownTimeout.Seconds(), 'f', -1, 64),
		"watch", flag(l.options.Watch),
		"cpu-time-limit", flag(g.CPUTimeLimit > 0),
		"warm-up", strings.Join(warmUps(l.options.Site, l.options.Group.Name), "\n"),
		"warm-up-status", strconv.Itoa(l.options.Site.WarmUp.Status),
		"software", l.options.Software,
		"multithread", flag(g.Threads > 1),
		// mod_wsgi: true as soon as processes= is written, even as 1, because
		// more processes may serve the group during a reload.
		"multiprocess", flag(g.Processes > 1 || g.ProcessesSet),
		// mod_wsgi: a process that serves one request at a time, and one in all.
		"run-once", flag(g.Threads == 1 && g.MaximumRequests == 1),
		"process", fmt.Sprint(number),
		"title", l.processName(),
	}
	return []byte(strings.Join(fields, "\x00"))
}

// interrupt is the age in seconds that a request has at least when it is to be
// interrupted, "" when none is: half of request-timeout, because the supervisor
// and the process do not begin to count at the same instant.
func interrupt(g *site.Group) string {
	if g.InterruptTimeout == 0 {
		return ""
	}
	return strconv.FormatFloat(g.RequestTimeout.Seconds()/2, 'f', -1, 64)
}

// switchInterval is in seconds; "" leaves Python's own.
func switchInterval(g *site.Group) string {
	if g.SwitchInterval == 0 {
		return ""
	}
	return strconv.FormatFloat(g.SwitchInterval.Seconds(), 'f', -1, 64)
}

// restrictions names what the application may not use.
func restrictions(g *site.Group) string {
	var all []string
	for _, r := range []struct {
		on   bool
		name string
	}{{g.RestrictStdin, "stdin"}, {g.RestrictStdout, "stdout"}, {g.RestrictSignal, "signal"}} {
		if r.on {
			all = append(all, r.name)
		}
	}
	return strings.Join(all, " ")
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
