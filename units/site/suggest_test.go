package site

import (
	"strings"
	"testing"
)

// TestMisplacedKeys: a key that only other tables have is an error that names one of
// them, whichever table it stands in.
func TestMisplacedKeys(t *testing.T) {
	t.Parallel()
	all := Keys()
	for _, here := range allTables() {
		for _, k := range all {
			homes := tablesWith(all, k.Name)
			if lookup(keysOf(here), k.Name) != nil {
				continue
			}
			f := unknownKey(here, k.Name)
			for _, home := range homes {
				if !strings.Contains(f.msg, "is a key of ") || !strings.Contains(f.msg, inWords(home)) || !strings.HasPrefix(f.hint, "move it ") {
					t.Errorf("%s in %s: %s (%s), want %s named", k.Name, here, f.msg, f.hint, home)
				}
			}
		}
	}
}

func TestTablesWith(t *testing.T) {
	t.Parallel()
	all := []Key{{Name: "a", Table: tableTop, State: Later}, {Name: "a", Table: tableMount, State: Supported}, {Name: "b", Table: tableTLS, State: Later}}
	for name, want := range map[string]string{"a": "[[mount]]", "b": "[tls]", "c": ""} {
		got := ""
		for _, table := range tablesWith(all, name) {
			got += string(table)
		}
		if got != want {
			t.Errorf("%s: in %s, want %s", name, got, want)
		}
	}
}
