package main

import (
	"fmt"
	"html"
	"strings"
)

// canvas collects the shapes of a picture. Lengths are in SVG's user units.
type canvas struct {
	width, height int
	title         string
	shapes        strings.Builder
}

// style is what all pictures look like. Classes are kinds of things: what systemd holds,
// what is ours, what is the application's, old and new generations, notes.
const style = `
text { font: 13px system-ui, sans-serif; fill: #1b1b1b }
.name { font-weight: 600 } .note { fill: #5a5a5a; font-size: 12px } .code { font-family: ui-monospace, monospace; font-size: 12px }
rect { stroke-width: 1.2; stroke: #555; fill: #f4f4f4 }
.systemd { fill: #fdf0d5; stroke: #b7791f } .ours { fill: #dcebfb; stroke: #2b6cb0 } .python { fill: #dff3e0; stroke: #2f855a }
.old { fill: #e2e2e2; stroke: #777 } .zone { fill: none; stroke-dasharray: 4 4; stroke: #999 }
path, line { stroke: #333; stroke-width: 1.4; fill: none } .head { fill: #333; stroke: none } .moment { stroke: #c53030; stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
text { fill: #e8e8e8 } .note { fill: #b5b5b5 } rect { fill: #2b2b2b; stroke: #999 }
.systemd { fill: #4a3a14; stroke: #d69e2e } .ours { fill: #1d3653; stroke: #63b3ed } .python { fill: #1e4028; stroke: #68d391 }
.old { fill: #444; stroke: #999 } .zone { fill: none } path, line { stroke: #ccc } .head { fill: #ccc } .moment { stroke: #fc8181 }
}`

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.shapes, format+"\n", args...) }

// box is a rectangle with lines of text in it: the first is its name.
func (c *canvas) box(class string, x, y, width, height int, lines ...string) {
	c.add(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, class, x, y, width, height)
	for i, line := range lines {
		kind := "note"
		if i == 0 {
			kind = "name"
		}
		c.label(kind, x+10, y+20+17*i, line)
	}
}

func (c *canvas) label(class string, x, y int, text string) {
	c.add(`<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, html.EscapeString(text))
}

// arrow goes from one point to another, straight.
func (c *canvas) arrow(x1, y1, x2, y2 int) {
	c.add(`<line x1="%d" y1="%d" x2="%d" y2="%d" marker-end="url(#head)"/>`, x1, y1, x2, y2)
}

// moment is a line across a picture of time.
func (c *canvas) moment(x, top, bottom int) {
	c.add(`<line class="moment" x1="%d" y1="%d" x2="%d" y2="%d"/>`, x, top, x, bottom)
}

func (c *canvas) svg() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">
<title>%[5]s</title>
<style>%s
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>
%s</svg>
`, c.width, c.height, c.width, c.height, html.EscapeString(c.title), style, c.shapes.String())
}
