package leader

import (
	"slices"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// accessConfig names the functions of access control for the Python program: in each
// line a function, the file as the rules of requests name it, and where that is.
func (l *Leader) accessConfig() string {
	var lines []string
	for _, f := range l.accessFunctions() {
		lines = append(lines, strings.Join([]string{f.Name, f.File, l.deployed.of(f.File)}, "\t"))
	}
	return strings.Join(lines, "\n")
}

func (l *Leader) accessFunctions() []site.AccessFunction {
	return l.options.Site.AccessFunctions(l.options.Group.Name)
}

// accessScripts are the files of access control, each once.
func (l *Leader) accessScripts() []string {
	var all []string
	for _, f := range l.accessFunctions() {
		if file := l.deployed.of(f.File); !slices.Contains(all, file) {
			all = append(all, file)
		}
	}
	return all
}

// reloadedScripts are the files whose change brings up another generation: where a
// mount or a handler has script-reloading, its script and those that say who may come there.
func (l *Leader) reloadedScripts() []string {
	wanted := func(m *site.Mount) bool { return m.RunsIn(l.options.Group.Name) && m.ScriptReloading }
	var all []string
	for _, m := range l.options.Site.AllMounts() {
		if wanted(m) {
			all = append(all, m.Script)
		}
		if m.ScriptReloading && m.Dispatcher() == l.options.Group.Name {
			all = append(all, m.Dispatch.Script)
		}
	}
	for _, p := range l.options.Site.Places() {
		if !wanted(p.Mount) {
			continue
		}
		for _, f := range p.Policy.Access.Functions() {
			all = append(all, f.File)
		}
	}
	return slices.DeleteFunc(all, func(file string) bool { return file == "" })
}
