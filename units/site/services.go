package site

import (
	"slices"
	"strconv"
	"strings"
)

// A group with threads = 0 serves no requests: it is a service script, a program of
// its own beside the application, a queue worker for example.

// IsService reports whether the group is a service script.
func (g *Group) IsService() bool { return g.Threads == 0 }

// Service returns the service script of that name, nil when there is none.
func (s *Site) Service(name string) *Group {
	i := slices.IndexFunc(s.Services, func(g *Group) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return s.Services[i]
}

// EveryGroup gives the daemon groups, and the service scripts behind them.
func (s *Site) EveryGroup() []*Group { return slices.Concat(s.Groups, s.Services) }

// serviceKeys are the keys of a group that count for a service script, too.
func serviceKeys() []string {
	return strings.Fields(`threads script module user group supplementary-groups chroot cpu-priority umask
		python python-home python-path python-eggs home lang locale display-name switch-interval
		env env-file memory-limit virtual-memory-limit cpu-time-limit shutdown-timeout systemd`)
}

func groupServiceKeys() []Key {
	return []Key{
		{
			Name: "script", Type: TypePath, ModWSGI: "WSGIImportScript",
			Meaning: "Python file that a group with threads = 0 runs, as python3 FILE would.",
		},
		{
			Name: "module", Type: TypeString, check: checkModule,
			Meaning: "Module that a group with threads = 0 runs, as python3 -m MODULE would.",
		},
	}
}

func checkModule(s string) *fault {
	if isDotted(s) {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is not a module", hint: `write "package.module"; for a file write script`}
}

// isService looks for threads = 0 before the table is read.
func isService(n *node) bool {
	t := n.table["threads"]
	return t != nil && t.value == int64(0)
}

// serviceRules checks which keys go together.
func (d *decoder) serviceRules(key string, n *node, g *Group) {
	script, module := n.table["script"], n.table["module"]
	if !g.IsService() {
		for _, name := range []string{"script", "module"} {
			if e := n.table[name]; e != nil {
				d.fail(e.place, key+"."+name, &fault{
					msg:  "is for a group without request threads",
					hint: "for an application write " + name + " below [[mount]]; for a program beside it set threads = 0",
				})
			}
		}
		return
	}
	switch {
	case script == nil && module == nil:
		d.fail(n.table["threads"].place, key+".threads", &fault{
			msg:  "0 makes the group a service script, and script or module is missing",
			hint: `script = "/path/to/worker.py", or module = "package.worker"`,
		})
	case script != nil && module != nil:
		d.fail(module.place, key+".module", &fault{msg: "script is set too", hint: "keep one of script and module"})
	}
	if p := n.table["processes"]; p != nil && p.value == int64(1) {
		g.ProcessesSet = false // it says nothing that is not so
	}
	for _, name := range n.sortedKeys() {
		if e := n.table[name]; !slices.Contains(serviceKeys(), name) && lookup(keysOf(tableGroup), name) != nil {
			d.noService(key, name, e, g)
		}
	}
}

// noService refuses a key that is about processes which serve requests.
func (d *decoder) noService(key, name string, e *node, g *Group) {
	f := &fault{msg: "has no meaning for a service script (threads = 0), which serves no requests", hint: "leave it out"}
	if name == "processes" {
		if g.Processes == 1 {
			return
		}
		f = &fault{msg: "a service script (threads = 0) is one process", hint: "write a group for each"}
	}
	d.fail(e.place, key+"."+name, f)
}
