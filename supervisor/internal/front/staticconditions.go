package front

import (
	"bytes"
	"net/http"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// precondition is what the conditions of a request for a file come to (RFC 9110, 13.2.2):
// 412 or 304, or 0 for a request that is to be answered.
func (a *asked) precondition(f *openFile) int {
	fields := a.fields
	if tags, found := fieldValue(fields, "If-Match"); found {
		if !matches(tags, f.etag, false) {
			return 412
		}
	} else if date, ok := fieldDate(fields, "If-Unmodified-Since"); ok && f.modified.After(date) {
		return 412
	}
	if tags, found := fieldValue(fields, "If-None-Match"); found {
		if matches(tags, f.etag, true) {
			return 304
		}
	} else if date, ok := fieldDate(fields, "If-Modified-Since"); ok && !f.modified.After(date) {
		return 304
	}
	return 0
}

// fieldValue is that of a field, those of several joined.
func fieldValue(fields []http1.Field, name string) (value []byte, found bool) {
	for i := range fields {
		if len(fields[i].Name) != len(name) || !equalFold(fields[i].Name, []byte(name)) {
			continue
		}
		if found {
			value = append(append(value[:len(value):len(value)], ", "...), fields[i].Value...)
		} else {
			value, found = fields[i].Value, true
		}
	}
	return value, found
}

// fieldDate is not ok without a field, and for one that is no date, which counts as none.
func fieldDate(fields []http1.Field, name string) (date time.Time, ok bool) {
	value, found := fieldValue(fields, name)
	if !found {
		return date, false
	}
	date, err := http.ParseTime(string(value))
	return date, err == nil
}

// matches reports whether a tag is in a list of them, or the list is "*". Weak ones match
// only where that is enough (RFC 9110, 8.8.3.2).
func matches(list []byte, tag string, weak bool) bool {
	if string(bytes.TrimSpace(list)) == "*" {
		return true
	}
	for {
		list = bytes.TrimLeft(list, " \t,")
		after, isWeak := bytes.CutPrefix(list, []byte("W/"))
		if len(after) == 0 || after[0] != '"' {
			return false // the end, or no list of tags
		}
		end := bytes.IndexByte(after[1:], '"')
		if end < 0 {
			return false
		}
		if one := after[:end+2]; string(one) == tag && (weak || !isWeak) {
			return true
		}
		list = after[end+2:]
	}
}
