package site

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Pages are what is answered in place of an error's own text: by a status, "404", or a
// class of them, "4xx" or "5xx", the absolute path of a file or a text. "" is the
// error's own text.
type Pages map[string]string

// IsPageFile reports whether a value of Pages is the path of a file.
func IsPageFile(value string) bool { return filepath.IsAbs(value) }

// PageTypes gives the Content-Type of a page that is a file, by the ending of its name.
func PageTypes() map[string]string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8",
		".txt": "text/plain; charset=utf-8", ".json": "application/json", ".xml": "application/xml",
	}
}

// over is p with the pages of q in it. Neither is changed.
func (p Pages) over(q Pages) Pages {
	if len(q) == 0 {
		return p
	}
	all := maps.Clone(p)
	if all == nil {
		all = Pages{}
	}
	maps.Copy(all, q)
	return all
}

// encode gives an inline table.
func (p Pages) encode() string {
	parts := make([]string, 0, len(p))
	for _, status := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, status+" = "+quote(p[status]))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func (r *reading) pages(n *node) any {
	if n.table == nil {
		r.wrong(n, "a table", `write `+r.key.Name+` = { 404 = "/srv/404.html", 5xx = "Please come back later." }`)
		return Pages(nil)
	}
	var pages Pages
	for _, status := range n.sortedKeys() {
		e := n.table[status]
		text, ok := e.value.(string)
		if f := checkPage(status, text, ok, e); f != nil {
			r.faults = append(r.faults, placed{fault: f, place: e.place, sub: status})
			continue
		}
		if pages == nil {
			pages = Pages{}
		}
		pages[status] = text
	}
	return pages
}

func checkPage(status, text string, ok bool, n *node) *fault {
	number, err := strconv.Atoi(status)
	known := err == nil && number >= 400 && number <= 599 && strconv.Itoa(number) == status || status == "4xx" || status == "5xx"
	switch {
	case !known:
		return &fault{msg: quote(status) + " is not a status of an error", hint: "use a number from 400 to 599, or 4xx or 5xx for all that have no page of their own"}
	case !ok:
		return &fault{msg: n.kind() + " where a string is expected", hint: "put the file's name or the text in quotes"}
	case strings.ContainsRune(text, 0):
		return &fault{msg: "value contains a NUL character"}
	case IsPageFile(text) && PageTypes()[filepath.Ext(text)] == "":
		return &fault{msg: "the name of the file " + quote(text) + " does not say what is in it", hint: "end it in " + listed(slices.Sorted(maps.Keys(PageTypes())), "or")}
	}
	return nil
}

// PageFile is a file of an error page, with the key that names it first.
type PageFile struct{ Path, Key string }

// PageFiles are the files of all error pages of the site, each of them once.
func (s *Site) PageFiles() []PageFile {
	var files []PageFile
	add := func(p Pages, key string) {
		for _, status := range slices.Sorted(maps.Keys(p)) {
			path := p[status]
			if IsPageFile(path) && !slices.ContainsFunc(files, func(f PageFile) bool { return f.Path == path }) {
				files = append(files, PageFile{path, key + "." + status})
			}
		}
	}
	add(s.Policy.ErrorPages, errorPageKey)
	for _, v := range s.Hosts() {
		for i, m := range v.Mounts {
			add(m.Policy.ErrorPages, v.mountAt(i)+"."+errorPageKey)
		}
		for i, st := range v.Statics {
			add(st.Policy.ErrorPages, v.staticAt(i)+"."+errorPageKey)
		}
		for i, l := range v.Locations {
			add(l.policy.ErrorPages, v.below(elementKey("location", i))+"."+errorPageKey)
		}
	}
	return files
}

const errorPageKey = "error-page"

// errorPageNotes are for the man page.
const errorPageNotes = "A value that begins with a slash is the absolute path of a file, whose name ends in .html, .txt, .json or .xml; it is read when the site starts and at each reload, by the front end's user, and is at most 1 MiB long. " +
	"Other values are the text itself, HTML if it begins with <. In both %{REQUEST_ID} and %{STATUS} stand for the request's id and the status. " +
	"The status stays what it was, and the X-Request-ID header is there with every page.\n\n" +
	"The page of a status comes before that of its class. Tables nearer to the request add to those around them; an empty text brings the error's own back.\n\n" +
	"The pages are those of errors that wsgid itself answers with, an exception in the application among them; what the application answers goes by error-override. " +
	"For what cannot be read as HTTP the pages of the top level count."
