package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/wsgid/wsgid/units/site"
)

//go:embed page.5.in examples/*.toml
var sources embed.FS

// document is what page.5.in is filled in with. Its methods are the template's words.
type document struct {
	Date    string
	keys    []site.Key
	printed map[site.Table]bool
}

// page gives the man page of a list of keys.
func page(keys []site.Key, date string) (string, error) {
	tmpl, err := template.New("page.5.in").ParseFS(sources, "page.5.in")
	if err != nil {
		return "", fmt.Errorf("cannot parse the page's template: %w", err)
	}
	d := &document{Date: date, keys: keys, printed: map[site.Table]bool{}}
	var b strings.Builder
	if err := tmpl.Execute(&b, d); err != nil {
		return "", fmt.Errorf("cannot fill in the page: %w", err)
	}
	return b.String(), nil
}

// Key is the name of a key in running text.
func (d *document) Key(name string) (string, error) {
	if !slices.ContainsFunc(d.keys, func(k site.Key) bool { return k.Name == name }) {
		return "", fmt.Errorf("there is no key %q", name)
	}
	return bold(name), nil
}

// Table is the description of every key of a table that this version acts on.
func (d *document) Table(name string) (string, error) {
	t := site.Table(name)
	if d.printed[t] {
		return "", fmt.Errorf("table %q is described twice", name)
	}
	d.printed[t] = true
	var b strings.Builder
	var elsewhere []string
	found := false
	for i := range d.keys {
		k := &d.keys[i]
		if k.Table != t {
			continue
		}
		found = true
		switch others := d.twins(k); {
		case k.State != site.Supported:
		case len(others) > 0 && d.printed[others[0]] && others[0] != t:
			elsewhere = append(elsewhere, bold(k.Name))
		default:
			b.WriteString(entry(k, others))
		}
	}
	if !found {
		return "", fmt.Errorf("there is no table %q", name)
	}
	if len(elsewhere) > 0 {
		fmt.Fprintf(&b, ".PP\nDescribed above, and allowed here as well:\n%s.\n", strings.Join(elsewhere, ",\n"))
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// twins are the other tables that have the very same key, in the order of the list.
func (d *document) twins(k *site.Key) []site.Table {
	var tables []site.Table
	for i := range d.keys {
		o := &d.keys[i]
		if o.Table != k.Table && o.Name == k.Name && o.Meaning == k.Meaning && o.State == k.State && o.Type == k.Type {
			tables = append(tables, o.Table)
		}
	}
	return tables
}

// Rest describes the tables that the template does not name.
func (d *document) Rest() (string, error) {
	var b strings.Builder
	for i := range d.keys {
		k := &d.keys[i]
		if d.printed[k.Table] || k.State != site.Supported {
			continue
		}
		text, err := d.Table(string(k.Table))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, ".SS %s\n%s\n", literal(string(k.Table)), text)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Refused lists the keys that are known and refused: those of later versions, or
// those that wsgid has no need of.
func (d *document) Refused(state string) string {
	var b strings.Builder
	for i := range d.keys {
		k := &d.keys[i]
		if k.State != site.State(state) {
			continue
		}
		fmt.Fprintf(&b, ".TP\n%s in %s\n%s\n", bold(k.Name), tableName(k.Table), prose(k.Meaning))
		if k.ModWSGI != "" {
			fmt.Fprintf(&b, "(%s)\n", bold(k.ModWSGI))
		}
	}
	if b.Len() == 0 {
		return "There are none."
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Example is a site file.
func (d *document) Example(name string) (string, error) {
	text, err := sources.ReadFile("examples/" + name)
	if err != nil {
		return "", fmt.Errorf("cannot read example: %w", err)
	}
	return strings.TrimSuffix(verbatim(string(text)), "\n"), nil
}
