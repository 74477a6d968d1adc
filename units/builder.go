package units

import (
	"time"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// documentation is in every unit.
const documentation = "https://github.com/wsgid/wsgid"

// builder collects the files of a site. The first error stays.
type builder struct {
	site    *site.Site
	options Options
	// broken makes units for a site whose file has errors, see [Broken].
	broken bool
	files  []File
	err    error
}

// draft is a unit file in the making.
type draft struct {
	b    *builder
	path string
	file unitfile.File
}

// unit begins a file with the directives that all of them have. The description
// may have specifiers; a drop-in has none, as a rule, and leaves that and the
// documentation to the unit it belongs to.
func (b *builder) unit(path, description string) *draft {
	d := &draft{b: b, path: path}
	d.file.Head = []string{"Made by wsgid-generator from " + b.site.Path + "; changes here are lost."}
	d.section("Unit")
	if description != "" {
		d.add("Description", description)
	}
	d.add("SourcePath", unitfile.Specifiers(b.site.Path))
	return d
}

func (b *builder) slice(name, description string) {
	d := b.unit(name, description)
	d.add("Documentation", documentation)
	d.done()
}

func (b *builder) link(path, target string) {
	b.files = append(b.files, File{Path: path, Link: target})
}

func (d *draft) section(name string) {
	d.file.Sections = append(d.file.Sections, unitfile.Section{Name: name})
}

func (d *draft) add(key, value string) {
	d.file.Sections[len(d.file.Sections)-1].Add(key, value)
}

// flags adds lines without a reason to look at them one by one.
func (d *draft) flags(lines []unitfile.Line) {
	for _, l := range lines {
		d.add(l.Key, l.Value)
	}
}

// quoted adds a value that had to be quoted.
func (d *draft) quoted(key, value string, err error) {
	d.b.fail(err)
	d.add(key, value)
}

// command adds a command line.
func (d *draft) command(key, program string, arguments ...string) {
	first, err := unitfile.Argument(program)
	d.b.fail(err)
	for _, a := range arguments {
		first += " " + a
	}
	d.add(key, first)
}

// timeout adds a time; forever means that there is no limit.
func (d *draft) timeout(key string, t time.Duration) {
	if t == forever {
		d.add(key, "infinity")
		return
	}
	d.add(key, site.FormatDuration(t))
}

func (d *draft) done() {
	text, err := d.file.Print()
	d.b.fail(err)
	d.b.files = append(d.b.files, File{Path: d.path, Content: text})
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
