package site

import (
	"path"
	"strconv"
	"strings"
)

// each reads an array, or a single value in place of an array of one.
func each[T any](r *reading, n *node, one func(*node) (T, *fault)) []T {
	nodes := n.list
	if nodes == nil {
		nodes = []*node{n}
	}
	var values []T
	for _, e := range nodes {
		v, f := one(e)
		if f != nil {
			r.fail(e, f)
			continue
		}
		values = append(values, v)
	}
	return values
}

func (r *reading) stringList(n *node) any {
	if s, ok := n.value.(string); ok && r.key.Type == TypePathList {
		return r.splitPaths(n, s)
	}
	return each(r, n, func(e *node) (string, *fault) {
		s, ok := e.value.(string)
		if !ok {
			return "", &fault{msg: e.kind() + " where a string is expected"}
		}
		return s, r.text(s)
	})
}

func (r *reading) splitPaths(n *node, s string) []string {
	list := strings.Split(s, ":")
	for _, p := range list {
		if f := r.text(p); f != nil {
			r.fail(n, f)
		}
	}
	return list
}

func (r *reading) listener(n *node) (Listener, *fault) {
	s, ok := n.value.(string)
	if !ok {
		return Listener{}, &fault{msg: n.kind() + " where an address is expected", hint: `use "127.0.0.1:8000", ":8000" or "unix:/path"`}
	}
	l, err := ParseListener(s)
	if err != nil {
		return l, asFault(err)
	}
	if l.Network == "unix" && !path.IsAbs(l.Address) {
		return l, &fault{msg: "socket path " + strconv.Quote(l.Address) + " is not absolute"}
	}
	return l, nil
}

func (r *reading) environment(n *node) any {
	if n.table == nil {
		r.wrong(n, "a table", `write [group.NAME.env] and below it NAME = "value"`)
		return nil
	}
	var env map[string]string
	for _, name := range n.sortedKeys() {
		e := n.table[name]
		s, ok := e.value.(string)
		if f := checkEnv(name, s, ok, e); f != nil {
			r.faults = append(r.faults, placed{fault: f, place: e.place, sub: name})
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		env[name] = s
	}
	return env
}

func checkEnv(name, value string, ok bool, n *node) *fault {
	switch {
	case !isEnvName(name):
		return &fault{msg: strconv.Quote(name) + " is not the name of an environment variable", hint: "use letters, digits and _, not beginning with a digit"}
	case !ok:
		return &fault{msg: n.kind() + " where a string is expected", hint: "put the value in quotes"}
	case strings.ContainsRune(value, 0):
		return &fault{msg: "value contains a NUL character"}
	}
	return nil
}
