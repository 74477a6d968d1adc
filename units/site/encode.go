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
	writeDirectives(&b, "site.systemd", s.Systemd)
	if s.TLS != nil {
		std := &TLS{}
		applyDefaults(tableTLS, tlsFields(std))
		b.WriteString("\n[tls]\n")
		writeFields(&b, tlsFields(s.TLS), tlsFields(std))
	}
	for _, g := range s.EveryGroup() {
		if g.Host == "" && g.Of == "" {
			writeGroup(&b, "", g)
		}
	}
	s.writeHost(&b, "", s.topHost())
	for _, v := range s.Vhosts {
		b.WriteString("\n[[vhost]]\n")
		writeFields(&b, vhostFields(v), vhostFields(s.newVhost()))
		for _, g := range v.Groups {
			writeGroup(&b, "vhost.", g)
		}
		s.writeHost(&b, "vhost.", v)
	}
	return b.Bytes()
}

// writeHost writes what a host has in tables.
func (s *Site) writeHost(b *bytes.Buffer, prefix string, v *Vhost) {
	for _, m := range v.Mounts {
		written := *m
		written.Group = s.writtenGroup(m)
		fmt.Fprintf(b, "\n[[%smount]]\n", prefix)
		writeFields(b, mountFields(&written), mountFields(&Mount{Callable: DefaultCallable, ScriptSuffix: m.usualSuffix(), Dispatch: m.usualDispatch(), Policy: v.Policy}))
	}
	for _, st := range v.Statics {
		fmt.Fprintf(b, "\n[[%sstatic]]\n", prefix)
		writeFields(b, staticFields(st), staticFields(v.newStatic()))
	}
	for _, r := range v.Redirects {
		fmt.Fprintf(b, "\n[[%sredirect]]\n", prefix)
		writeFields(b, redirectFields(r), redirectFields(newRedirect()))
	}
	for _, r := range v.Rewrites {
		fmt.Fprintf(b, "\n[[%srewrite]]\n", prefix)
		writeFields(b, rewriteFields(r), rewriteFields(newRewrite()))
	}
	for _, h := range v.Handlers {
		written := *h.Run
		written.Group = s.writtenGroup(h.Run)
		std := v.newHandler()
		std.Run.Callable = DefaultHandlerCallable
		fmt.Fprintf(b, "\n[[%shandler]]\n", prefix)
		writeFields(b, handlerFields(&Handler{Path: h.Path, Suffixes: h.Suffixes, Run: &written}), handlerFields(std))
	}
	for _, l := range v.Locations {
		fmt.Fprintf(b, "\n[[%slocation]]\n", prefix)
		fmt.Fprintf(b, "path = %s\n", quote(l.Path))
		for _, name := range l.written {
			fmt.Fprintf(b, "%s = %s\n", name, encodeValue(policyFields(&l.policy).find(name)))
		}
	}
}

// writtenGroup is the group that the file names for a mount.
func (s *Site) writtenGroup(m *Mount) string {
	if g := s.Group(m.Group); g != nil && g.Of != "" {
		return g.Of
	}
	return m.Group
}

func writeGroup(b *bytes.Buffer, prefix string, g *Group) {
	header := prefix + groupKey(g.Name)
	fmt.Fprintf(b, "\n[%s]\n", header)
	std := NewGroup(g.Name)
	if g.ProcessesSet {
		// A value that no group has, so that the key is written even for 1.
		std.Processes = -1
	}
	writeFields(b, groupFields(g), groupFields(std))
	if len(g.Env) > 0 {
		fmt.Fprintf(b, "\n[%s.env]\n", header)
	}
	for _, k := range slices.Sorted(maps.Keys(g.Env)) {
		fmt.Fprintf(b, "%s = %s\n", quoteKey(k), quote(g.Env[k]))
	}
	writeDirectives(b, header+".systemd", g.Systemd)
}

// writeDirectives writes a table with one array per name.
func writeDirectives(b *bytes.Buffer, header string, list []Directive) {
	if len(list) > 0 {
		fmt.Fprintf(b, "\n[%s]\n", header)
	}
	values := map[string][]string{}
	for _, d := range list {
		values[d.Name] = append(values[d.Name], d.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(b, "%s = %s\n", quoteKey(name), quoteList(values[name]))
	}
}

// writeFields writes those of fs that differ from std.
func writeFields(b *bytes.Buffer, fs, std fields) {
	for i, f := range fs {
		text := encodeValue(f.to)
		if text != "" && text != encodeValue(std[i].to) {
			fmt.Fprintf(b, "%s = %s\n", f.key, text)
		}
	}
}

// encodeValue gives the TOML form of a field, "" for one that is not set or has
// a table of its own.
func encodeValue(v any) string {
	switch v := v.(type) {
	case *string:
		return quote(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case octal:
		if *v.int == -1 {
			return ""
		}
		return quote(formatOctal(int64(*v.int)))
	case *int64:
		return strconv.FormatInt(*v, 10)
	case *time.Duration:
		return quote(FormatDuration(*v))
	case *[]string:
		return quoteArray(*v)
	case *[]Listener:
		list := make([]string, len(*v))
		for i, l := range *v {
			list[i] = l.String()
		}
		return quoteList(list)
	case *Peers:
		return quoteArray(v.strings())
	case *Pages:
		return v.encode()
	}
	return ""
}

// quoteArray also has a form for an empty list, which may take something back.
func quoteArray(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	return quoteList(list)
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
