package units

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/wsgid/wsgid/units/site"
)

// attempts bounds how often a text with errors is read again.
const attempts = 50

// salvage reads what is left of a site file with errors: lines that are no TOML
// are taken out, then the keys that are refused. It gives nil when nothing can be
// read. The mounts are not the file's own: only sockets and groups count.
func salvage(name, path string, texts [][]byte) *site.Site {
	root := map[string]any{}
	for _, text := range texts {
		merge(root, lenient(string(text)))
	}
	keepListeners(root, texts)
	raiseGroups(root)
	keepGroups(root, texts)
	for range attempts {
		mountEachGroup(root)
		var b bytes.Buffer
		if toml.NewEncoder(&b).Encode(root) != nil {
			return nil
		}
		s, err := site.Parse(name, path, b.Bytes())
		if err == nil {
			return s
		}
		if !dropKeys(root, err) {
			return nil
		}
	}
	return nil
}

// lenient reads TOML without the lines at which reading fails; nil when too many
// do. A line may fail because of one before it: of taking out the line, or the
// assignment before it, what reads further is done.
func lenient(text string) map[string]any {
	lines := strings.Split(text, "\n")
	for range attempts {
		root, at := decode(lines)
		if root != nil || at < 0 {
			return root
		}
		one, two := withoutLine(lines, at), withoutAssignment(lines, at)
		if _, first := decode(one); first != complete {
			if _, second := decode(two); second > first {
				one = two
			}
		}
		lines = one
	}
	return nil
}

// complete stands for a text without a wrong line.
const complete = math.MaxInt

// decode reads lines, or gives the index of the one that is wrong; -1 when there is
// nothing left that could be.
func decode(lines []string) (root map[string]any, at int) {
	root = map[string]any{}
	_, err := toml.Decode(strings.Join(lines, "\n"), &root)
	var wrong toml.ParseError
	switch {
	case err == nil:
		return root, complete
	case !errors.As(err, &wrong):
		return nil, -1
	}
	// At the end of an unclosed string or array it is an empty one.
	at = min(wrong.Position.Line, len(lines)) - 1
	for at >= 0 && strings.TrimSpace(lines[at]) == "" {
		at--
	}
	return nil, at
}

// withoutLine empties a line. With the header of a table go its keys, which would
// end up in another one.
func withoutLine(lines []string, at int) []string {
	lines = slices.Clone(lines)
	header := isHeader(lines[at])
	lines[at] = ""
	for i := at + 1; header && i < len(lines) && !isHeader(lines[i]); i++ {
		lines[i] = ""
	}
	return lines
}

// withoutAssignment empties the assignment before a line, up to the line, and the
// line as well if that may be a part of it.
func withoutAssignment(lines []string, at int) []string {
	lines = slices.Clone(lines)
	if !isHeader(lines[at]) && !isAssignment(lines[at]) {
		lines[at] = ""
	}
	for i := at - 1; i >= 0; i-- {
		if isHeader(lines[i]) {
			return withoutLine(lines, i)
		}
		begins := isAssignment(lines[i])
		lines[i] = ""
		if begins {
			break
		}
	}
	return lines
}

// isHeader knows the header of a table also without its first bracket.
func isHeader(line string) bool {
	line = strings.TrimSpace(line)
	name := strings.TrimRight(line, "]")
	return strings.HasPrefix(line, "[") || name != line && isKey(name)
}

func isAssignment(line string) bool {
	key, _, found := strings.Cut(line, "=")
	return found && isKey(key)
}

// isKey knows dotted keys, too.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, " \tabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.\"") == ""
}

// merge puts a drop-in over what is there, by the rule of [site.Load].
func merge(into, from map[string]any) {
	for k, v := range from {
		below, isTable := into[k].(map[string]any)
		if over, ok := v.(map[string]any); ok && isTable {
			merge(below, over)
			continue
		}
		into[k] = v
	}
}

