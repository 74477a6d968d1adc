package site

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Static maps a URL path to a directory whose files the front end serves itself.
type Static struct {
	// Path is the URL path, decoded, without a trailing slash except "/" itself.
	Path string
	// Directory is absolute. It may be a symbolic link: one that is changed is followed
	// anew within a millisecond.
	Directory string
	// Index is the name of the file that answers for a directory; "" means none.
	Index string
	// Expires is how long a client may keep a file; 0 leaves that to the client.
	Expires time.Duration
	// Precompressed sends FILE.br or FILE.gz for FILE to clients that take it.
	Precompressed bool
	// Symlinks is which symbolic links below Directory are followed: SymlinksInside or
	// SymlinksNever.
	Symlinks string
	// HiddenFiles serves what has a name that begins with a dot, too.
	HiddenFiles bool
	// Fallback leaves what no file is there for to the mount that covers Path.
	Fallback bool
	// Internal sends files only where an application answers with X-Accel-Redirect or
	// X-Sendfile.
	Internal bool
	// Policy has the keys for requests to the path; those of the host that it does not
	// change included.
	Policy Policy
}

// Which symbolic links below the directory of a [Static] are followed.
const (
	// SymlinksInside follows those that lead to what is below the directory, too.
	SymlinksInside = "inside"
	// SymlinksNever follows none.
	SymlinksNever = "never"
)

// staticPolicy names the keys of a [Policy] that mean something for files.
func staticPolicy() []string {
	return []string{
		"allow", "deny", "trusted-proxies", "trusted-proxy-headers", "underscore-headers", "enable-sendfile", errorPageKey,
		"response-headers", "redirect-https", "hsts", "compress", "compress-minimum-size",
	}
}

func staticKeys() []Key {
	own := []Key{
		{Name: "path", Type: TypeString, check: checkURLPath, Meaning: "URL path under which the files of the directory are served."},
		{
			Name: "directory", Type: TypePath, ModWSGI: "Alias",
			Meaning: "Directory whose files the front end serves itself; its user, wsgi, must be able to read them.",
			Notes:   staticNotes,
		},
		{
			Name: "index", Type: TypeString, Default: "index.html", check: checkFileName, ModWSGI: "DirectoryIndex", ModWSGIDefault: "index.html",
			Meaning: "Name of the file that answers for a directory; empty for none. Directories are never listed.",
		},
		{
			Name: "expires", Type: TypeDuration, Default: "0", ModWSGI: "ExpiresDefault",
			Meaning: "Time for which a client may use a file without asking again (Cache-Control: max-age); 0 means that nothing is said of it.",
		},
		{
			Name: "precompressed", Type: TypeBool, Default: false,
			Meaning: "Sends FILE.br or FILE.gz, where it is there and not older than FILE, to clients whose Accept-Encoding takes it.",
		},
		{
			Name: "symlinks", Type: TypeEnum, Values: []string{SymlinksInside, SymlinksNever}, Default: SymlinksInside, ModWSGI: "Options",
			Meaning: "Symbolic links below the directory that are followed: \"inside\" those that stay below it, \"never\" none; others are answered 403.",
		},
		{
			Name: "hidden-files", Type: TypeBool, Default: false,
			Meaning: "Serves files and directories whose names begin with a dot, too; false answers them 404.",
		},
		{
			Name: "fallback", Type: TypeBool, Default: false, ModWSGI: "FallbackResource",
			Meaning: "Leaves requests for which no file is there, and other methods than GET and HEAD, to the mount that covers the path, whose keys hold for them; false answers them 404 and 405.",
		},
		{
			Name: "internal", Type: TypeBool, Default: false,
			Meaning: "Answers requests 404, and sends a file only in place of a response of the host's applications that has X-Accel-Redirect, a URL path below this one, or X-Sendfile, a file below the directory.",
			Notes: "The response keeps its status and its headers, Content-Type among them, but for those that the file has itself: Content-Length, Content-Encoding, ETag, Last-Modified and the like. " +
				"Conditional requests and ranges are answered where the status is 200. X-Accel-Redirect is percent-encoded. A host without such files passes both headers on, to a server in front.",
		},
	}
	for _, k := range policyKeys() {
		if slices.Contains(staticPolicy(), k.Name) {
			own = append(own, k)
		}
	}
	return own
}

