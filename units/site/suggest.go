package site

import (
	"slices"
	"strings"
)

// nearest gives the word of list that a person who wrote s most likely meant,
// "" when none is near.
func nearest(s string, list []string) string {
	best, distance := "", max(1, len(s)/3)+1
	for _, word := range list {
		// The lengths alone are so far apart: a long key is not worth the work.
		if max(len(s)-len(word), len(word)-len(s)) >= distance {
			continue
		}
		if d := editDistance(s, word); d < distance {
			best, distance = word, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours (optimal string alignment).
func editDistance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// unknownKey explains a key that its table does not have.
func unknownKey(t Table, name string) *fault {
	here := keysOf(t)
	spelled := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if k := lookup(here, spelled); k != nil {
		return &fault{msg: "unknown key", hint: "write " + k.Name}
	}
	all := Keys()
	if homes := tablesWith(all, spelled); len(homes) > 0 {
		return misplaced(t, homes)
	}
	if k := byModWSGI(all, name); k != nil {
		return &fault{msg: "unknown key", hint: "for mod_wsgi's " + k.ModWSGI + " there is " + k.inTable()}
	}
	if f := misplacedDirective(t, name); f != nil {
		return f
	}
	if near := nearest(spelled, names(here)); near != "" {
		return &fault{msg: "unknown key", hint: "did you mean " + near + "?"}
	}
	if near := nearest(spelled, names(all)); near != "" {
		return &fault{msg: "unknown key", hint: "did you mean " + lookup(all, near).inTable() + "?"}
	}
	return &fault{msg: "unknown key"}
}

// misplacedDirective knows the directives of systemd, which have a table of their
// own.
func misplacedDirective(t Table, name string) *fault {
	into := map[Table]string{
		tableTop: "[site.systemd]", tableSite: "[site.systemd]", tableGroup: "[group.NAME.systemd]", tableMount: "[group.NAME.systemd]",
	}[t]
	if into == "" || !slices.Contains(directiveNames(), name) {
		return nil
	}
	return &fault{msg: "unknown key", hint: "it is a directive of systemd; write it in " + into}
}

// inWords reads a table's name in a sentence.
func inWords(t Table) string {
	if t == tableTop {
		return "the top level"
	}
	return string(t)
}

// inTable names a key where its table is not at hand.
func (k *Key) inTable() string {
	switch k.Type {
	case TypeTables:
		return "[[" + k.Name + "]]"
	case TypeTable:
		return "[" + k.Name + "]"
	case TypeNamed:
		return "[" + k.Name + ".NAME]"
	}
	if k.Table == tableTop {
		return k.Name + " at the top level"
	}
	return k.Name + " in " + string(k.Table)
}

// tablesWith lists the tables that have a key of that name, in the order of a file:
// those where it works, if there are any.
func tablesWith(all []Key, name string) []Table {
	var works, others []Table
	for _, k := range all {
		switch {
		case k.Name != name:
		case k.State == Supported:
			works = append(works, k.Table)
		default:
			others = append(others, k.Table)
		}
	}
	if works != nil {
		return works
	}
	return others
}

// misplaced explains a key that is right in other tables.
func misplaced(t Table, homes []Table) *fault {
	words, places := make([]string, len(homes)), make([]string, len(homes))
	for i, home := range homes {
		words[i], places[i] = inWords(home), "into "+string(home)
		if home == tableTop {
			places[i] = "above the first [table]"
		}
	}
	return &fault{msg: "is a key of " + listed(words, "and") + ", not of " + inWords(t), hint: "move it " + listed(places, "or")}
}

// listed writes "a", "a and b", "a, b and c".
func listed(words []string, conjunction string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

func names(keys []Key) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.Name
	}
	return list
}

// byModWSGI finds the key that replaces a directive of mod_wsgi or Apache.
// Options have the same name on both sides, so only directives are of use here.
func byModWSGI(keys []Key, name string) *Key {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ModWSGI != "" && strings.EqualFold(k.ModWSGI, name) })
	if i < 0 {
		return nil
	}
	return &keys[i]
}
