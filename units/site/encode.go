package site

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Encode gives the site as TOML that Parse reads back to an equal site. Keys
// that have their default are left out.
func (s *Site) Encode() []byte {
	var b bytes.Buffer
	writeFields(&b, serverFields(s), serverFields(Default(s.Name)))
	for _, g := range s.Groups {
		writeGroup(&b, g)
	}
	for _, m := range s.Mounts {
		b.WriteString("\n[[mount]]\n")
		writeFields(&b, mountFields(m), mountFields(&Mount{Callable: DefaultCallable}))
	}
	return b.Bytes()
}

func writeGroup(b *bytes.Buffer, g *Group) {
	header := "group." + quoteKey(g.Name)
	fmt.Fprintf(b, "\n[%s]\n", header)
	std := NewGroup(g.Name)
	if g.ProcessesSet {
		// A value that no group has, so that the key is written even for 1.
		std.Processes = -1
	}
	writeFields(b, groupFields(g), groupFields(std))
	if len(g.Env) == 0 {
		return
	}
	fmt.Fprintf(b, "\n[%s.env]\n", header)
	for _, k := range slices.Sorted(maps.Keys(g.Env)) {
		fmt.Fprintf(b, "%s = %s\n", quoteKey(k), quote(g.Env[k]))
	}
}

// writeFields writes those of fs that differ from std.
func writeFields(b *bytes.Buffer, fs, std fields) {
	for i, f := range fs {
		text := encodeValue(f.key, f.to)
		if text != "" && text != encodeValue(f.key, std[i].to) {
			fmt.Fprintf(b, "%s = %s\n", f.key, text)
		}
	}
}

// encodeValue gives the TOML form of a field, "" for one that is not set or has
// a table of its own.
func encodeValue(key string, v any) string {
	switch v := v.(type) {
	case *string:
		return quote(*v)
	case *int:
		if key != "umask" {
			return strconv.Itoa(*v)
		}
		if *v == -1 {
			return ""
		}
		return quote(formatOctal(int64(*v)))
	case *int64:
		return strconv.FormatInt(*v, 10)
	case *time.Duration:
		return quote(formatDuration(*v))
	case *[]string:
		return quoteList(*v)
	case *[]Listener:
		list := make([]string, len(*v))
		for i, l := range *v {
			list[i] = l.String()
		}
		return quoteList(list)
	case proxies:
		list := prefixStrings(*v.prefixes)
		if *v.unix {
			list = append(list, "unix")
		}
		return quoteList(list)
	}
	return ""
}

func quoteList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote gives a TOML basic string. strconv.Quote does not: it writes \x, \a and \v.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteKey(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return s
	}
	return quote(s)
}

// prefixStrings is the text form of networks, for the encoder.
func prefixStrings(list []netip.Prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}
