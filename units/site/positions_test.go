package site

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// spotsSource has every construct that can mislead a scanner. Each value is the
// line its key or element is on.
const spotsSource = `a = 1 # = 99 [x]
b.c = 2
"quoted = key" = 3
'b'."d\u0065" = 4
text = """ # not a comment
k = "inside"
\""" [t]
""" # five
raw = '''
[no]
'''''
after = 12

[t] # header
x = 15
 [t.u]
y = 17
[[list]]
n = 19
[[list]]
n = 21
[list.sub]
deep = 23
[implicit.inner]
z = 25
[implicit]
w = 27
[arrays]
flat = [29, 29,
  30, # , ]
  31,
]
inline = { a = 33, b = { c = 33 }, d.e = 33 }
mixed = [ { p = 34 },
  { p = 35, q = [35,
  36] } ]
date = 1979-05-27 07:32:00 # 37
odd = { "}" = 38, ']' = "\"}" }
`

func TestScanSpots(t *testing.T) {
	tests := map[string]int{
		"a": 1, "b.c": 2, "quoted = key": 3, "b.de": 4, "text": 5, "raw": 9, "after": 12,
		"t": 14, "t.x": 15, "t.u": 16, "t.u.y": 17,
		"list.0": 18, "list.0.n": 19, "list.1": 20, "list.1.n": 21, "list.1.sub": 22, "list.1.sub.deep": 23,
		"implicit.inner": 24, "implicit.inner.z": 25, "implicit": 26, "implicit.w": 27,
		"arrays.flat": 29, "arrays.flat.0": 29, "arrays.flat.1": 29, "arrays.flat.2": 30, "arrays.flat.3": 31,
		"arrays.inline": 33, "arrays.inline.a": 33, "arrays.inline.b.c": 33, "arrays.inline.d.e": 33,
		"arrays.mixed.0.p": 34, "arrays.mixed.1.p": 35, "arrays.mixed.1.q.0": 35, "arrays.mixed.1.q.1": 36,
		"arrays.date": 37, "arrays.odd.}": 38, "arrays.odd.]": 38,
	}
	root := scanSpots(spotsSource)
	for path, line := range tests {
		s := root
		for _, part := range strings.Split(path, ".") {
			s = step(s, part)
		}
		if s == nil {
			t.Errorf("%s: not found", path)
		} else if s.line != line {
			t.Errorf("%s: line %d, want %d", path, s.line, line)
		}
	}
	sameShape(t, spotsSource)
}

func step(s *spot, part string) *spot {
	if s == nil {
		return nil
	}
	if isDigits(part) {
		if i := int(part[0] - '0'); i < len(s.elems) {
			return s.elems[i]
		}
		return nil
	}
	return s.keys[part]
}

// FuzzSpots: the scanner finds exactly the keys and elements that the TOML
// library finds, and gives each a line that exists.
func FuzzSpots(f *testing.F) {
	f.Add(spotsSource)
	f.Add("a = \"\"\"x\"\"\"\"\"\nb = ''''x'''''\nc = \"\\\\\"\n")
	f.Add("a = [\r\n[1,2],\r\n# x\r\n[]]\r\n\"\\x41\\e\" = {\n}\n")
	f.Add("[[a.b]]\n[a.b.c]\nd=1\n[[a.b]]\n[[a.b.e]]\n[x.\"y.z\"]\n'' = 0\n1.2 = 3\n")
	f.Fuzz(sameShape)
}

func sameShape(t *testing.T, src string) {
	t.Helper()
	src = strings.TrimPrefix(src, "\ufeff")
	if isUTF16(src) {
		return // refused before
	}
	var doc map[string]any
	if _, err := toml.Decode(src, &doc); err != nil {
		return
	}
	compareShape(t, "", doc, scanSpots(src), 1+strings.Count(src, "\n"))
}

func compareShape(t *testing.T, path string, value any, s *spot, lines int) {
	t.Helper()
	if s == nil || s.line < 1 || s.line > lines {
		t.Fatalf("%q: place %+v in a text of %d lines", path, s, lines)
	}
	var elems []any
	table, _ := value.(map[string]any)
	switch v := value.(type) {
	case []any:
		elems = v
	case []map[string]any:
		for _, e := range v {
			elems = append(elems, e)
		}
	}
	if len(table) != len(s.keys) || len(elems) != len(s.elems) {
		t.Fatalf("%q: scanner found %d keys and %d elements, library %d and %d", path, len(s.keys), len(s.elems), len(table), len(elems))
	}
	for k, v := range table {
		compareShape(t, path+"."+k, v, s.keys[k], lines)
	}
	for i, v := range elems {
		compareShape(t, path+"[]", v, s.elems[i], lines)
	}
}
