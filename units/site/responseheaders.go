package site

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// responseKeys are the keys of a [Policy] about what is said to clients.
func responseKeys() []Key {
	return []Key{
		{
			Name: "response-headers", Type: TypeStrings, check: checkResponseHeader, ModWSGI: "Header",
			Meaning: "Header fields, each as \"Name: value\", that every response has in place of the application's own of that name; \"Name:\" takes those away.",
		},
		{
			Name: "redirect-https", Type: TypeBool, Default: false, ModWSGI: "Redirect",
			Meaning: "Answers requests that did not come over TLS, to this server or to a trusted proxy, with a redirect to the same URL with https.",
		},
		{
			Name: "hsts", Type: TypeDuration, Max: int64(10 * 366 * 24 * time.Hour), Default: "0",
			Meaning: "Time for which clients that came over TLS are told to come in no other way (Strict-Transport-Security, RFC 6797); 0 means that they are not told.",
		},
	}
}

func responseFields(p *Policy) fields {
	return fields{
		{"response-headers", &p.ResponseHeaders},
		{"redirect-https", &p.RedirectHTTPS},
		{"hsts", &p.HSTS},
	}
}

// SplitHeader takes "Name: value" apart.
func SplitHeader(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ":")
	return strings.TrimSpace(name), strings.TrimSpace(value)
}

// checkResponseHeader refuses what is no header field, and what frames a message.
func checkResponseHeader(line string) *fault {
	name, value := SplitHeader(line)
	own := []string{"Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"}
	switch {
	case !strings.Contains(line, ":"):
		return &fault{msg: strconv.Quote(line) + " has no colon", hint: `write "Name: value"`}
	case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") != "":
		return &fault{msg: strconv.Quote(name) + " is not the name of a header field"}
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return &fault{msg: "the value of " + name + " contains a control character"}
	case slices.ContainsFunc(own, func(s string) bool { return strings.EqualFold(s, name) }):
		return &fault{msg: name + " is the front end's to set"}
	}
	return nil
}
