package site

import (
	"slices"
	"time"
)

// Vhost is a virtual host: what is served for requests that name it. The top level
// of a site file is one, too; see [Site.Hosts].
type Vhost struct {
	// ServerName is the name of the host, and SERVER_NAME of requests that name
	// none; "" only at the top level.
	ServerName string
	// Aliases are further names. "*.example.org" stands for every name below
	// example.org, of any depth; an exact name counts before it, and of several the
	// longest one.
	Aliases []string
	// Default says that requests go here whose name no host has.
	Default bool
	// Listen are the addresses where the host is served, each one of the site's; nil
	// means all. There it counts before hosts that are served at all addresses.
	Listen []Listener
	// AccessLog and AccessLogFormat are as in [Server]; those of the top level when
	// the file does not say them.
	AccessLog, AccessLogFormat string
	// Groups are those that only hosts with this server name may use. They are among
	// the site's, too.
	Groups []*Group
	// WarmUp are URL paths of the host, as in [WarmUp].Paths.
	WarmUp []string
	// Mounts is in file order; nil means none, of a host that has Statics or Redirects.
	Mounts []*Mount
	// Statics is in file order; nil means none, of a host that has Mounts or Redirects.
	Statics []*Static
	// Redirects and Rewrites are in file order; nil means none.
	Redirects []*Redirect
	Rewrites  []*Rewrite
	// Handlers is in file order; nil means none.
	Handlers []*Handler
	// Locations is in file order; nil means none.
	Locations []*Location
	// Policy has the host's keys for all of its URL space; those of the top level
	// that it does not change included.
	Policy Policy

	key string // of its table, "" at the top level
}

// Hosts are all hosts that a request can be for: that of the top level, if it serves
// anything, and the virtual hosts in file order.
func (s *Site) Hosts() []*Vhost {
	var hosts []*Vhost
	if top := s.topHost(); top.serves() {
		hosts = append(hosts, top)
	}
	return append(hosts, s.Vhosts...)
}

// serves reports whether the host has anything to answer with.
func (v *Vhost) serves() bool { return len(v.Mounts)+len(v.Statics)+len(v.Redirects) > 0 }

// filesAlone reports whether the site serves files, or redirects, and runs no application.
func (s *Site) filesAlone() bool {
	return len(s.AllMounts()) == 0 && slices.ContainsFunc(s.Hosts(), (*Vhost).serves)
}

// GracefulTimeout is how long clients may take to finish before the site ends: the longest
// time of its groups, or for files alone the default.
func (s *Site) GracefulTimeout() time.Duration {
	if len(s.Groups) == 0 {
		return NewGroup(DefaultGroup).GracefulTimeout
	}
	longest := time.Duration(0)
	for _, g := range s.Groups {
		longest = max(longest, g.GracefulTimeout)
	}
	return longest
}

// topHost is the top level as a host.
func (s *Site) topHost() *Vhost {
	return &Vhost{
		ServerName: s.ServerName, Aliases: s.Aliases, Default: s.DefaultHost,
		AccessLog: s.Server.AccessLog, AccessLogFormat: s.Server.AccessLogFormat, WarmUp: s.WarmUp.Paths,
		Mounts: s.Mounts, Statics: s.Statics, Handlers: s.Handlers, Redirects: s.Redirects, Rewrites: s.Rewrites, Locations: s.Locations, Policy: s.Policy,
	}
}

// AllMounts are the mounts of all hosts, and what their handlers run.
func (s *Site) AllMounts() []*Mount {
	var all []*Mount
	for _, v := range append([]*Vhost{s.topHost()}, s.Vhosts...) {
		all = append(all, v.Mounts...)
		for _, h := range v.Handlers {
			all = append(all, h.Run)
		}
	}
	return all
}

// LogFile is a file that the front end writes.
type LogFile struct {
	// Key is the key that names it, for [Site.ErrorAt].
	Key string
	// Path is absolute.
	Path string
}

// LogFiles are the log files of the site and of all hosts, each once.
func (s *Site) LogFiles() []LogFile {
	all := []LogFile{{"access-log", s.Server.AccessLog}, {"error-log", s.Server.ErrorLog}}
	for _, v := range s.Vhosts {
		all = append(all, LogFile{v.below("access-log"), v.AccessLog})
	}
	var files []LogFile
	for _, l := range all {
		known := slices.ContainsFunc(files, func(have LogFile) bool { return have.Path == l.Path })
		if l.Path != "" && l.Path != "-" && !known {
			files = append(files, l)
		}
	}
	return files
}

// Names are the server name and the aliases in the form that [AppendHost] gives,
// "*." of an alias kept.
func (v *Vhost) Names() []string {
	var names []string
	for _, name := range append([]string{v.ServerName}, v.Aliases...) {
		if name != "" {
			names = append(names, hostKey(name))
		}
	}
	return names
}

// Name is the server name, localhost for a host without one.
func (v *Vhost) Name() string {
	if v.ServerName == "" {
		return "localhost"
	}
	return v.ServerName
}

// MountOf is the mount that serves a URL path: that with the longest path of those
// that it is part of. nil when there is none.
func (v *Vhost) MountOf(path string) *Mount {
	if i := v.mountOf(path); i >= 0 {
		return v.Mounts[i]
	}
	return nil
}

// below is the key of something in the host's table.
func (v *Vhost) below(key string) string {
	if v.key == "" {
		return key
	}
	return v.key + "." + key
}

// table is how the header of a table in the host is written.
func (v *Vhost) table(name string) string {
	if v.key == "" {
		return name
	}
	return "vhost." + name
}

// mountAt is the key of a mount.
func (v *Vhost) mountAt(i int) string { return v.below(mountKey(i)) }