// keepListeners takes single addresses out of listen: without the key all of them
// would go. Where the key itself could not be read, the addresses are looked for in
// the text.
func keepListeners(root map[string]any, texts [][]byte) {
	list, ok := root["listen"].([]any)
	switch one, isText := root["listen"].(string); {
	case isText:
		list = []any{one}
	case !ok:
		for _, text := range texts {
			list = append(list, addresses(string(text))...)
		}
	}
	root["listen"] = slices.DeleteFunc(list, func(v any) bool {
		text, _ := v.(string)
		l, err := site.ParseListener(text)
		return err != nil || l.Network == "unix" && !strings.HasPrefix(l.Address, "/")
	})
}

// addresses gives what stands in quotes, closed or not, behind "listen =" up to the
// next key or table.
func addresses(text string) []any {
	var list []any
	inside := false
	for _, line := range strings.Split(text, "\n") {
		if isAssignment(line) {
			key, value, _ := strings.Cut(line, "=")
			inside, line = strings.TrimSpace(key) == "listen", value
		} else if isHeader(line) {
			return list
		}
		for i, part := range strings.Split(line, `"`) {
			if inside && i%2 == 1 {
				list = append(list, part)
			}
		}
	}
	return list
}

// raiseGroups makes those of virtual hosts groups of the site: to units all are the
// same. One that has the name of another goes.
func raiseGroups(root map[string]any) {
	hosts, _ := root["vhost"].([]map[string]any)
	delete(root, "vhost")
	groups, ok := root["group"].(map[string]any)
	if !ok {
		groups = map[string]any{}
	}
	for _, host := range hosts {
		own, _ := host["group"].(map[string]any)
		for name, g := range own {
			if _, there := groups[name]; !there {
				groups[name] = g
			}
		}
	}
	if len(groups) > 0 {
		root["group"] = groups
	}
}

// keepGroups adds the groups of which only the name is left, for their sockets.
func keepGroups(root map[string]any, texts [][]byte) {
	groups, ok := root["group"].(map[string]any)
	if !ok {
		groups = map[string]any{}
	}
	for _, text := range texts {
		for _, line := range strings.Split(string(text), "\n") {
			key := splitKey(strings.Trim(line, "[] \t\r"))
			if len(key) > 1 && key[0] == "vhost" {
				key = key[1:]
			}
			if !isHeader(line) || len(key) < 2 || key[0] != "group" {
				continue
			}
			if _, there := groups[key[1]]; !there {
				groups[key[1]] = map[string]any{}
			}
		}
	}
	root["group"] = groups
}

// mountEachGroup gives every group one application, so that none is refused for
// being without.
func mountEachGroup(root map[string]any) {
	groups, _ := root["group"].(map[string]any)
	names := slices.Sorted(maps.Keys(groups))
	if len(names) == 0 {
		delete(root, "group")
		names = []string{site.DefaultGroup}
	}
	var mounts []map[string]any
	for _, name := range names {
		if group, ok := groups[name].(map[string]any); ok && group["threads"] == int64(0) {
			continue // a service script
		}
		mounts = append(mounts, map[string]any{"path": "/" + name, "module": "m", "group": name})
	}
	if len(mounts) == 0 {
		mounts = []map[string]any{{"path": "/", "module": "m"}}
	}
	root["mount"] = mounts
}

// dropKeys takes out the keys that are refused, and reports whether there was one.
func dropKeys(root map[string]any, err error) bool {
	var errs site.Errors
	if !errors.As(err, &errs) {
		return false
	}
	dropped := false
	for _, e := range errs {
		dropped = dropKey(root, splitKey(e.Key)) || dropped
	}
	return dropped
}

func dropKey(table map[string]any, path []string) bool {
	if len(path) == 0 {
		return false
	}
	if _, there := table[path[0]]; !there {
		return false
	}
	if below, ok := table[path[0]].(map[string]any); ok && dropKey(below, path[1:]) {
		return true
	}
	delete(table, path[0])
	return true
}

// splitKey reads a dotted key, whose parts may be quoted.
func splitKey(key string) []string {
	var table map[string]any
	meta, err := toml.Decode(key+" = 0", &table)
	if err != nil || len(meta.Keys()) == 0 {
		return nil
	}
	longest := slices.MaxFunc(meta.Keys(), func(a, b toml.Key) int { return len(a) - len(b) })
	return longest
}
