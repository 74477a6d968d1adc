package front

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// page is what is answered in place of an error's own text.
type page struct {
	contentType string
	text        string
}

// requestIDMark and statusMark stand in a page for what differs from answer to answer.
const (
	requestIDMark = "%{REQUEST_ID}"
	statusMark    = "%{STATUS}"
)

// fill is the text of one answer. A request's id is fit for HTML and JSON, see validID.
func (p *page) fill(status int, id string) string {
	text := p.text
	if strings.Contains(text, statusMark) {
		text = strings.ReplaceAll(text, statusMark, strconv.Itoa(status))
	}
	if strings.Contains(text, requestIDMark) {
		text = strings.ReplaceAll(text, requestIDMark, id)
	}
	return text
}

// errorPages are those of a place. Nil has none.
type errorPages struct {
	byStatus map[int]*page
	byClass  map[int]*page // 4 and 5
}

// find returns nil where an error has its own text.
func (p *errorPages) find(status int) *page {
	if p == nil {
		return nil
	}
	if found, known := p.byStatus[status]; known {
		return found
	}
	return p.byClass[status/100]
}

// pageFiles are the pages that are files, by path; one that could not be read is not there.
type pageFiles map[string]*page

// use gives all parts of the URL space their pages.
func (conf *settings) use(files pageFiles) {
	all := []*rules{conf.rules}
	for _, h := range conf.hosts.all {
		all = append(all, h.rules)
		for p := range h.places.all {
			all = append(all, p.rules)
		}
	}
	for _, r := range all {
		r.pages = newErrorPages(r.policy.ErrorPages, files)
	}
}

// newErrorPages makes the pages of a place. Nil means none.
func newErrorPages(pages site.Pages, files pageFiles) *errorPages {
	made := &errorPages{byStatus: map[int]*page{}, byClass: map[int]*page{}}
	for status, text := range pages {
		var p *page
		switch {
		case site.IsPageFile(text):
			p = files[text]
		case text != "":
			p = textPage(text)
		}
		if number, err := strconv.Atoi(status); err == nil {
			made.byStatus[number] = p
		} else if p != nil {
			made.byClass[int(status[0]-'0')] = p
		}
	}
	if len(made.byStatus)+len(made.byClass) == 0 {
		return nil
	}
	return made
}

func textPage(text string) *page {
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return &page{site.PageTypes()[".html"], text}
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return &page{site.PageTypes()[".txt"], text}
}

// largestPage bounds a page that is a file, in bytes: it is held in memory, and copied
// for each answer.
const largestPage = 1 << 20

// readErrorPages reads the files of a site's error pages. Beside an error it returns
// those that could be read.
func readErrorPages(s *site.Site) (pageFiles, error) {
	files := pageFiles{}
	var errs []error
	for _, f := range s.PageFiles() {
		text, err := readPage(f.Path)
		if err != nil {
			errs = append(errs, s.ErrorAt(f.Key, err.Error(), ""))
			continue
		}
		files[f.Path] = &page{site.PageTypes()[filepath.Ext(f.Path)], text}
	}
	return files, errors.Join(errs...)
}

func readPage(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read error page: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, largestPage+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot read error page: %w", err)
	case len(text) > largestPage:
		return "", fmt.Errorf("cannot use error page %s: it is larger than 1 MiB", path)
	}
	return string(text), nil
}
