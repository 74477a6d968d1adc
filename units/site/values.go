package site

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// placed is a fault at the node where it was found.
type placed struct {
	*fault
	place
	// sub is the key inside the value, for tables of strings.
	sub string
}

// reading collects what is wrong with one value.
type reading struct {
	key    *Key
	faults []placed
}

func (r *reading) fail(n *node, f *fault) {
	r.faults = append(r.faults, placed{fault: f, place: n.place})
}

func (r *reading) wrong(n *node, want, hint string) {
	r.fail(n, &fault{msg: n.kind() + " where " + want + " is expected", hint: hint})
}

// read turns a TOML value into the Go value of the key's type. The value counts
// only when there are no faults.
func (k *Key) read(n *node) (any, []placed) {
	r := &reading{key: k}
	v := r.value(n)
	return v, r.faults
}

func (r *reading) value(n *node) any {
	switch r.key.Type {
	case TypeBool:
		return r.boolean(n)
	case TypeInt:
		return r.integer(n)
	case TypeSeed:
		return r.seed(n)
	case TypeDuration:
		return r.duration(n)
	case TypeSize:
		return r.size(n)
	case TypeOctal:
		return r.octal(n)
	case TypePaths, TypePathList, TypeStrings:
		return r.stringList(n)
	case TypeListen:
		return each(r, n, r.listener)
	case TypePeers:
		return r.peers(n)
	case TypePages:
		return r.pages(n)
	case TypeEnv:
		return r.environment(n)
	case TypeUnit:
		return r.directives(n)
	case TypeTable, TypeTables, TypeNamed:
		return nil
	}
	return r.str(n)
}

func (r *reading) boolean(n *node) any {
	b, ok := n.value.(bool)
	if !ok {
		r.wrong(n, "true or false", `write `+r.key.Name+` = true or `+r.key.Name+` = false, without quotes`)
	}
	return b
}

func (r *reading) integer(n *node) any {
	i, ok := n.value.(int64)
	if !ok {
		r.wrong(n, "a whole number", "")
		if s, ok := n.value.(string); ok && isDigits(s) {
			r.faults[len(r.faults)-1].hint = "write " + r.key.Name + " = " + s + ", without quotes"
		}
		return i
	}
	r.bounds(n, i, func(i int64) string { return strconv.FormatInt(i, 10) })
	return i
}

func (r *reading) duration(n *node) any {
	var text string
	switch v := n.value.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		text = v
	default:
		r.wrong(n, "a duration", durationForms)
		return time.Duration(0)
	}
	d, err := ParseDuration(text)
	if err != nil {
		r.fail(n, asFault(err))
		return d
	}
	r.bounds(n, int64(d), func(i int64) string { return FormatDuration(time.Duration(i)) })
	return d
}

func (r *reading) size(n *node) any {
	var text string
	switch v := n.value.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case string:
		text = v
	default:
		r.wrong(n, "a size", sizeForms)
		return int64(0)
	}
	size, err := ParseSize(text)
	if err != nil {
		r.fail(n, asFault(err))
		return size
	}
	if !r.bounds(n, size, FormatSize) && isDigits(text) {
		r.faults[len(r.faults)-1].hint = r.key.bareNumberHint(size)
	}
	return size
}

// bareNumberHint finds the unit that a person had in mind who wrote a number of
// bytes which is too small.
func (k *Key) bareNumberHint(i int64) string {
	for _, u := range []struct {
		letter string
		shift  int
	}{{"K", 10}, {"M", 20}, {"G", 30}} {
		if size := i << u.shift; i < k.Min && size >= k.Min && (k.Max == 0 || size <= k.Max) {
			return fmt.Sprintf("a bare number is bytes; did you mean \"%d%s\"?", i, u.letter)
		}
	}
	return ""
}

// FormatSize gives the shortest form that ParseSize reads back exactly.
func FormatSize(i int64) string {
	for _, u := range []struct {
		letter string
		bytes  int64
	}{{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}} {
		if i != 0 && i%u.bytes == 0 {
			return strconv.FormatInt(i/u.bytes, 10) + u.letter
		}
	}
	return strconv.FormatInt(i, 10)
}

// bounds reports a number outside of the key's range, and whether it is inside.
func (r *reading) bounds(n *node, i int64, format func(int64) string) bool {
	k := r.key
	switch {
	case i >= k.Min && (k.Max == 0 || i <= k.Max), i == 0 && k.Zero != "":
		return true
	case k.Max == 0:
		r.fail(n, &fault{msg: format(i) + " is too small: " + k.span(format)})
	default:
		r.fail(n, &fault{msg: format(i) + " is out of range: " + k.span(format)})
	}
	return false
}

func (r *reading) octal(n *node) any {
	s, ok := n.value.(string)
	hint := `write the octal digits as a string: ` + r.key.Name + ` = "0027"`
	if !ok {
		r.wrong(n, "an octal string", hint)
		return int64(0)
	}
	i, err := strconv.ParseUint(s, 8, 32)
	if err != nil || !isDigits(s) {
		r.fail(n, &fault{msg: strconv.Quote(s) + " is not an octal number", hint: hint})
		return int64(0)
	}
	r.bounds(n, int64(i), formatOctal)
	return int64(i)
}

func formatOctal(i int64) string { return fmt.Sprintf("%04o", i) }

// str reads a string of the key's type.
func (r *reading) str(n *node) any {
	s, ok := n.value.(string)
	if !ok {
		r.wrong(n, "a string", "")
		return s
	}
	if f := r.text(s); f != nil {
		r.fail(n, f)
	}
	return s
}

// text checks one string, alone or in an array.
func (r *reading) text(s string) *fault {
	k := r.key
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		return &fault{msg: fmt.Sprintf("%q contains a control character", s)}
	}
	switch k.Type {
	case TypePath, TypePaths, TypePathList:
		if f := checkAbsolute(s); f != nil || k.check == nil {
			return f
		}
	case TypeEnum:
		return checkEnum(s, k.Values)
	}
	if k.check != nil {
		return k.check(s)
	}
	if k.Type == TypeUser {
		return checkUser(s)
	}
	if s == "" {
		return &fault{msg: "is empty", hint: "leave " + k.Name + " out"}
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
