package front

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// span is a part of a file: from first up to, but without, end, in bytes.
type span struct{ first, end int64 }

func (p span) length() int64 { return p.end - p.first }

// of is the Content-Range of a part of so many bytes (RFC 9110, 14.4).
func (p span) of(size int64) string {
	b := strconv.AppendInt([]byte("bytes "), p.first, 10)
	b = strconv.AppendInt(append(b, '-'), p.end-1, 10)
	return string(strconv.AppendInt(append(b, '/'), size, 10))
}

// rangeOutcome says what a Range field asks for.
type rangeOutcome uint8

const (
	// noRange: all of the file is sent.
	noRange rangeOutcome = iota
	satisfiable
	unsatisfiable
)

// part is that of the file which the request asks for.
func (a *asked) part(f *openFile) (span, rangeOutcome) {
	value, found := fieldValue(a.fields, "Range")
	if !found || !a.get || !a.rangeHolds(f) {
		return span{}, noRange
	}
	return parseRange(value, f.size)
}

// rangeHolds reports whether the client has a part of this very file (RFC 9110, 13.1.5).
func (a *asked) rangeHolds(f *openFile) bool {
	value, found := fieldValue(a.fields, "If-Range")
	if !found {
		return true
	}
	if len(value) > 0 && value[0] == '"' {
		return string(value) == f.etag
	}
	// Within the second of a change there may be another (RFC 9110, 8.8.2.2).
	date, ok := fieldDate(a.fields, "If-Range")
	return ok && date.Equal(f.modified) && time.Since(f.modified) >= 2*time.Second
}

// parseRange reads a Range field (RFC 9110, 14.1.2 and 14.2). All of the file is sent for
// one that is not well-formed, of another unit, or names several ranges: those a server
// may leave alone, and they are how clients have made servers send a file many times over.
func parseRange(value []byte, size int64) (span, rangeOutcome) {
	unit, set, found := bytes.Cut(value, []byte("="))
	if !found || !equalFold(unit, []byte("bytes")) {
		return span{}, noRange
	}
	from, to, found := bytes.Cut(bytes.Trim(set, " \t"), []byte("-"))
	if !found {
		return span{}, noRange
	}
	first, hasFirst := position(from)
	last, hasLast := position(to)
	switch {
	case !hasFirst && len(from) > 0 || !hasLast && len(to) > 0 || !hasFirst && !hasLast:
		return span{}, noRange
	case !hasFirst:
		return suffix(last, size)
	case hasLast && last < first:
		return span{}, noRange
	case first >= size:
		return span{}, unsatisfiable
	case !hasLast || last >= size:
		return span{first, size}, satisfiable
	}
	return span{first, last + 1}, satisfiable
}

// suffix is the range of the last bytes. Of an empty file there is no part that could be
// named, so all of it is sent.
func suffix(n, size int64) (span, rangeOutcome) {
	switch {
	case n == 0:
		return span{}, unsatisfiable
	case size == 0:
		return span{}, noRange
	}
	return span{max(0, size-n), size}, satisfiable
}

// position reads digits; a number that is too large is as good as the largest.
func position(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-10)/10 {
			n = math.MaxInt64 / 16 // larger than any file, and still to be reckoned with
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
