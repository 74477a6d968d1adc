package site

import (
	"strconv"
	"strings"
)

// The TOML library keeps the positions of keys to itself and loses those of
// array elements. This scanner finds them again. It runs only over text that the
// library has already accepted, so it needs to tell apart keys, strings and
// brackets, and nothing else.

// spot is the place of a value: the line of its key, or of the element in an
// array. It has the shape of the value beneath it.
type spot struct {
	line  int
	keys  map[string]*spot
	elems []*spot
}

func (s *spot) child(key string, line int) *spot {
	if c := s.keys[key]; c != nil {
		return c
	}
	if s.keys == nil {
		s.keys = map[string]*spot{}
	}
	c := &spot{line: line}
	s.keys[key] = c
	return c
}

func (s *spot) grow(line int) *spot {
	c := &spot{line: line}
	s.elems = append(s.elems, c)
	return c
}

// open is where keys under s go: TOML 1.0 lets a header pass through an array
// of tables to its latest element.
func (s *spot) open() *spot {
	if n := len(s.elems); n > 0 {
		return s.elems[n-1]
	}
	return s
}

func (s *spot) at(keys []string, line int) *spot {
	for _, k := range keys {
		s = s.open().child(k, line)
	}
	return s
}

// scanSpots returns the places of everything in src, which must be valid TOML
// without a byte order mark.
func scanSpots(src string) *spot {
	sc := &scanner{src: src, line: 1}
	root := &spot{line: 1}
	table := root
	for {
		sc.skipBlank()
		switch sc.peek() {
		case 0:
			return root
		case '[':
			table = sc.header(root)
		default:
			sc.keyValue(table)
		}
	}
}

type scanner struct {
	src  string
	i    int
	line int
}

// peek gives 0 at the end, which no valid document contains.
func (sc *scanner) peek() byte {
	if sc.i < len(sc.src) {
		return sc.src[sc.i]
	}
	return 0
}

func (sc *scanner) has(prefix string) bool { return strings.HasPrefix(sc.src[sc.i:], prefix) }

// take moves over n bytes and counts the lines in them.
func (sc *scanner) take(n int) string {
	n = min(n, len(sc.src)-sc.i)
	text := sc.src[sc.i : sc.i+n]
	sc.line += strings.Count(text, "\n")
	sc.i += n
	return text
}

func (sc *scanner) accept(c byte) bool {
	if sc.peek() != c {
		return false
	}
	sc.take(1)
	return true
}

// until moves to the first byte of set, or to the end.
func (sc *scanner) until(set string) string {
	n := strings.IndexAny(sc.src[sc.i:], set)
	if n < 0 {
		n = len(sc.src) - sc.i
	}
	return sc.take(n)
}

// skipBlank moves over spaces, line ends and comments.
func (sc *scanner) skipBlank() {
	for {
		switch sc.peek() {
		case ' ', '\t', '\r', '\n':
			sc.take(1)
		case '#':
			sc.until("\n")
		default:
			return
		}
	}
}

func (sc *scanner) header(root *spot) *spot {
	line := sc.line
	sc.take(1)
	array := sc.accept('[')
	keys := sc.dottedKey()
	sc.take(1)
	t := root.at(keys, line)
	if !array {
		t = t.open()
		// A table that a longer header made first gets its own header's line.
		t.line = line
		return t
	}
	sc.take(1)
	return t.grow(line)
}

func (sc *scanner) keyValue(table *spot) {
	line := sc.line
	keys := sc.dottedKey()
	sc.take(1) // the "="
	sc.skipBlank()
	sc.value(table.at(keys, line))
}

func (sc *scanner) value(v *spot) {
	switch sc.peek() {
	case '"', '\'':
		sc.str()
	case '[':
		sc.list(']', func() { sc.value(v.grow(sc.line)) })
	case '{':
		sc.list('}', func() { sc.keyValue(v) })
	default:
		sc.until(",]}#\r\n")
	}
}

// list reads items up to the closing bracket.
func (sc *scanner) list(closing byte, item func()) {
	sc.take(1)
	for {
		sc.skipBlank()
		if sc.peek() == 0 || sc.accept(closing) {
			return
		}
		if !sc.accept(',') {
			item()
		}
	}
}

// dottedKey reads a key and the blanks behind it.
func (sc *scanner) dottedKey() []string {
	var keys []string
	for {
		sc.skipBlank()
		keys = append(keys, sc.simpleKey())
		sc.skipBlank()
		if !sc.accept('.') {
			return keys
		}
	}
}

func (sc *scanner) simpleKey() string {
	if c := sc.peek(); c == '"' || c == '\'' {
		return sc.str()
	}
	return sc.until(" \t.=]")
}

// str moves over a string of any of the four kinds and returns its text. The
// text is exact for those kinds that can be a key.
func (sc *scanner) str() string {
	quote := sc.src[sc.i : sc.i+1]
	if long := strings.Repeat(quote, 3); sc.has(long) {
		sc.longString(quote, long)
		return ""
	}
	sc.take(1)
	var b strings.Builder
	for sc.peek() != 0 && !sc.accept(quote[0]) {
		if quote == `"` && sc.has(`\`) {
			b.WriteString(sc.escape())
			continue
		}
		b.WriteString(sc.take(1))
	}
	return b.String()
}

func (sc *scanner) longString(quote, long string) {
	sc.take(3)
	for sc.peek() != 0 && !sc.has(long) {
		if quote == `"` && sc.has(`\`) {
			sc.take(1)
		}
		sc.take(1)
	}
	sc.take(3)
	// Up to two quotes may stand directly before the closing three.
	for range 2 {
		sc.accept(quote[0])
	}
}

// escape reads one escape sequence of a basic string, TOML 1.1.
func (sc *scanner) escape() string {
	sc.take(1)
	c := sc.take(1)
	width := map[string]int{"x": 2, "u": 4, "U": 8}[c]
	if width > 0 {
		n, err := strconv.ParseUint(sc.take(width), 16, 32)
		if err != nil {
			return ""
		}
		return string(rune(n))
	}
	plain := map[string]string{"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
	if s, ok := plain[c]; ok {
		return s
	}
	return c
}