// staticNotes are for the man page.
const staticNotes = "Nothing outside of the directory is ever served, whatever a request, or a link in it, says. " +
	"A directory that is put in the place of another, as by a symbolic link that is renamed over the last, is served within a millisecond, and a file at once. " +
	"Files have an ETag, conditional requests and ranges are answered (RFC 9110), and the Content-Type comes from the end of the name. " +
	"The longest path wins, of mounts and static files alike; a mount with path-match comes before both. A [[location]] with auth-type, require or access-script cannot hold for static files, because those ask an application."

func checkFileName(s string) *fault {
	if strings.ContainsAny(s, "/\x00") || s == "." || s == ".." {
		return &fault{msg: quote(s) + " is not the name of a file", hint: `write a name without "/", such as "index.html"`}
	}
	return nil
}

func staticFields(st *Static) fields {
	fs := fields{
		{"path", &st.Path},
		{"directory", &st.Directory},
		{"index", &st.Index},
		{"expires", &st.Expires},
		{"precompressed", &st.Precompressed},
		{"symlinks", &st.Symlinks},
		{"hidden-files", &st.HiddenFiles},
		{"fallback", &st.Fallback},
		{"internal", &st.Internal},
	}
	for _, f := range policyFields(&st.Policy) {
		if slices.Contains(staticPolicy(), f.key) {
			fs = append(fs, f)
		}
	}
	return fs
}

// newStatic has all defaults, and the keys of the host.
func (v *Vhost) newStatic() *Static {
	st := &Static{}
	applyDefaults(tableStatic, staticFields(st))
	st.Policy = v.Policy
	return st
}

// Covers reports whether a URL path is that of the files, or below it.
func (st *Static) Covers(path string) bool { return covers(st.Path, path) }

// Settings lists the keys of the files that do not have their defaults, or differ from all
// of the host's URL space, without path and directory.
func (st *Static) Settings(of *Vhost) []Setting {
	const named = 2
	return staticFields(st)[named:].differing(staticFields(of.newStatic())[named:])
}

// StaticPlace is a part of a host's URL space that files are served in, as [Place] is for
// applications.
type StaticPlace struct {
	// Path is that of the files or of a location.
	Path   string
	Static *Static
	Policy Policy

	tables []string // as in Place
}

// StaticPlaces are those of the host. One with the path of a [Place] comes before it.
func (v *Vhost) StaticPlaces() []StaticPlace {
	var all []StaticPlace
	for i, st := range v.Statics {
		all = append(all, v.staticPlace(st.Path, i))
	}
	for _, l := range v.Locations {
		i := v.staticOf(l.Path)
		if i < 0 || v.Statics[i].Path == l.Path {
			continue
		}
		if m := v.mountOf(l.Path); m < 0 || len(v.Mounts[m].Path) <= len(v.Statics[i].Path) {
			all = append(all, v.staticPlace(l.Path, i))
		}
	}
	return all
}

// staticOf is the index of the files with the longest path that covers another, -1 when
// there are none.
func (v *Vhost) staticOf(path string) int {
	found := -1
	for i, st := range v.Statics {
		if st.Covers(path) && (found < 0 || len(st.Path) > len(v.Statics[found].Path)) {
			found = i
		}
	}
	return found
}

func (v *Vhost) staticPlace(path string, static int) StaticPlace {
	st := v.Statics[static]
	policy, tables := v.around(path, st.Policy, v.staticAt(static))
	return StaticPlace{Path: path, Static: st, Policy: policy, tables: tables}
}

// staticAt is the key of the table of static files.
func (v *Vhost) staticAt(i int) string { return v.below(elementKey("static", i)) }

// StaticDirectory is a directory of static files.
type StaticDirectory struct {
	// Key is the key that names it, for [Site.ErrorAt].
	Key string
	// Path is absolute and clean.
	Path string
}

// StaticDirectories are those of all hosts, each of them once.
func (s *Site) StaticDirectories() []StaticDirectory {
	var all []StaticDirectory
	for _, v := range s.Hosts() {
		for i, st := range v.Statics {
			path := filepath.Clean(st.Directory)
			if !slices.ContainsFunc(all, func(d StaticDirectory) bool { return d.Path == path }) {
				all = append(all, StaticDirectory{v.staticAt(i) + ".directory", path})
			}
		}
	}
	return all
}