// vhostKeys are those of a table of its own; what is not written is as at the top
// level.
func vhostKeys() []Key {
	return append(policyKeys(), []Key{
		{
			Name: "server-name", Type: TypeString, check: checkHost, ModWSGI: "ServerName",
			Meaning: "Host name of the virtual host, and SERVER_NAME of requests to it that name no host.",
		},
		aliasKey(),
		{
			Name: "default-host", Type: TypeBool, Default: false,
			Meaning: "Whether requests go here whose host name nobody has; of the hosts of one address only one may say so.",
		},
		{
			Name: "listen", Type: TypeListen,
			Meaning: "Those addresses of the site where the virtual host is served, before hosts that name none; all when it is not written.",
		},
		{
			Name: "access-log", Type: TypeString, check: checkAccessLog, ModWSGI: "CustomLog",
			Meaning: "Access log of the virtual host, as at the top level, whose log is used when it is not written; empty for none.",
		},
		{
			Name: "access-log-format", Type: TypeEnum, Values: logFormats(), ModWSGI: "LogFormat",
			Meaning: "Form of an access log line; that of the top level when it is not written.",
		},
		{
			Name: "warm-up", Type: TypeStrings, check: checkURLPath,
			Meaning: "Paths of the virtual host that are requested from a new process before it takes traffic; see warm-up-status at the top level.",
		},
		{Name: "group", Type: TypeNamed, ModWSGI: "WSGIDaemonProcess", Meaning: "Daemon groups for hosts with this server name alone: [vhost.group.NAME]."},
		{Name: "mount", Type: TypeTables, ModWSGI: "WSGIScriptAlias", Meaning: "URL paths of the virtual host and the applications behind them: [[vhost.mount]]."},
		{Name: "static", Type: TypeTables, ModWSGI: "Alias", Meaning: "Directories whose files the front end serves itself: [[vhost.static]]."},
		{Name: "redirect", Type: TypeTables, ModWSGI: "Redirect", Meaning: "URLs of the virtual host that are answered with another one: [[vhost.redirect]]."},
		{Name: "rewrite", Type: TypeTables, ModWSGI: "RewriteRule", Meaning: "URL paths of the virtual host for which others count: [[vhost.rewrite]]."},
		{Name: "handler", Type: TypeTables, ModWSGI: "WSGIHandlerScript", Meaning: "Applications that answer for files of certain names: [[vhost.handler]]."},
		{Name: "location", Type: TypeTables, ModWSGI: "Location", Meaning: "Settings for a part of the virtual host's URL space: [[vhost.location]]."},
	}...)
}

func aliasKey() Key {
	return Key{
		Name: "server-alias", Type: TypeStrings, check: checkHostPattern, ModWSGI: "ServerAlias",
		Meaning: "Further host names; \"*.example.org\" is every name below example.org that no host has itself.",
	}
}

func vhostFields(v *Vhost) fields {
	return append(fields{
		{"server-name", &v.ServerName},
		{"server-alias", &v.Aliases},
		{"default-host", &v.Default},
		{"listen", &v.Listen},
		{"access-log", &v.AccessLog},
		{"access-log-format", &v.AccessLogFormat},
		{"warm-up", &v.WarmUp},
	}, policyFields(&v.Policy)...)
}

// newVhost is a virtual host that has nothing written.
func (s *Site) newVhost() *Vhost {
	return &Vhost{AccessLog: s.Server.AccessLog, AccessLogFormat: s.Server.AccessLogFormat, Policy: s.Policy}
}

// host is a virtual host, or the top level, with the tree beside it, for rules
// across keys.
type host struct {
	*Vhost
	node   *node
	mounts []*node
	// statics are those of Statics, and handlers those of Handlers.
	statics, handlers []*node
	// redirects and rewrites are those of Redirects and Rewrites.
	redirects, rewrites []*node
}

// hosts reads the top level's tables, then those of the virtual hosts.
func (d *decoder) hosts(root *node) []*host {
	top := &host{Vhost: d.site.topHost(), node: root}
	d.hostTables(top)
	d.site.Mounts, d.site.Statics, d.site.Handlers, d.site.Locations = top.Mounts, top.Statics, top.Handlers, top.Locations
	d.site.Redirects, d.site.Rewrites = top.Redirects, top.Rewrites
	all := []*host{top}
	if n := root.table["vhost"]; n != nil {
		for i, e := range d.tables(n, "vhost") {
			all = append(all, d.vhost(i, e))
		}
	}
	return all
}

func (d *decoder) vhost(i int, n *node) *host {
	h := &host{Vhost: d.site.newVhost(), node: n}
	h.key = elementKey("vhost", i)
	d.site.lines[h.key] = n.place
	d.table(tableVhost, n, h.key+".", vhostFields(h.Vhost))
	d.site.Vhosts = append(d.site.Vhosts, h.Vhost)
	if g := n.table["group"]; g != nil {
		d.groups(g, h.Vhost)
	}
	d.hostTables(h)
	return h
}

// hostTables reads what a host has in tables.
func (d *decoder) hostTables(h *host) {
	d.mountTables(h)
	d.staticTables(h)
	d.handlerTables(h)
	d.reroutingTables(h)
	d.locationTables(h)
}

// at is the place of a key in the host's table, or of the table.
func (h *host) at(key string) place {
	if n := h.node.table[key]; n != nil {
		return n.place
	}
	return h.node.place
}

// isTop reports whether the host is the top level.
func (h *host) isTop() bool { return h.key == "" }

// kind is what the host's mounts make up.
func (h *host) kind() string {
	if h.isTop() {
		return "site"
	}
	return "host"
}

// inWords names the host in a sentence.
func (h *host) inWords() string {
	if h.isTop() {
		return "the top level"
	}
	return h.ServerName
}
