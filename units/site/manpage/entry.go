package main

import (
	"fmt"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// entry describes one key; also names the other tables that it may stand in.
func entry(k *site.Key, also []site.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TP\n%s = %s\n", bold(k.Name), kindOf(k))
	if isTable(k.Type) {
		b.Reset()
		fmt.Fprintf(&b, ".TP\n%s, %s\n", bold(k.Name), prose(string(k.Type)))
	}
	b.WriteString(prose(k.Meaning) + "\n")
	for paragraph := range strings.SplitSeq(k.Notes, "\n\n") {
		if paragraph != "" {
			b.WriteString(".IP\n" + prose(strings.ReplaceAll(paragraph, "\n", " ")) + "\n")
		}
	}
	facts := facts(k)
	if len(also) > 0 {
		facts = append(facts, "Also in: "+tableList(also)+".")
	}
	if len(facts) > 0 {
		b.WriteString(".IP\n" + strings.Join(facts, "\n") + "\n")
	}
	return b.String()
}

func isTable(t site.Type) bool {
	return t == site.TypeTable || t == site.TypeTables || t == site.TypeNamed
}

// kindOf says how the value is written: its type or its words.
func kindOf(k *site.Key) string {
	if k.Type != site.TypeEnum {
		return `\fI` + prose(string(k.Type)) + `\fR`
	}
	words := make([]string, len(k.Values))
	for i, w := range k.Values {
		words[i] = literal(`"` + w + `"`)
	}
	return strings.Join(words, " | ")
}

// facts are short sentences, one to a line: default, unit, range, mod_wsgi.
func facts(k *site.Key) []string {
	var list []string
	if !isTable(k.Type) {
		list = append(list, "Default: "+preset(k)+".")
	}
	if k.Unit != "" {
		list = append(list, "A number without a unit is in "+prose(k.Unit)+".")
		if k.Type == site.TypeInt {
			list[len(list)-1] = "Unit: " + prose(k.Unit) + "."
		}
	}
	if span := k.Range(); span != "" {
		list = append(list, "Range: "+prose(span)+".")
	}
	return append(list, origin(k))
}

// preset is the default; a switch that nobody sets is off.
func preset(k *site.Key) string {
	if k.Type == site.TypeBool {
		return orElse(literal(k.DefaultText()), "false")
	}
	return orElse(literal(k.DefaultText()), "not set")
}

// origin says what the key is called in mod_wsgi or Apache, and what holds there when
// it is not written.
func origin(k *site.Key) string {
	if k.ModWSGI == "" {
		return "In mod_wsgi: nothing like it."
	}
	text := "In " + owner(k.ModWSGI) + ": " + bold(k.ModWSGI)
	if isTable(k.Type) {
		return text + "."
	}
	text += ", default " + orElse(prose(k.ModWSGIDefault), "not set")
	if k.ExpressDefault != "" {
		text += "; mod_wsgi\\-express sets " + prose(k.ExpressDefault)
	}
	return text + "."
}

// owner tells mod_wsgi's names, which begin with WSGI or are options in small letters, from
// Apache's own.
func owner(name string) string {
	if strings.HasPrefix(name, "WSGI") || name == strings.ToLower(name) {
		return "mod_wsgi"
	}
	return "Apache httpd"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// tableName is how text speaks of a table: "[[mount]]", "the top level".
func tableName(t site.Table) string {
	if strings.HasPrefix(string(t), "[") {
		return bold(string(t))
	}
	return "the " + prose(string(t))
}

func tableList(tables []site.Table) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = tableName(t)
	}
	return strings.Join(names, ", ")
}
