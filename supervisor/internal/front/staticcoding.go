package front

import (
	"bytes"
	"slices"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// coding is a content coding of files that are compressed already.
type coding struct {
	name   string // "" is none
	ending string // of the file names
	weight int    // thousandths
}

// codingsOf are those that the client takes, the best first (RFC 9110, 12.5.3).
func codingsOf(fields []http1.Field) []coding {
	value, found := fieldValue(fields, "Accept-Encoding")
	if !found {
		return nil
	}
	return acceptedCodings(value)
}

// acceptedCodings reads an Accept-Encoding field. Of codings that the client likes
// equally the one that makes files smaller comes first, and none at all last.
func acceptedCodings(value []byte) []coding {
	const unsaid = -1
	weights := map[string]int{"br": unsaid, "gzip": unsaid, "identity": unsaid, "*": unsaid}
	for _, entry := range bytes.Split(value, []byte(",")) {
		name, parameters, _ := bytes.Cut(entry, []byte(";"))
		key := string(bytes.ToLower(bytes.TrimSpace(name)))
		if key == "x-gzip" {
			key = "gzip"
		}
		if _, known := weights[key]; known {
			weights[key] = weight(parameters)
		}
	}
	var all []coding
	for _, c := range []coding{{name: "br", ending: ".br"}, {name: "gzip", ending: ".gz"}, {name: "identity"}} {
		c.weight = weights[c.name]
		if c.weight == unsaid && c.name != "identity" {
			c.weight = weights["*"]
		}
		if c.name == "identity" {
			c.name = ""
			c.weight = max(c.weight, 0) // after what is named
		} else if c.weight <= 0 {
			continue
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b coding) int { return b.weight - a.weight })
	return all
}

// weight reads the q parameter in thousandths (RFC 9110, 12.4.2): 1000 without one, 0
// for one that is not well-formed.
func weight(parameters []byte) int {
	text := bytes.ToLower(bytes.TrimSpace(parameters))
	if len(text) == 0 {
		return 1000
	}
	text, found := bytes.CutPrefix(text, []byte("q="))
	if !found || len(text) == 0 || len(text) > len("0.000") || text[0] != '0' && text[0] != '1' {
		return 0
	}
	n := int(text[0]-'0') * 1000
	if len(text) == 1 {
		return n
	}
	if text[1] != '.' {
		return 0
	}
	for i, unit := 2, 100; i < len(text); i, unit = i+1, unit/10 {
		if text[i] < '0' || text[i] > '9' {
			return 0
		}
		n += int(text[i]-'0') * unit
	}
	return min(n, 1000)
}
